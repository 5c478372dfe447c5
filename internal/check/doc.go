// Package check runs health checks and keeps what they found: the present state
// of each target, its history, and a forecast drawn from it.
//
// An [Engine] gives each check its own goroutine, a place in time that does not
// coincide with the others', a share of a bounded number of slots, and a timeout
// that holds even when the driver below ignores its context. What to ask is the
// business of a [Probe]; the packages below this one are the probes. What to do
// with a verdict is the business of the caller, who reads [Engine.Snapshots] and
// is called for each [Transition].
package check
