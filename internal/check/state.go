package check

// State is the verdict on a target.
type State uint8

const (
	// Unknown means that nothing can be said: no run has ended yet, or the probe
	// itself could not work.
	Unknown State = iota
	// Healthy means that every step succeeded within its thresholds.
	Healthy
	// Degraded means that the target works, but past a threshold.
	Degraded
	// Unhealthy means that a step failed.
	Unhealthy
)

// States lists every State in the order of their values, for metrics that send
// one series for each.
var States = [...]State{Unknown, Healthy, Degraded, Unhealthy}

// String returns the lower-case name that metrics and events use.
func (s State) String() string {
	switch s {
	case Healthy:
		return "healthy"
	case Degraded:
		return "degraded"
	case Unhealthy:
		return "unhealthy"
	default:
		return "unknown"
	}
}
