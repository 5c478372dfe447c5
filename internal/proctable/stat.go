package proctable

import "bytes"

// stat is what the package uses of /proc/PID/stat.
type stat struct {
	comm      []byte // points into the parsed bytes
	state     byte
	parent    int
	unexeced  bool // forked, and running the parent's program still
	cpu       uint64
	threads   int
	start     uint64
	vsize     int64
	rssPages  int64
	arguments uint64 // address of the arguments; 0 without the right to see it
}

// Fields by their numbers in proc_pid_stat(5), counted from the parent, field 4:
// the first one behind the state.
const (
	fieldParent    = 0
	fieldFlags     = 9 - 4
	fieldUser      = 14 - 4
	fieldSystem    = 15 - 4
	fieldThreads   = 20 - 4
	fieldStart     = 22 - 4
	fieldVSize     = 23 - 4
	fieldRSS       = 24 - 4
	fieldArguments = 48 - 4
)

// PF_FORKNOEXEC of the kernel's include/linux/sched.h.
const flagForkNoExec = 0x40

// maxPID is the kernel's PID_MAX_LIMIT, which bounds processes and threads.
const maxPID = 1 << 22

// parseStat reads the one line of /proc/PID/stat, described in proc_pid_stat(5).
// The comm field is the only free text and may hold anything, so the line is
// read from its last bracket on.
func parseStat(b []byte) (stat, error) {
	var s stat
	from, to := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if from < 0 || to < from || len(b) < to+4 || b[to+1] != ' ' || b[to+3] != ' ' {
		return s, errMalformed
	}
	s.comm = b[from+1 : to]
	s.state = b[to+2]
	if s.state < 'A' || s.state > 'z' {
		return s, errMalformed
	}

	var flags, user, system, parent, threads, vsize, rss uint64
	wanted := [...]struct {
		field int
		value *uint64
	}{
		{fieldParent, &parent},
		{fieldFlags, &flags},
		{fieldUser, &user},
		{fieldSystem, &system},
		{fieldThreads, &threads},
		{fieldStart, &s.start},
		{fieldVSize, &vsize},
		{fieldRSS, &rss},
	}
	rest, field := bytes.TrimSuffix(b[to+4:], []byte{'\n'}), 0
	for _, w := range wanted {
		var ok bool
		if rest, ok = skip(rest, w.field-field); !ok {
			return s, errMalformed
		}
		end := bytes.IndexByte(rest, ' ')
		if end < 0 {
			end = len(rest)
		}
		if *w.value, ok = decimal(rest[:end]); !ok {
			return s, errMalformed
		}
		field = w.field
	}
	if parent > maxPID || threads > maxPID || rss > 1<<40 {
		return s, errMalformed
	}
	s.parent, s.threads = int(parent), int(threads)
	s.unexeced = flags&flagForkNoExec != 0
	s.cpu = user + system
	s.vsize, s.rssPages = int64(vsize), int64(rss)

	// Kernels before 3.5 end the line earlier.
	if rest, ok := skip(rest, fieldArguments-field); ok {
		if end := bytes.IndexByte(rest, ' '); end > 0 {
			s.arguments, _ = decimal(rest[:end])
		}
	}
	return s, nil
}

// skip drops n fields and the space behind each.
func skip(b []byte, n int) ([]byte, bool) {
	for range n {
		i := bytes.IndexByte(b, ' ')
		if i < 0 {
			return nil, false
		}
		b = b[i+1:]
	}
	return b, true
}
