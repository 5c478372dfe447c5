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
	// Name becomes the attribute process.group.
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
}

// Validate checks the group for itself.
func (g *Group) Validate() error {
	var errs []error
	if g.Name == "" {
		errs = append(errs, errors.New("name: must not be empty"))
	}
	if _, ok := metadata.MapAttributeAgentRole[g.Role]; !ok {
		errs = append(errs, fmt.Errorf("role: must be agent, mcp_server, tool or other, is %q", g.Role))
	}
	return errors.Join(errs...)
}

// Validate compiles the patterns.
func (m *Match) Validate() error {
	if len(m.Comm)+len(m.Executable)+len(m.CommandLine)+len(m.User) == 0 {
		return errors.New("must have at least one of comm, executable, command_line and user")
	}
	var errs []error
	for _, kind := range []struct {
		key      string
		patterns []string
	}{{"comm", m.Comm}, {"executable", m.Executable}, {"command_line", m.CommandLine}} {
		if _, err := compile(kind.key, kind.patterns, "%s"); err != nil {
			errs = append(errs, err)
		}
	}
	for i, user := range m.User {
		if user == "" {
			errs = append(errs, fmt.Errorf("user[%d]: must not be empty", i))
		}
	}
	return errors.Join(errs...)
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
