package agentprocess

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"

	"github.com/watchkeeper/watchkeeper/receivers/agentprocess/internal/metadata"
)

// Group names processes that are measured as one.
type Group struct {
	// Name becomes the attribute process.group. It may refer to named captures of
	// the patterns, as in "agent-{{ .agent }}" for (?P<agent>\w+): then there is a
	// group for each value.
	Name string `mapstructure:"name"`
	// Role becomes the attribute agent.role: agent, mcp_server, tool or other.
	Role  string `mapstructure:"role"`
	Match Match  `mapstructure:"match"`
}

// Match says which processes belong to a group: those that match at least one
// pattern of each kind that is given.
type Match struct {
	// Comm are regular expressions for the whole name that the kernel keeps of a
	// process, of which it keeps 15 bytes.
	Comm []string `mapstructure:"comm"`
	// Executable are regular expressions for the whole path of the program.
	Executable []string `mapstructure:"executable"`
	// CommandLine are regular expressions for any part of the arguments, the
	// program first, joined by spaces.
	CommandLine []string `mapstructure:"command_line"`
	// User are names or numbers of users. The effective one counts.
	User []string `mapstructure:"user"`
	// Cgroup are regular expressions for any part of the path of the control group.
	Cgroup []string `mapstructure:"cgroup"`
	// Environment are regular expressions for the whole name of any variable that
	// the process was started with. Values are never read.
	Environment []string `mapstructure:"environment"`
	// WorkingDirectory are regular expressions for the whole path of it.
	WorkingDirectory []string `mapstructure:"working_directory"`
}

// kindOfPattern is one of the lists of regular expressions of a Match.
type kindOfPattern struct {
	key      string
	patterns []string
	form     string
}

// kinds lists the regular expressions of a Match, those of which a process costs
// least first.
func (m *Match) kinds() [len(rule{}.patterns)]kindOfPattern {
	return [...]kindOfPattern{
		comm:             {"comm", m.Comm, whole},
		commandLine:      {"command_line", m.CommandLine, part},
		cgroup:           {"cgroup", m.Cgroup, part},
		executable:       {"executable", m.Executable, whole},
		workingDirectory: {"working_directory", m.WorkingDirectory, whole},
		environment:      {"environment", m.Environment, whole},
	}
}

// Validate checks the group for itself.
func (g *Group) Validate() error {
	var errs []error
	switch g.Name {
	case "":
		errs = append(errs, errors.New("name: must not be empty"))
	case overflow:
		errs = append(errs, fmt.Errorf("name: must not be %q, which stands for the groups that there is no room for", overflow))
	}
	if _, err := parseName(g.Name, g.Match.captures()); err != nil {
		errs = append(errs, fmt.Errorf("name: %w", err))
	}
	if _, ok := metadata.MapAttributeAgentRole[g.Role]; !ok {
		errs = append(errs, fmt.Errorf("role: must be agent, mcp_server, tool or other, is %q", g.Role))
	}
	return errors.Join(errs...)
}

// Validate compiles the patterns.
func (m *Match) Validate() error {
	var errs []error
	n := len(m.User)
	for _, kind := range m.kinds() {
		n += len(kind.patterns)
		if _, err := compile(kind.key, kind.patterns, "%s"); err != nil {
			errs = append(errs, err)
		}
	}
	if n == 0 {
		return errors.New("must have at least one of comm, executable, command_line, user, cgroup, environment and working_directory")
	}
	for i, user := range m.User {
		if user == "" {
			errs = append(errs, fmt.Errorf("user[%d]: must not be empty", i))
		}
	}
	return errors.Join(errs...)
}

// captures lists the names of the captures of all patterns that compile.
func (m *Match) captures() map[string]bool {
	names := map[string]bool{}
	for _, kind := range m.kinds() {
		patterns, _ := compile(kind.key, kind.patterns, "%s") // Match.Validate tells
		for _, pattern := range patterns {
			for _, name := range pattern.SubexpNames() {
				names[name] = true
			}
		}
	}
	delete(names, "")
	return names
}

// The forms that a pattern takes: a dot stands for any character, as names and
// arguments may hold line breaks.
const (
	whole = `(?s)\A(?:%s)\z`
	part  = `(?s)%s`
)

// compile compiles patterns and then each of them in a form that would hide an
// unbalanced bracket.
func compile(key string, patterns []string, form string) ([]*regexp.Regexp, error) {
	var errs []error
	compiled := make([]*regexp.Regexp, 0, len(patterns))
	for i, pattern := range patterns {
		_, err := regexp.Compile(pattern)
		if fault := (*syntax.Error)(nil); errors.As(err, &fault) {
			errs = append(errs, fmt.Errorf("%s[%d]: must be a regular expression, is %q: %s", key, i, pattern, fault.Code))
			continue
		}
		if pattern == "" {
			errs = append(errs, fmt.Errorf("%s[%d]: must not be empty", key, i))
			continue
		}
		compiled = append(compiled, regexp.MustCompile(fmt.Sprintf(form, pattern)))
	}
	return compiled, errors.Join(errs...)
}
