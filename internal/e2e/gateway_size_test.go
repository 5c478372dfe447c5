package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

// TestWhatIsLargerThanAServerTakesAtOnceIsNotLost sends two traces of 10 MB, more than
// the 4 MiB that a gRPC server takes by default: one in a single request, for the doors
// of the gateways, and one in many, which become one when it is decided, for Jaeger.
func TestWhatIsLargerThanAServerTakesAtOnceIsNotLost(t *testing.T) {
	const calls = 400
	d := openDoors(t, sampling{percent: 100, wait: 5 * time.Minute})
	note := strings.Repeat("0123456789", 2500)
	heavy := func(s *story, number int) ptrace.Span {
		span := s.toolCall(number, "search", "")
		span.Attributes().PutStr("note", note)
		return span
	}
	pieces, whole := newStory(1), newStory(2)
	var spans []ptrace.Span
	for i := range calls {
		d.agent.send(t, alone(heavy(pieces, i)))
		spans = append(spans, heavy(whole, i))
	}
	d.agent.send(t, together(spans...))
	d.eventuallyCounted(t, "agent_tool_calls_total", 2*calls)
	for _, s := range []*story{pieces, whole} {
		d.agent.send(t, alone(s.root(time.Second)))
		require.Eventually(t, func() bool {
			td, err := d.jaeger.trace(t.Context(), s.id)
			if err != nil {
				t.Logf("asking Jaeger: %v", err)
				return false
			}
			return len(plain(td)) == calls+1
		}, 45*time.Second, time.Second)
	}
}
