package workflow

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/span"
)

// FuzzArbitrary makes spans of any bytes: parents that are missing, their own or
// each other's, any types, times and outcomes. Whatever they are, the order in
// which they come must not matter, and nothing may be left over.
func FuzzArbitrary(f *testing.F) {
	f.Add([]byte("\x01\x00\x03\x01\x02\x03\x02\x01\x06\x05\x01\x02"), uint64(1))
	f.Add([]byte("\x01\x02\x06\x00\x09\x01\x02\x01\x06\x00\x09\x00\x03\x02\x05\x04\x01\x07"), uint64(3))
	f.Fuzz(func(t *testing.T, data []byte, order uint64) {
		const size = 6
		var spans []given
		for id := uint64(1); len(data) >= size && id <= 300; id++ {
			b := data[:size]
			data = data[size:]
			typ := span.Type(b[1] % 15)
			start := int64(int8(b[2])) * 10
			g := mk(id, uint64(b[0])%(id+3), typ, start, start+int64(int8(b[3])), func(g *given) {
				g.m.Agent = []string{"", "a", "b"}[b[4]%3]
				g.m.Arguments = uint64(b[5] % 4)
				g.s.Kind = span.Kind(b[4] % 6)
			})
			switch typ {
			case span.Tool, span.MCPClient, span.MCPServer:
				g.m.Tool = []string{"", "t", "s_t"}[b[5]%3]
				g.m.MCPMethod = []string{"tools/call", "", "ping"}[b[4]/3%3]
			case span.Inference:
				g.m.HasTokens = b[5]%2 == 0
				g.m.Tokens.Input = int64(b[5])
				g.m.ResponseModel = []string{"", "m"}[b[4]%2]
			}
			if b[5]%5 == 0 {
				fails([]string{"x", "_OTHER", "cancelled"}[b[4]%3])(&g)
			}
			spans = append(spans, g)
		}
		settings := DefaultSettings()
		r := rand.New(rand.NewPCG(order, 3))
		var first *ledger
		for range 3 {
			l := &ledger{}
			a := New(settings, l)
			now := time.Duration(0)
			for _, i := range r.Perm(len(spans)) {
				if now < 4*time.Second && r.IntN(5) == 0 {
					now += time.Duration(r.IntN(100)) * time.Millisecond
					a.Tick(at(now))
				}
				s := spans[i]
				a.Add(at(now), &s.s, &s.m)
				a.Root(s.s.TraceID)
			}
			for range 40 {
				now += time.Minute
				a.Tick(at(now))
			}
			empty(t, a)
			require.LessOrEqual(t, len(l.ended), 1)
			for i := range l.calls {
				require.GreaterOrEqual(t, l.calls[i].Duration, time.Duration(0))
			}
			for i := range l.ended {
				s := &l.ended[i]
				require.GreaterOrEqual(t, s.Duration, time.Duration(0))
				var self time.Duration
				for _, p := range s.Path {
					require.GreaterOrEqual(t, p.Self, time.Duration(0))
					self += p.Self
				}
				require.LessOrEqual(t, self, s.Duration)
			}
			if first == nil {
				first = l
				continue
			}
			require.Equal(t, first.counts(), l.counts())
			require.Equal(t, first.ended, l.ended)
			require.Len(t, l.found, len(first.found))
		}
	})
}
