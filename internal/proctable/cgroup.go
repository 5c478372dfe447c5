package proctable

import (
	"bytes"
	"strings"
)

// cgroups are the places of a process in the hierarchies of /proc/PID/cgroup.
type cgroups struct {
	unified string // of version 2; "" if there is no such hierarchy
	memory  string // of the memory controller of version 1; "" if it has none
	longest string // of all of version 1
}

// parseCgroups reads /proc/PID/cgroup, described in cgroups(7): lines
// hierarchy:controllers:path, where version 2 has number 0 and no controllers.
func parseCgroups(b []byte) (cgroups, error) {
	var c cgroups
	for len(b) > 0 {
		var line []byte
		line, b, _ = bytes.Cut(b, []byte{'\n'})
		number, rest, ok1 := bytes.Cut(line, []byte{':'})
		controllers, path, ok2 := bytes.Cut(rest, []byte{':'})
		if _, ok := decimal(number); !ok || !ok1 || !ok2 || len(path) == 0 || path[0] != '/' {
			return cgroups{}, errMalformed
		}
		where := strings.TrimSuffix(string(path), " (deleted)")
		if string(number) == "0" && len(controllers) == 0 {
			c.unified = where
			continue
		}
		for controller := range bytes.SplitSeq(controllers, []byte{','}) {
			if string(controller) == "memory" {
				c.memory = where
			}
		}
		if len(where) > len(c.longest) {
			c.longest = where
		}
	}
	return c, nil
}

// path is the place that says most: that of version 2 unless it is the root, as
// on hosts that still run version 1.
func (c cgroups) path() string {
	if c.unified == "" || c.unified == "/" && c.longest != "" {
		return c.longest
	}
	return c.unified
}
