package agentprocess

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/watchkeeper/watchkeeper/internal/proctable"
	"github.com/watchkeeper/watchkeeper/internal/proctable/lineage"
)

// matcher finds what a process is.
type matcher []rule

// rule is a compiled Group.
type rule struct {
	name groupName
	role lineage.Role
	// patterns are by kind. A kind without any matches anything.
	patterns [6][]*regexp.Regexp
	users    []uint32 // nil for anybody
	// stdio says that what matches serves the one that started it and nobody else,
	// unless networked matches too.
	stdio bool
	// words, if there are any, are such that a command line that matches holds one:
	// most are told from that at once.
	words []string
}

// The kinds of patterns.
const (
	comm = iota
	commandLine
	cgroup
	executable
	workingDirectory
	environment
)

// kind is what a process is by itself. Its group is empty if that is nothing.
type kind struct {
	group string
	role  lineage.Role
	stdio bool
}

// newMatcher compiles the groups, in their order, with the users of the host. The
// warnings name users that the host does not have: no process can be theirs.
func newMatcher(groups []Group, users map[string]uint32) (m matcher, warnings []string, err error) {
	for i, g := range groups {
		r := rule{role: lineage.Role(g.Role)}
		if r.name, err = parseName(g.Name, g.Match.captures()); err != nil {
			return nil, nil, fmt.Errorf("groups::%d::name: %w", i, err)
		}
		for j, kind := range g.Match.kinds() {
			if r.patterns[j], err = compile(kind.key, kind.patterns, kind.form); err != nil {
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

// match returns the kind of the first rule that a process matches. Facts that
// cannot be had match nothing.
func (m matcher) match(f *facts) kind {
	for i := range m {
		if r := &m[i]; r.matches(f) {
			return r.kind(f)
		}
	}
	return kind{}
}

func (r *rule) matches(f *facts) bool {
	if r.users != nil && !slices.Contains(r.users, f.image.UID) {
		return false
	}
	if r.words != nil && !slices.ContainsFunc(r.words, func(word string) bool { return strings.Contains(f.image.CommandLine, word) }) {
		return false
	}
	for kind, patterns := range r.patterns {
		if len(patterns) > 0 && !slices.ContainsFunc(f.of(kind), func(s string) bool {
			return slices.ContainsFunc(patterns, func(p *regexp.Regexp) bool { return p.MatchString(s) })
		}) {
			return false
		}
	}
	return true
}

func (r *rule) kind(f *facts) kind {
	k := kind{group: r.name[0], role: r.role}
	if !r.name.fixed() {
		k.group = r.name.with(func(capture string) string { return r.capture(f, capture) })
	}
	k.stdio = r.stdio && !networked.MatchString(f.image.CommandLine) && !f.service()
	return k
}

// capture returns the first value of a capture that is not empty.
func (r *rule) capture(f *facts, name string) string {
	for kind, patterns := range r.patterns {
		for _, p := range patterns {
			i := p.SubexpIndex(name)
			if i < 0 {
				continue
			}
			for _, s := range f.of(kind) {
				if found := p.FindStringSubmatch(s); found != nil && found[i] != "" {
					return found[i]
				}
			}
		}
	}
	return ""
}

// source reads of a process what is not in its Image.
type source interface {
	Executable(proctable.ID) (string, error)
	WorkingDirectory(proctable.ID) (string, error)
	Cgroup(proctable.ID) (string, error)
	EnvironNames(proctable.ID) ([]string, error)
}

// facts are what rules ask about one process. They are read when first asked for.
type facts struct {
	source source
	id     proctable.ID
	image  *proctable.Image
	faults *proctable.Faults

	known  [len(rule{}.patterns)][]string
	read   [len(rule{}.patterns)]bool
	failed bool // something could not be read, so it is worth trying again
}

// of returns the facts of one kind, none if they cannot be had.
func (f *facts) of(kind int) []string {
	if f.read[kind] {
		return f.known[kind]
	}
	f.read[kind] = true
	switch kind {
	case comm:
		f.known[kind] = []string{f.image.Comm}
	case commandLine:
		f.known[kind] = []string{f.image.CommandLine}
	case cgroup:
		f.one(kind, "cgroup", f.source.Cgroup)
	case executable:
		f.one(kind, "exe", f.source.Executable)
	case workingDirectory:
		f.one(kind, "cwd", f.source.WorkingDirectory)
	case environment:
		names, err := f.source.EnvironNames(f.id)
		f.add("environ", err)
		f.known[kind] = names
	}
	return f.known[kind]
}

func (f *facts) one(kind int, file string, read func(proctable.ID) (string, error)) {
	value, err := read(f.id)
	f.add(file, err)
	if err == nil {
		f.known[kind] = []string{value}
	}
}

func (f *facts) add(file string, err error) {
	f.faults.Add(file, err)
	if err != nil && !errors.Is(err, proctable.ErrGone) {
		f.failed = true
	}
}
