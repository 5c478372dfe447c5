package proctable

import "bytes"

// stat is what the package uses of /proc/PID/stat.
type stat struct {
	comm      []byte // points into the parsed bytes
	state     byte
	parent    int
	unexeced  bool // forked, and running the parent's program still
	ending    bool // on its way out, or a zombie
	minor     uint64
	major     uint64
	user      uint64 // ticks
	system    uint64 // ticks
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
	fieldMinor     = 10 - 4
	fieldMajor     = 12 - 4
	fieldUser      = 14 - 4
	fieldSystem    = 15 - 4
	fieldThreads   = 20 - 4
	fieldStart     = 22 - 4
	fieldVSize     = 23 - 4
	fieldRSS       = 24 - 4
	fieldArguments = 48 - 4

	// wanted has a bit for each field that every kernel has and that is used.
	wanted = 1<<fieldParent | 1<<fieldFlags | 1<<fieldMinor | 1<<fieldMajor | 1<<fieldUser | 1<<fieldSystem |
		1<<fieldThreads | 1<<fieldStart | 1<<fieldVSize | 1<<fieldRSS
)

// PF_EXITING and PF_FORKNOEXEC of the kernel's include/linux/sched.h.
const (
	flagExiting    = 0x4
	flagForkNoExec = 0x40
)

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

	var fields [fieldRSS + 1]uint64
	rest := bytes.TrimSuffix(b[to+4:], []byte{'\n'})
	for i := range fields {
		var ok bool
		if fields[i], rest, ok = leading(rest); !ok && wanted>>i&1 != 0 {
			return s, errMalformed
		}
	}
	if fields[fieldParent] > maxPID || fields[fieldThreads] > maxPID || fields[fieldRSS] > 1<<40 {
		return s, errMalformed
	}
	s.parent, s.threads = int(fields[fieldParent]), int(fields[fieldThreads])
	s.unexeced = fields[fieldFlags]&flagForkNoExec != 0
	s.ending = fields[fieldFlags]&flagExiting != 0 || s.state == 'Z' || s.state == 'X'
	s.minor, s.major = fields[fieldMinor], fields[fieldMajor]
	s.user, s.system = fields[fieldUser], fields[fieldSystem]
	s.start = fields[fieldStart]
	s.vsize, s.rssPages = int64(fields[fieldVSize]), int64(fields[fieldRSS])

	// Kernels before 3.5 end the line earlier.
	for range fieldArguments - fieldRSS - 1 {
		end := bytes.IndexByte(rest, ' ')
		if end < 0 {
			return s, nil
		}
		rest = rest[end+1:]
	}
	s.arguments, _, _ = leading(rest)
	return s, nil
}

// leading reads the unsigned number at the start of b and returns what is behind
// it and a space. The number must not have more than 18 digits, see decimal.
func leading(b []byte) (n uint64, rest []byte, ok bool) {
	for i, c := range b {
		if digit := c - '0'; digit <= 9 {
			n = n*10 + uint64(digit)
			continue
		}
		if c == ' ' {
			return n, b[i+1:], i > 0 && i <= 18
		}
		if _, rest, found := bytes.Cut(b[i:], []byte{' '}); found {
			return 0, rest, false
		}
		return 0, nil, false
	}
	return n, nil, len(b) > 0 && len(b) <= 18
}
