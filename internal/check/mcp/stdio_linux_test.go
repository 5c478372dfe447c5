package mcp

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/peers"
)

// self returns settings that run the test binary in a mode, and the folder where it
// leaves the ids of its processes.
func self(t *testing.T, mode string, env ...string) (Settings, string) {
	t.Helper()
	path, err := os.Executable()
	require.NoError(t, err)
	notes := t.TempDir()
	return Settings{Command: []string{path}, Env: append(env, modeOf+"="+mode, "NOTES="+notes)}, notes
}

// noted returns the ids that were left.
func noted(t *testing.T, folder string) []int {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	var ids []int
	for _, entry := range entries {
		id, err := strconv.Atoi(entry.Name())
		require.NoError(t, err)
		ids = append(ids, id)
	}
	return ids
}

// isGone is true when there is no process of that id, not even a zombie.
func isGone(id int) bool { return syscall.Kill(id, 0) == syscall.ESRCH }

func TestHostileChildren(t *testing.T) {
	for mode, test := range map[string]struct {
		kind check.ErrorType
		// reason is a pattern; BINARY stands for the name of the program.
		reason string
	}{
		"hangs":                         {check.Timeout, `initialize at BINARY: no answer in time`},
		"stubborn":                      {check.Timeout, `initialize at BINARY: no answer in time`},
		"stubbornly answers":            {check.None, ``},
		"orphans":                       {check.None, ``},
		"answers":                       {check.None, ``},
		"dies at new":                   {check.None, ``},
		"ignores new":                   {check.None, ``},
		"floods its errors and answers": {check.None, ``},
		"exits":                         {check.Refused, `initialize at BINARY: the server ended with exit status 3; its standard error output says: Error: no database  \[31mat \*\*\*`},
		"is killed":                     {check.Refused, `initialize at BINARY: the server (was ended by signal 11 \(segmentation fault\)|ended with exit status 2.*)`},
		"closes its output":             {check.Refused, `initialize at BINARY: the server closed its standard output`},
		"floods its errors":             {check.Timeout, `initialize at BINARY: no answer in time(; its standard error output says: (last words|(noise )*(nois|noi|no|n)?…|noise.*))?`},
		"floods notifications":          {check.Protocol, `server/discover at BINARY: the server sends more than 2000 messages`},
		"floods requests":               {check.Protocol, `server/discover at BINARY: the server has us send more than 256 requests`},
		"1 GiB in a line":               {check.Protocol, `server/discover at BINARY: the answers are larger than 4 MiB`},
		"drips":                         {check.Timeout, `initialize at BINARY: no answer in time`},
		"chats":                         {check.Protocol, `server/discover at BINARY: the standard output holds a line that is no message`},
		"nests":                         {check.Protocol, `server/discover at BINARY: the answer is nested deeper than 128 levels`},
		"wrong id":                      {check.Protocol, `server/discover at BINARY: the answer is to a request that was not made`},
		"null":                          {check.Protocol, `server/discover at BINARY: the standard output holds a line that is no message`},
		"stops":                         {check.Timeout, `tools/call at BINARY: no answer in time`},
		"pages":                         {check.Assertion, `BINARY lists its tools on more than 100 pages`},
	} {
		t.Run(mode, func(t *testing.T) {
			settings, notes := self(t, mode, "PASSWORD=very secret")
			if mode == "stops" {
				// More than a pipe takes.
				settings.Canary = &Canary{Tool: "a", Arguments: map[string]any{"text": strings.Repeat("x", 1<<20)}}
			}
			p := newProbe(t, settings)
			timeout := 5 * time.Second
			if test.kind == check.Timeout || mode == "ignores new" {
				timeout = 600 * time.Millisecond
			}
			before := live()
			r := runOnce(t, p, timeout)
			require.Equal(t, test.kind, r.ErrorType, r.Reason)
			require.Regexp(t, "^"+strings.ReplaceAll(test.reason, "BINARY", filepath.Base(settings.Command[0]))+"$", r.Reason)
			for _, id := range noted(t, notes) {
				require.True(t, isGone(id), "process %d", id)
			}
			// The pieces of other tests may go late, but what this one keeps does not go.
			require.Eventually(t, func() bool { return live()-before < 4<<20 }, 10*time.Second, 20*time.Millisecond, "what is kept")
			runtime.KeepAlive(p)
		})
	}
}

