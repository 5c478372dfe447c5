package heartbeat

import "github.com/watchkeeper/watchkeeper/internal/check/heartbeat/otlp"

// Sign is a kind of sign of life.
type Sign uint8

// The kinds of signs of life. Any stands for all of them.
const (
	Any Sign = iota
	Call
	Traces
	Metrics
	Logs
	signs = iota
)

// Signs lists every kind.
var Signs = [...]Sign{Call, Traces, Metrics, Logs}

// String returns the name that the configuration and metrics use.
func (s Sign) String() string { return [signs]string{"any", "call", "traces", "metrics", "logs"}[s] }

// SignNamed returns the kind with a name.
func SignNamed(name string) (Sign, bool) {
	for sign := range Sign(signs) {
		if sign.String() == name {
			return sign, true
		}
	}
	return Any, false
}

func signOf(s otlp.Signal) Sign { return Traces + Sign(s) }
