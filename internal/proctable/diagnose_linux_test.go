package proctable

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/proctable/proctabletest"
)

func capabilities(findings []Finding) (list []string) {
	for _, f := range findings {
		list = append(list, f.Capability)
	}
	return list
}

func TestFindingIsOneLine(t *testing.T) {
	require.Equal(t, "disk traffic: io of 3 of 4 processes may not be read; give CAP_SYS_PTRACE",
		Finding{"disk traffic", "io of 3 of 4 processes may not be read", "give CAP_SYS_PTRACE"}.String())
}

func TestNothingIsMissingOnACopyButExits(t *testing.T) {
	tree := proctabletest.New(t)
	tree.Set(7, proctabletest.Process{VSize: 1, Executable: "/bin/agent", PSS: 1, Environ: []string{"A=1"}})
	require.Equal(t, []string{"exits of processes"}, capabilities(Diagnose(tree.Root)))
}

func TestDeniedFilesAreFoundOnce(t *testing.T) {
	tree := proctabletest.New(t)
	for pid := 7; pid < 10; pid++ {
		tree.Set(pid, proctabletest.Process{VSize: 1, Executable: "/bin/agent", PSS: 1})
	}
	tree.Set(2, proctabletest.Process{Comm: "kthreadd"})
	require.NoError(t, os.Chmod(filepath.Dir(tree.Root), 0o755)) // for somebody else to open it
	for _, name := range []string{"io", "smaps_rollup"} {
		require.NoError(t, os.Chmod(tree.Path("proc/8/"+name), 0))
	}
	tree.Forbid(7, []string{"io"}, func() {
		findings := Diagnose(tree.Root)
		require.Equal(t, []string{"disk traffic", "proportional memory", "exits of processes"}, capabilities(findings))
		require.Equal(t, "disk traffic: io of 2 of 3 processes may not be read; "+
			"run as their user, or give CAP_SYS_PTRACE (AmbientCapabilities= in a unit)", findings[0].String())
	})
}

func TestMissingProcIsFound(t *testing.T) {
	findings := Diagnose(t.TempDir())
	require.Len(t, findings, 1)
	require.Equal(t, "set the root path to where the host's / is mounted", findings[0].Remedy)
}

func TestDiagnosingThisHostLeavesNothingOpen(t *testing.T) {
	before := openFiles(t)
	for _, f := range Diagnose("/") {
		require.NotEmpty(t, f.Missing)
		require.NotEmpty(t, f.Remedy)
		if os.Geteuid() == 0 {
			require.NotEqual(t, "processes of other users", f.Capability)
		}
	}
	require.Equal(t, before, openFiles(t))
}

func TestReleasesAreComparedByNumber(t *testing.T) {
	for release, want := range map[string]bool{
		"6.1.0-13-amd64": true, "5.15.0": true, "6.14": true, "6.15.0-rc1": false, "6.18.44-fc": false, "7.0": false, "": false, "x.y": false,
	} {
		require.Equal(t, want, older(release, 6, 15), release)
	}
}
