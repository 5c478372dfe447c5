package agentprocess

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/proctable"
)

func groupOf(match Match) Group { return Group{Name: "g", Role: "agent", Match: match} }

func newTestMatcher(t testing.TB, groups ...Group) matcher {
	m, warnings, err := newMatcher(groups, map[string]uint32{"agents": 1000})
	require.NoError(t, err)
	require.Empty(t, warnings)
	return m
}

// host answers what an Image does not tell. What is empty cannot be read.
type answers struct {
	executable, directory, cgroup string
	environment                   []string
	reads                         int
}

var errDenied = errors.New("denied")

func (a *answers) answer(s string) (string, error) {
	a.reads++
	if s == "" {
		return "", errDenied
	}
	return s, nil
}

func (a *answers) Executable(proctable.ID) (string, error)       { return a.answer(a.executable) }
func (a *answers) WorkingDirectory(proctable.ID) (string, error) { return a.answer(a.directory) }
func (a *answers) Cgroup(proctable.ID) (string, error)           { return a.answer(a.cgroup) }
func (a *answers) EnvironNames(proctable.ID) ([]string, error) {
	if a.environment == nil {
		return nil, errDenied
	}
	return a.environment, nil
}

// find matches one image on a host with all answers.
func find(m matcher, image proctable.Image, a *answers) (kind, *facts) {
	f := &facts{source: a, image: &image, faults: new(proctable.Faults)}
	return m.match(f), f
}

func TestKindsOfPattern(t *testing.T) {
	process := proctable.Image{Comm: "python3", CommandLine: "/usr/bin/python3 -m research_agent --fast", UID: 1000}
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
		"cgroup is matched in part":             {Match{Cgroup: []string{`/docker-[0-9a-f]+\.scope`}}, true},
		"another cgroup":                        {Match{Cgroup: []string{"^/docker"}}, false},
		"name of a variable is matched whole":   {Match{Environment: []string{"AGENT"}}, false},
		"name of any variable":                  {Match{Environment: []string{"AGENT_.*"}}, true},
		"working directory is matched whole":    {Match{WorkingDirectory: []string{"/srv"}}, false},
		"working directory":                     {Match{WorkingDirectory: []string{"/srv/.*"}}, true},
		"all kinds":                             {Match{[]string{".*"}, []string{".*"}, []string{"fast"}, []string{"agents"}, []string{"."}, []string{".*"}, []string{".*"}}, true},
		"all kinds but one":                     {Match{[]string{".*"}, []string{".*"}, []string{"slow"}, []string{"agents"}, []string{"."}, []string{".*"}, []string{".*"}}, false},
		"the flags of a pattern do not leak on": {Match{Comm: []string{"(?i)PYTHON3"}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, f := find(newTestMatcher(t, groupOf(test.match)), process, &answers{
				executable: "/usr/bin/python3.11", directory: "/srv/agents",
				cgroup: "/system.slice/docker-0af1.scope", environment: []string{"PATH", "AGENT_NAME"},
			})
			require.False(t, f.failed)
			require.Equal(t, map[bool]kind{true: {group: "g", role: "agent"}}[test.want], got)
		})
	}
}

func TestDotMatchesALineBreak(t *testing.T) {
	got, _ := find(newTestMatcher(t, groupOf(Match{Comm: []string{".*"}})), proctable.Image{Comm: "a\nb"}, nil)
	require.Equal(t, "g", got.group)
}

func TestFirstGroupWins(t *testing.T) {
	m := newTestMatcher(t,
		Group{"node", "agent", Match{Comm: []string{"node"}}},
		Group{"n", "tool", Match{Comm: []string{"n.*"}}},
		Group{"all", "other", Match{Comm: []string{".*"}}})
	for comm, want := range map[string]kind{"node": {group: "node", role: "agent"}, "npm": {group: "n", role: "tool"}, "go": {group: "all", role: "other"}} {
		got, _ := find(m, proctable.Image{Comm: comm}, nil)
		require.Equal(t, want, got, comm)
	}
}

func TestFactsAreReadOnceAndOnlyWhenTheyDecide(t *testing.T) {
	m := newTestMatcher(t,
		Group{"opt", "agent", Match{Comm: []string{"node"}, Executable: []string{"/opt/.*"}}},
		Group{"usr", "agent", Match{Comm: []string{"node"}, Executable: []string{"/usr/.*"}}},
		Group{"all", "agent", Match{Comm: []string{".*"}}})
	a := &answers{executable: "/usr/bin/node"}
	got, _ := find(m, proctable.Image{Comm: "node"}, a)
	require.Equal(t, "usr", got.group)
	require.Equal(t, 1, a.reads)
	got, _ = find(m, proctable.Image{Comm: "go"}, a)
	require.Equal(t, "all", got.group)
	require.Equal(t, 1, a.reads)
}

func TestFactThatCannotBeReadMatchesNothing(t *testing.T) {
	for file, match := range map[string]Match{
		"exe": {Executable: []string{".*"}}, "cwd": {WorkingDirectory: []string{".*"}},
		"cgroup": {Cgroup: []string{"."}}, "environ": {Environment: []string{".*"}},
	} {
		got, f := find(newTestMatcher(t, groupOf(match), Group{"node", "agent", Match{Comm: []string{"node"}}}), proctable.Image{Comm: "node"}, &answers{})
		require.Equal(t, "node", got.group)
		require.True(t, f.failed, "so that it is tried again")
		require.Equal(t, proctable.Faults{{File: file, Reason: proctable.Other, Count: 1, Example: errDenied}}, *f.faults)
	}
}

func TestUserThatTheHostDoesNotHaveIsToldAndMatchesNobody(t *testing.T) {
	m, warnings, err := newMatcher([]Group{groupOf(Match{User: []string{"agents", "nobody-here"}})}, nil)
	require.NoError(t, err)
	require.Equal(t, []string{
		`groups::0::match::user[0]: "agents" is not in etc/passwd, give its number instead`,
		`groups::0::match::user[1]: "nobody-here" is not in etc/passwd, give its number instead`,
	}, warnings)
	got, _ := find(m, proctable.Image{UID: 0}, nil)
	require.Equal(t, kind{}, got)
}

func BenchmarkMatch(b *testing.B) {
	m := newTestMatcher(b,
		groupOf(Match{CommandLine: []string{"research_agent", "planner_agent"}}),
		groupOf(Match{Comm: []string{"node"}, CommandLine: []string{`mcp-server-\w+`}}))
	image := proctable.Image{Comm: "node", CommandLine: "/usr/bin/node /opt/tools/mcp-server-files --root /srv"}
	b.ReportAllocs()
	for b.Loop() {
		if got, _ := find(m, image, nil); got.group != "g" {
			b.Fatal(got)
		}
	}
}