func TestChildThatLeavesItsGroupDoesNotHoldTheRun(t *testing.T) {
	settings, notes := self(t, "daemon")
	p := newProbe(t, settings)
	r := runOnce(t, p, 5*time.Second)
	require.Equal(t, check.Healthy, r.State, r.Reason)
	for _, id := range noted(t, notes) {
		require.NoError(t, syscall.Kill(id, syscall.SIGKILL))
		_, err := syscall.Wait4(id, nil, 0, nil)
		require.NoError(t, err)
	}
}

func TestChildrenDieWithUs(t *testing.T) {
	settings, notes := self(t, "parent")
	parent := exec.Command(settings.Command[0])
	parent.Env = settings.Env
	require.NoError(t, parent.Start())
	require.Eventually(t, func() bool { return len(noted(t, notes)) == 2 }, 10*time.Second, 10*time.Millisecond)
	require.NoError(t, parent.Process.Kill())
	_ = parent.Wait()
	ids := noted(t, notes)
	leader := 0
	for _, id := range ids {
		if group, err := syscall.Getpgid(id); err == nil && group == id {
			leader = id
		}
	}
	t.Cleanup(func() {
		// The signal is for the child alone; what that forked is on its own.
		for _, id := range ids {
			_ = syscall.Kill(id, syscall.SIGKILL)
			_, _ = syscall.Wait4(id, nil, 0, nil)
		}
	})
	require.Eventually(t, func() bool {
		_, err := syscall.Wait4(leader, nil, syscall.WNOHANG, nil)
		return err == nil && isGone(leader) || err == syscall.ECHILD
	}, 5*time.Second, 5*time.Millisecond)
}

func TestServersOfBothErasOverStdio(t *testing.T) {
	for mode, want := range map[string]struct {
		steps   []string
		version string
		again   []string
	}{
		"new server": {[]string{"spawn", "discover", "list", "call"}, "2026-07-28", []string{"spawn", "discover", "list", "call"}},
		"old server": {[]string{"spawn", "discover", "initialize", "list", "call"}, "2025-06-18", []string{"spawn", "initialize", "list", "call"}},
	} {
		t.Run(mode, func(t *testing.T) {
			settings, _ := self(t, mode)
			settings.Canary = &Canary{Tool: "echo", Arguments: map[string]any{"message": "hello"}, Contains: "said:\nhello"}
			p := newProbe(t, settings)
			r := runOnce(t, p, 10*time.Second)
			require.Equal(t, check.Healthy, r.State, r.Reason)
			require.Equal(t, want.steps, steps(r))
			require.Equal(t, want.version, value(t, r, "mcp.protocol.info").Attributes["mcp.protocol.version"])
			require.Equal(t, 5.0, value(t, r, "mcp.tools").Value)
			require.Equal(t, want.again, steps(runOnce(t, p, 10*time.Second)))
		})
	}
}

func TestChildGetsWhatIsConfiguredAndNothingElse(t *testing.T) {
	t.Setenv("OURS", "not for others")
	settings, notes := self(t, "new server", "A=b c")
	settings.Command = append(settings.Command, "$(touch x)", "; exit", "--flag")
	settings.Dir = notes
	settings.Canary = &Canary{Tool: "environment", Regex: regexp.MustCompile(
		`\AA=b c\n` + modeOf + `=new server\nNOTES=` + notes + `\ndir=` + notes + `\nargs=\$\(touch x\)\|; exit\|--flag\z`)}
	r := runOnce(t, newProbe(t, settings), 10*time.Second)
	require.Equal(t, check.Healthy, r.State, r.Reason)
}

