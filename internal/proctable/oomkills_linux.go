package proctable

import (
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// oomKills follows the count of kills of one cgroup. The kernel raises it before
// it kills, so it can tell at the end of a process whether that was such a kill.
type oomKills struct {
	file  string
	users int // watched processes in the cgroup

	// explained are kills that some process is known to have died of, and those
	// that happened so long ago that no watched one can have.
	explained uint64
	last      uint64 // count at the last settling
}

// oomFiles are the files that may have the count for a process, best first.
func oomFiles(root string, c cgroups) []string {
	if c.memory != "" {
		return under(filepath.Join(root, "memory"), c.memory, "memory.oom_control")
	}
	// The count of memory.events includes the kills in cgroups below.
	return under(root, c.unified, "memory.events.local", "memory.events")
}

// under puts names below a cgroup. A path that leads out of root belongs to a
// cgroup that cannot be seen from here.
func under(root, cgroup string, names ...string) (files []string) {
	if cgroup == "" || slices.Contains(strings.Split(cgroup, "/"), "..") {
		return nil
	}
	for _, name := range names {
		files = append(files, filepath.Join(root, cgroup, name))
	}
	return files
}

// readOOMKills returns the count in a file.
func readOOMKills(file string, buf []byte) (uint64, error) {
	b, err := read(unix.AT_FDCWD, file, buf)
	if err != nil {
		return 0, err
	}
	return parseOOMKills(b)
}

// settle forgives the kills before the settling ahead of this one. What happened
// since may still be waited for: between a kill and the end of the process lies
// the time to free its memory.
func (o *oomKills) settle(buf []byte) {
	o.explained = max(o.explained, o.last)
	if n, err := readOOMKills(o.file, buf); err == nil {
		o.last = n
	}
}

// explain says whether a process of the cgroup that just died was killed for
// memory, if it died in a way that fits. Each kill explains one death.
func (o *oomKills) explain(buf []byte, fits bool) (killed, known bool) {
	n, err := readOOMKills(o.file, buf)
	if err != nil {
		return false, false
	}
	if killed = fits && n > o.explained; killed {
		o.explained++
	}
	return killed, true
}
