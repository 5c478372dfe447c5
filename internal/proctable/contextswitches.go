package proctable

// switches counts how often a thread left its processor.
type switches struct {
	voluntary, involuntary uint64
}

// parseContextSwitches reads the last two lines of /proc/PID/status, described in
// proc_pid_status(5).
func parseContextSwitches(b []byte) (switches, error) {
	voluntary, ok1 := lineValue(b, "\nvoluntary_ctxt_switches:\t")
	involuntary, ok2 := lineValue(b, "\nnonvoluntary_ctxt_switches:\t")
	if !ok1 || !ok2 {
		return switches{}, errMalformed
	}
	return switches{voluntary, involuntary}, nil
}
