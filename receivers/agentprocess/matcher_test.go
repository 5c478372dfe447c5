package agentprocess

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/proctable"
)

func group(match Match) Group { return Group{Name: "g", Role: "agent", Match: match} }

func newTestMatcher(t testing.TB, groups ...Group) matcher {
	m, warnings, err := newMatcher(groups, map[string]uint32{"agents": 1000})
	require.NoError(t, err)
	require.Empty(t, warnings)
	return m
}

func TestKindsOfPattern(t *testing.T) {
	process := proctable.Image{Comm: "python3", CommandLine: "/usr/bin/python3 -m research_agent --fast", UID: 1000}
	const path = "/usr/bin/python3.11"
	for name, test := range map[string]struct {
		match Match
		want  bool
	}{
		"comm is matched whole":                 {Match{Comm: []string{"python"}}, false},
		"comm, any of":                          {Match{Comm: []string{"node", `python\d`}}, true},
		"an alternative is matched whole too":   {Match{Comm: []string{"python|node"}}, false},
		"command line is matched in part":       {Match{CommandLine: []string{"research_agent"}}, true},
		"command line with anchors":             {Match{CommandLine: []string{"^research_agent"}}, false},
		"executable is matched whole":           {Match{Executable: []string{"python3.11"}}, false},
		"executable by its path":                {Match{Executable: []string{"/usr/(local/)?bin/python.*"}}, true},
		"user by name":                          {Match{User: []string{"agents"}}, true},
		"user by number":                        {Match{User: []string{"0", "1000"}}, true},
		"another user":                          {Match{User: []string{"0"}}, false},
		"all kinds":                             {Match{Comm: []string{".*"}, Executable: []string{".*"}, CommandLine: []string{"fast"}, User: []string{"agents"}}, true},
		"all kinds but one":                     {Match{Comm: []string{".*"}, Executable: []string{".*"}, CommandLine: []string{"slow"}, User: []string{"agents"}}, false},
		"the flags of a pattern do not leak on": {Match{Comm: []string{"(?i)PYTHON3"}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := newTestMatcher(t, group(test.match)).group(&process, func() (string, error) { return path, nil })
			require.NoError(t, err)
			require.Equal(t, map[bool]int{true: 0, false: noGroup}[test.want], got)
		})
	}
}

func TestDotMatchesALineBreak(t *testing.T) {
	got, _ := newTestMatcher(t, group(Match{Comm: []string{".*"}})).group(&proctable.Image{Comm: "a\nb"}, nil)
	require.Equal(t, 0, got)
}

func TestFirstGroupWins(t *testing.T) {
	m := newTestMatcher(t, group(Match{Comm: []string{"node"}}), group(Match{Comm: []string{"n.*"}}), group(Match{Comm: []string{".*"}}))
	for comm, want := range map[string]int{"node": 0, "npm": 1, "go": 2} {
		got, err := m.group(&proctable.Image{Comm: comm}, nil)
		require.NoError(t, err)
		require.Equal(t, want, got, comm)
	}
}

func TestExecutableIsReadOnceAndOnlyWhenItDecides(t *testing.T) {
	m := newTestMatcher(t,
		group(Match{Comm: []string{"node"}, Executable: []string{"/opt/.*"}}),
		group(Match{Comm: []string{"node"}, Executable: []string{"/usr/.*"}}),
		group(Match{Comm: []string{".*"}}))
	reads := 0
	got, err := m.group(&proctable.Image{Comm: "node"}, func() (string, error) { reads++; return "/usr/bin/node", nil })
	require.NoError(t, err)
	require.Equal(t, 1, got)
	require.Equal(t, 1, reads)
	got, _ = m.group(&proctable.Image{Comm: "go"}, func() (string, error) { reads++; return "", nil })
	require.Equal(t, 2, got)
	require.Equal(t, 1, reads)
}

func TestProcessOfUnknownExecutableFallsThrough(t *testing.T) {
	denied := errors.New("denied")
	m := newTestMatcher(t, group(Match{Executable: []string{".*"}}), group(Match{Comm: []string{"node"}}))
	got, err := m.group(&proctable.Image{Comm: "node"}, func() (string, error) { return "", denied })
	require.ErrorIs(t, err, denied)
	require.Equal(t, 1, got)
}

func TestUserThatTheHostDoesNotHaveIsToldAndMatchesNobody(t *testing.T) {
	m, warnings, err := newMatcher([]Group{group(Match{User: []string{"agents", "nobody-here"}})}, nil)
	require.NoError(t, err)
	require.Equal(t, []string{
		`groups::0::match::user[0]: "agents" is not in etc/passwd, give its number instead`,
		`groups::0::match::user[1]: "nobody-here" is not in etc/passwd, give its number instead`,
	}, warnings)
	got, _ := m.group(&proctable.Image{UID: 0}, nil)
	require.Equal(t, noGroup, got)
}

func BenchmarkGroup(b *testing.B) {
	m := newTestMatcher(b,
		group(Match{CommandLine: []string{"research_agent", "planner_agent"}}),
		group(Match{Comm: []string{"node"}, CommandLine: []string{`mcp-server-\w+`}}))
	image := &proctable.Image{Comm: "node", CommandLine: "/usr/bin/node /opt/tools/mcp-server-files --root /srv"}
	b.ReportAllocs()
	for b.Loop() {
		if got, _ := m.group(image, nil); got != 1 {
			b.Fatal(got)
		}
	}
}
