package agentprocess

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/watchkeeper/watchkeeper/internal/proctable"
)

// matcher finds the group of a process.
type matcher []rule

// rule is a compiled Match. A kind without patterns is nil and matches anything.
type rule struct {
	comm, executable, commandLine []*regexp.Regexp
	users                         []uint32
}

// noGroup stands for a process that is not reported.
const noGroup = -1

// newMatcher compiles the groups, in their order, with the users of the host. The
// warnings name users that the host does not have: no process can be theirs.
func newMatcher(groups []Group, users map[string]uint32) (m matcher, warnings []string, err error) {
	for i, g := range groups {
		var r rule
		for _, kind := range []struct {
			key      string
			patterns []string
			form     string
			into     *[]*regexp.Regexp
		}{
			{"comm", g.Match.Comm, whole, &r.comm},
			{"executable", g.Match.Executable, whole, &r.executable},
			{"command_line", g.Match.CommandLine, part, &r.commandLine},
		} {
			if *kind.into, err = compile(kind.key, kind.patterns, kind.form); err != nil {
				return nil, nil, fmt.Errorf("groups::%d::match::%w", i, err)
			}
		}
		if len(g.Match.User) > 0 {
			r.users = []uint32{}
		}
		for j, user := range g.Match.User {
			if uid, ok := users[user]; ok {
				r.users = append(r.users, uid)
			} else if uid, err := strconv.ParseUint(user, 10, 32); err == nil {
				r.users = append(r.users, uint32(uid))
			} else {
				warnings = append(warnings, fmt.Sprintf("groups::%d::match::user[%d]: %q is not in etc/passwd, give its number instead", i, j, user))
			}
		}
		m = append(m, r)
	}
	return m, warnings, nil
}

// group returns the index of the first group that an image matches, or noGroup.
// It calls executable at most once, and only if everything else matches a group
// that asks for it; a process whose executable is not known is in no such group,
// and the error is returned with the group that it is in then.
func (m matcher) group(image *proctable.Image, executable func() (string, error)) (int, error) {
	var (
		path string
		err  error
		read bool
	)
	for i, r := range m {
		if !matchesAny(r.comm, image.Comm) || !matchesAny(r.commandLine, image.CommandLine) ||
			r.users != nil && !slices.Contains(r.users, image.UID) {
			continue
		}
		if len(r.executable) > 0 {
			if !read {
				path, err = executable()
				read = true
			}
			if err != nil || !matchesAny(r.executable, path) {
				continue
			}
		}
		return i, err
	}
	return noGroup, err
}

// matchesAny tells whether s matches one of the patterns, if there are any.
func matchesAny(patterns []*regexp.Regexp, s string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p *regexp.Regexp) bool { return p.MatchString(s) })
}