func TestReferenceServerOverStdio(t *testing.T) {
	node, err := exec.LookPath("node")
	require.NoError(t, err)
	folder := filepath.Join(peers.Root(t), "internal", "tools", "mcp")
	p := newProbe(t, Settings{
		Command: []string{
			node, "--require", filepath.Join(folder, "preload.cjs"),
			filepath.Join(folder, "node_modules", "@modelcontextprotocol", "server-everything", "dist", "index.js"), "stdio",
		},
		Canary: &Canary{Tool: "echo", Arguments: map[string]any{"message": "hello"}, Contains: "hello"},
	})
	r := runOnce(t, p, 20*time.Second)
	require.Equal(t, check.Healthy, r.State, r.Reason)
	require.Equal(t, []string{"spawn", "discover", "initialize", "list", "call"}, steps(r))
	require.Equal(t, "2025-11-25", value(t, r, "mcp.tools").Attributes["mcp.protocol.version"])
	require.Greater(t, value(t, r, "mcp.tools").Value, 5.0)
	require.Equal(t, []string{"spawn", "initialize", "list", "call"}, steps(runOnce(t, p, 20*time.Second)))
}

func TestProgramThatCannotBeStarted(t *testing.T) {
	folder := t.TempDir()
	script := filepath.Join(folder, "script")
	require.NoError(t, os.WriteFile(script, []byte("no program"), 0o600))
	for _, test := range []struct {
		settings Settings
		kind     check.ErrorType
		reason   string
	}{
		{Settings{Command: []string{folder + "/none"}}, check.Refused, "spawn at none: there is no such program or directory"},
		{Settings{Command: []string{script}}, check.Auth, "spawn at script: we may not run the program"},
		{Settings{Command: []string{"/bin/true"}, Dir: folder + "/none"}, check.Refused, "spawn at true: there is no such program or directory"},
	} {
		r := runOnce(t, newProbe(t, test.settings), 5*time.Second)
		require.Equal(t, check.Unhealthy, r.State)
		require.Equal(t, test.kind, r.ErrorType)
		require.Equal(t, test.reason, r.Reason)
		require.Equal(t, []string{"spawn"}, steps(r))
	}
	require.NoError(t, os.Chmod(script, 0o700))
	r := runOnce(t, newProbe(t, Settings{Command: []string{script}}), 5*time.Second)
	require.Equal(t, check.Refused, r.ErrorType)
	require.Equal(t, "spawn at script: the program cannot be run: exec format error", r.Reason)
}

func TestCanceledRunEndsItsChildSoon(t *testing.T) {
	settings, notes := self(t, "stubborn")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan check.Result, 1)
	go func() {
		r, _ := newProbe(t, settings).Run(ctx)
		done <- r
	}()
	require.Eventually(t, func() bool { return len(noted(t, notes)) == 2 }, 10*time.Second, 10*time.Millisecond)
	cancel()
	require.Equal(t, check.Timeout, (<-done).ErrorType)
	for _, id := range noted(t, notes) {
		require.True(t, isGone(id))
	}
}

func TestLastWords(t *testing.T) {
	for text, want := range map[string]string{
		"":                                      "",
		"one\n\n":                               "one",
		"one\ntwo":                              "two",
		"one\nTypeError: x\n    at a\nv20\n":    "TypeError: x",
		"error 1\nerror 2\nbye":                 "error 2",
		"the key is hunter22 and hunter22-long": "the key is *** and ***",
		"\x1b[2J\u202eleft\x00":                 "[2J left",
		strings.Repeat("é", 200):                strings.Repeat("é", 98) + "…",
	} {
		last := tail{kept: []byte(text)}
		require.Equal(t, want, last.line([]string{"hunter22-long", "hunter22"}))
	}
	cut := tail{kept: []byte("r22 is half\nwhole"), cut: true}
	require.Equal(t, "whole", cut.line(nil))
}

func TestSecretsAreTheValuesOfVariablesAndFlags(t *testing.T) {
	require.Equal(t, []string{"line one of a key", "flag=value", "separate", "abcd", "two2"}, secretsOf(&Settings{
		Command: []string{"/bin/server", "positional", "--key=flag=value", "--token", "separate", "--on", "--off"},
		Env:     []string{"A=abcd", "SHORT=abc", "KEY=line one of a key\ntwo2\n"},
	}))
}
