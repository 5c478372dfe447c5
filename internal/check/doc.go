// Package check runs health checks and keeps what they found: the present state
// of each target, its history, and a forecast drawn from it.
//
// An [Engine] gives each check its own goroutine, a place in time that does not
// coincide with the others', a share of a bounded number of slots, and a timeout
// that holds even when the driver below ignores its context. It lets single runs go
// astray, and knows that what depends on an unhealthy check cannot be judged. What
// it knows of a check can be saved and given to an Engine of a later life.
// [RunOnce] does without all that, for a person who wants to know now.
//
// What to ask is the business of a [Probe]; the packages below this one are the
// probes. What to do with a verdict is the business of the caller, who reads
// [Engine.Snapshots] and is called for each [Transition]. So is where saved states
// are kept.
package check
