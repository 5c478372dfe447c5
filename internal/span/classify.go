package span

import (
	"math/bits"
	"strconv"
	"strings"
)

// Classify says what a span means. It reads the span and nothing else, keeps
// nothing of it but what the strings of the result share, and allocates only where
// a name has to be put together. It is not safe to classify one span from two
// goroutines at once: the span remembers its scope.
//
// The order in which dialects are asked is the order of allDialects: plumbing
// first, then MCP, then the dialects whose own word for the type is more exact than
// the operation name that they send beside it, then the GenAI conventions, then
// what can be told by names alone, then databases and HTTP.
func Classify(s *Span) Meaning { return *ClassifyInPlace(s) }

// ClassifyInPlace is Classify without a copy: the Meaning is a part of the span,
// and valid until the span is classified again or Reset.
func ClassifyInPlace(s *Span) *Meaning {
	// What is called through a table escapes, so the table works on a meaning that the
	// span has room for.
	m := &s.draft
	if s.used {
		*m = Meaning{}
	}
	s.used = true
	m.Cost = -1
	marks := s.marks()
	if s.set.empty() && marks == 0 && !telling(s.Name) {
		s.outcome(m)
		return m
	}
	for ask := marks&everAsked | alwaysAsked | s.wanted; ask != 0; ask &= ask - 1 {
		if d := allDialects[bits.TrailingZeros32(uint32(ask))]; d.classify(s, m) {
			m.Dialect = d.name
			break
		}
	}
	s.context(m)
	switch m.Type {
	case Inference:
		s.inference(m)
	case Tool, MCPClient, MCPServer:
		s.tool(m)
	case Noise:
		*m = Meaning{Type: Noise, Dialect: m.Dialect, Cost: -1}
		return m
	}
	s.transport(m)
	s.outcome(m)
	return m
}

// context fills in what many kinds of spans repeat of the workflow and agent that
// they belong to. What a dialect has found stays.
func (s *Span) context(m *Meaning) {
	if !s.set.meets(&contextSlots) {
		return
	}
	if name := s.text(workflowName); !s.has(traceloopKind) || !runnable(name) {
		fill(&m.Workflow, name)
	}
	fill(&m.WorkflowID, s.text(workflowID))
	fill(&m.WorkflowType, s.text(workflowType))
	fill(&m.Agent, s.text(agentName))
	fill(&m.AgentID, s.text(agentID))
	fill(&m.Conversation, s.text(conversation))
	fill(&m.Priority, s.text(priority))
	fill(&m.Complexity, s.text(complexity))
	if s.has(operation) {
		fill(&m.Operation, s.text(operation))
	}
	if m.Type == Agent || m.Type == Inference {
		fill(&m.Provider, s.providerName())
		fill(&m.RequestModel, s.text(requestModel))
		fill(&m.ResponseModel, s.text(responseModel))
	}
}

var contextSlots = slotSet(workflowName, workflowID, workflowType, agentName, agentID, conversation, priority,
	complexity, operation, provider, requestModel, responseModel)

// inference fills in what a model call has used.
func (s *Span) inference(m *Meaning) {
	fill(&m.Operation, "chat")
	if !m.HasTokens {
		input, hasInput := s.count(inputTokens)
		output, hasOutput := s.count(outputTokens)
		m.HasTokens = hasInput || hasOutput
		m.Tokens.Input, m.Tokens.Output = input, output
	}
	if n, ok := s.count(cacheReadTokens); ok {
		m.Tokens.CacheRead = n
	}
	if n, ok := s.count(cacheWriteTokens); ok {
		m.Tokens.CacheWrite = n
	}
	if n, ok := s.count(reasoningTokens); ok {
		m.Tokens.Reasoning = n
	}
	total, _ := s.count(totalTokens)
	m.Tokens.include(total)
	if m.Cost < 0 && s.has(cost) {
		if dollars, ok := s.values[cost].value.Float(); ok && dollars >= 0 {
			m.Cost = dollars
		}
	}
}

