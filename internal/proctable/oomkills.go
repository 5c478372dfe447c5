package proctable

// parseOOMKills returns how many processes of a cgroup the kernel killed because
// memory ran out: the line "oom_kill" of memory.events in version 2 and of
// memory.oom_control in version 1, Linux 4.13 or newer.
func parseOOMKills(b []byte) (uint64, error) {
	kills, ok := lineValue(b, "\noom_kill ")
	if !ok {
		return 0, errMalformed
	}
	return kills, nil
}
