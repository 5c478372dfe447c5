package e2e

import (
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// rootID is the id of the root of every story.
var rootID = pcommon.SpanID{0: 1}

// story makes the spans of one run of an agent. Its trace id follows from its
// number and falls anywhere.
type story struct {
	id    pcommon.TraceID
	begin time.Time
}

func newStory(number int) *story {
	s := &story{begin: time.Now()}
	random := rand.New(rand.NewPCG(1, uint64(number)))
	for i := range s.id {
		s.id[i] = byte(random.Uint32())
	}
	return s
}

func (s *story) span(id pcommon.SpanID, name string, took time.Duration) ptrace.Span {
	span := ptrace.NewSpan()
	span.SetTraceID(s.id)
	span.SetSpanID(id)
	span.SetName(name)
	span.SetKind(ptrace.SpanKindInternal)
	span.SetStartTimestamp(pcommon.NewTimestampFromTime(s.begin))
	span.SetEndTimestamp(pcommon.NewTimestampFromTime(s.begin.Add(took)))
	return span
}

// root is the agent's own span.
func (s *story) root(took time.Duration) ptrace.Span {
	span := s.span(rootID, "invoke_agent researcher", took)
	span.Attributes().PutStr("gen_ai.operation.name", "invoke_agent")
	span.Attributes().PutStr("gen_ai.agent.name", "researcher")
	return span
}

// toolCall is one of the calls that the agent makes, the number-th.
func (s *story) toolCall(number int, tool, arguments string) ptrace.Span {
	span := s.span(pcommon.SpanID{6: byte((number + 1) >> 8), 7: byte(number + 1)}, "execute_tool "+tool, 10*time.Millisecond)
	begin := s.begin.Add(time.Duration(number) * 15 * time.Millisecond)
	span.SetStartTimestamp(pcommon.NewTimestampFromTime(begin))
	span.SetEndTimestamp(pcommon.NewTimestampFromTime(begin.Add(10 * time.Millisecond)))
	span.SetParentSpanID(rootID)
	span.Attributes().PutStr("gen_ai.operation.name", "execute_tool")
	span.Attributes().PutStr("gen_ai.tool.name", tool)
	if arguments != "" {
		span.Attributes().PutStr("gen_ai.tool.call.arguments", arguments)
	}
	return span
}

// together puts spans into one request.
func together(spans ...ptrace.Span) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "story")
	ss := rs.ScopeSpans().AppendEmpty()
	ss.Scope().SetName("e2e")
	for _, span := range spans {
		span.CopyTo(ss.Spans().AppendEmpty())
	}
	return td
}

func alone(span ptrace.Span) ptrace.Traces { return together(span) }
