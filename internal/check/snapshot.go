package check

import "time"

// Snapshot is what is known of one check at one moment. The caller may keep it;
// its slices are shared between snapshots and must not be changed.
type Snapshot struct {
	Name     string
	Type     string
	Critical bool

	// State is what the verdicts so far come to, and Previous the last state that
	// differed from it. Both are Unknown before the first run has ended, unless an
	// earlier life of the check is remembered. A single verdict may differ from
	// State; see [Check].
	State    State
	Previous State
	// Reason, ErrorType and Condition say why; see [Result].
	Reason    string
	ErrorType ErrorType
	Condition string
	// Cause names the unhealthy check because of which the state is Unknown. The
	// ErrorType is None then. It is empty otherwise.
	Cause string

	// LastRun is when the last run ended or was abandoned, zero before the first one
	// of this life.
	LastRun time.Time
	// Duration is how long the last run took. For one that does not return it is
	// the time for which it has not returned so far.
	Duration time.Duration
	// Steps are those of the last run.
	Steps []Step
	// Measurements are those of the last run that made any, which ended at
	// MeasuredAt. It is before LastRun when the last run made none.
	Measurements []Measurement
	MeasuredAt   time.Time

	// Runs counts the runs since the engine was made by what they came to, sorted.
	// The count of healthy runs is always there.
	Runs []RunCount
	// ConsecutiveFailures is how many runs have ended since the last success. A
	// run is a success when it is Healthy or Degraded: the target did its work.
	ConsecutiveFailures uint64
	// LastSuccess is when the last success ended, zero if there was none.
	LastSuccess time.Time
	// Availability is that over the last hour and the last 24, without windows of
	// which nothing is known.
	Availability []Availability
	// Forecast is zero until a run has said something about the target.
	Forecast Forecast

	// Skipped counts runs that were due while an earlier one was under way or
	// waiting for a slot.
	Skipped uint64
	// Abandoned counts runs that did not return in time after their timeout. Stuck
	// says that the last of them still has not; each further run that is due then
	// counts as a timeout without being started.
	Abandoned uint64
	Stuck     bool
}

// RunCount is the number of runs that came to one verdict.
type RunCount struct {
	Result    State
	ErrorType ErrorType
	Count     uint64
}

// Transition is the first state of a check, or a state that differs from the one
// before it. The first one has Previous Unknown, and may have State Unknown too
// when the probe could not work. The state that an earlier life left is no
// Transition.
type Transition struct {
	Name      string
	Type      string
	Critical  bool
	State     State
	Previous  State
	Reason    string
	ErrorType ErrorType
	Condition string
	// Cause names another check on which this one depends. With State Unknown, that
	// check has become unhealthy; with State Healthy, it has become well again.
	// Nobody need be told of such a Transition who is told of that check.
	Cause string
	// Pattern is how failures of this check have followed each other. It is empty in
	// the first Transition, and in one that has a Cause.
	Pattern Pattern
	// Duration is how long the run took that brought the state.
	Duration time.Duration
	// Time is when the state began.
	Time time.Time
}

// Noticed is a [Notice] with the check whose probe gave it.
type Noticed struct {
	Name     string
	Type     string
	Critical bool
	Notice   Notice
	// Time is when the run ended.
	Time time.Time
}