// include makes the totals include their parts. The interfaces of some models
// count cached and thought tokens beside the others, and some emitters pass that
// on. It shows where input and output fall short of the total that is told by just
// these, and where a part is larger than its whole. Otherwise the conventions are
// believed.
func (t *Tokens) include(total int64) {
	cached := t.CacheRead + t.CacheWrite
	missing := total - t.Input - t.Output
	if missing > 0 && t.Reasoning > 0 && (missing == t.Reasoning || missing == t.Reasoning+cached) {
		t.Output += t.Reasoning
		missing -= t.Reasoning
	}
	if missing > 0 && missing == cached {
		t.Input += cached
	}
	if cached > t.Input {
		t.Input += cached
	}
	if t.Reasoning > t.Output {
		t.Output += t.Reasoning
	}
}

// tool fills in what a call of a tool was about.
func (s *Span) tool(m *Meaning) {
	if m.Type == Tool || m.MCPMethod == toolsCall {
		fill(&m.Tool, s.text(toolName))
		if id := s.text(toolCallID); id != "unknown" { // Microsoft Agent Framework says so
			fill(&m.ToolCallID, id)
		}
		if s.has(toolArgumentsHash) {
			if hash, err := strconv.ParseUint(s.text(toolArgumentsHash), 16, 64); err == nil {
				m.Arguments = hash
			}
		}
		if m.Arguments == 0 && s.has(toolArguments) {
			m.Arguments = hashArguments(s.values[toolArguments].value)
		}
	}
	m.MCPSession = s.text(mcpSession)
}

// transport fills in who was at the other end, and HTTP.
func (s *Span) transport(m *Meaning) {
	if s.Kind == KindClient || s.Kind == KindProducer {
		fill(&m.Peer, s.text(peerService))
		fill(&m.Peer, s.text(peerAddress))
	}
	if m.Type == Tool || !s.set.meets(&httpSlots) {
		return
	}
	m.HTTPMethod = conventionalMethod(s.text(httpMethod))
	m.HTTPRoute = s.text(httpRoute)
	if status, ok := s.count(httpStatus); ok && status >= 100 && status <= 599 {
		m.HTTPStatus = int(status)
	}
}

var httpSlots = slotSet(httpMethod, httpRoute, httpStatus)

// outcome decides on failure. The status of a span alone does not: several
// emitters set only error.type, or say it in a word of their own.
func (s *Span) outcome(m *Meaning) {
	told := s.text(errorType)
	m.Failed = m.Failed || s.Status == StatusError || told != ""
	if !m.Failed && s.set.meets(&outcomeSlots) {
		m.Failed = s.text(toolStatus) == "error" || s.text(taskStatus) == "failure" ||
			s.has(mcpErrorCode) || m.Type == Inference && finishedInError(s.text(finishReasons))
	}
	if !m.Failed {
		m.ErrorType = ""
		return
	}
	// A type has no blank in it; what has is a message, which a2a-java sends.
	if told == "unknown" || strings.ContainsAny(told, " \n\t") {
		told = ""
	}
	fill(&m.ErrorType, told)
	fill(&m.ErrorType, s.Exception)
	if m.ErrorType == "" && m.HTTPStatus >= 400 {
		m.ErrorType = strconv.Itoa(m.HTTPStatus)
	}
	fill(&m.ErrorType, "_OTHER")
}

var outcomeSlots = slotSet(toolStatus, taskStatus, mcpErrorCode, finishReasons)

// finishedInError knows "error" as it is and as the only or first one of a list;
// it is one of the finish reasons that the GenAI conventions define.
func finishedInError(reasons string) bool {
	return reasons == "error" || strings.HasPrefix(strings.TrimLeft(reasons, "[ "), `"error"`)
}

// fill gives text a value if it has none.
func fill(text *string, value string) {
	if *text == "" {
		*text = value
	}
}

// after returns what follows the prefix of a conventional span name.
func after(name, prefix string) string {
	rest, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return ""
	}
	return rest
}
