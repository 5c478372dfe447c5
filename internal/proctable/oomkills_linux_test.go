package proctable

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// cgroupOfChildren is a copy of the files of the cgroup that processes of this test
// are in, whatever version this host has. It returns what sets the count.
func cgroupOfChildren(t *testing.T) (root string, kills func(uint64)) {
	b, err := os.ReadFile("/proc/self/cgroup")
	require.NoError(t, err)
	c, err := parseCgroups(b)
	require.NoError(t, err)
	root = t.TempDir()
	files := oomFiles(root, c)
	require.NotEmpty(t, files)
	require.NoError(t, os.MkdirAll(filepath.Dir(files[0]), 0o755))
	return root, func(n uint64) {
		require.NoError(t, os.WriteFile(files[0], fmt.Appendf(nil, "oom 7\noom_kill %d\noom_group_kill 7\n", n), 0o644))
	}
}

func TestKillForLackOfMemoryIsToldFromOthers(t *testing.T) {
	root, kills := cgroupOfChildren(t)
	kills(5)
	w, exits := watcher(t, WithCgroups(root))
	var ids []ID
	for pid := range sleepers(t, 8) {
		ids = append(ids, idOf(t, pid))
	}
	require.NoError(t, w.Set(ids))
	end := func(signal syscall.Signal) Exit {
		require.NoError(t, unix.Kill(ids[0].PID, signal))
		e := next(t, exits)
		require.Equal(t, ids[0], e.ID)
		require.Equal(t, signal, e.Signal)
		require.True(t, e.OOMKnown)
		ids = ids[1:]
		return e
	}
	require.False(t, end(syscall.SIGKILL).OOMKilled, "none since it is watched")

	kills(6)
	require.False(t, end(syscall.SIGTERM).OOMKilled, "the kernel kills otherwise")
	require.True(t, end(syscall.SIGKILL).OOMKilled)
	require.False(t, end(syscall.SIGKILL).OOMKilled, "one kill explains one death")

	kills(8)
	require.NoError(t, w.Set(ids))
	require.True(t, end(syscall.SIGKILL).OOMKilled, "it may take long to die")
	require.NoError(t, w.Set(ids))
	require.False(t, end(syscall.SIGKILL).OOMKilled, "but not for ever")

	require.NoError(t, os.RemoveAll(root))
	require.NoError(t, unix.Kill(ids[0].PID, unix.SIGKILL))
	require.False(t, next(t, exits).OOMKnown)
}

func TestCgroupFiles(t *testing.T) {
	for _, c := range []struct {
		in   cgroups
		want []string
	}{
		{cgroups{unified: "/a/b"}, []string{"/c/a/b/memory.events.local", "/c/a/b/memory.events"}},
		{cgroups{unified: "/", memory: "/a"}, []string{"/c/memory/a/memory.oom_control"}},
		{cgroups{unified: "/../../a"}, nil},
		{cgroups{memory: "/a/../../b"}, nil},
		{cgroups{unified: "/a..b"}, []string{"/c/a..b/memory.events.local", "/c/a..b/memory.events"}},
		{cgroups{}, nil},
	} {
		require.Equal(t, c.want, oomFiles("/c", c.in))
	}
}

// TestKernelKillsForLackOfMemory makes the kernel do it, where this test may make
// a cgroup; elsewhere the test above has to do.
func TestKernelKillsForLackOfMemory(t *testing.T) {
	dir, ok := smallCgroup(t)
	if !ok {
		t.Log("not proven with the kernel's own kill: no cgroup with a memory limit can be made here")
		return
	}
	w, exits := watcher(t)
	// dd allocates its block at once, and much less than would harm the host.
	child := exec.Command("/bin/sh", "-c", "echo $$ > "+dir+"/cgroup.procs && echo ready && read line && exec dd if=/dev/zero of=/dev/null bs=64M count=1")
	stdin, err := child.StdinPipe()
	require.NoError(t, err)
	stdout, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	_, err = stdout.Read(make([]byte, 16))
	require.NoError(t, err)
	id := idOf(t, child.Process.Pid)
	require.NoError(t, w.Set([]ID{id}))
	began := time.Now()
	_, err = stdin.Write([]byte("\n"))
	require.NoError(t, err)
	require.Error(t, child.Wait())
	e := next(t, exits)
	require.Less(t, time.Since(began), time.Second)
	require.Equal(t, Exit{ID: id, Time: e.Time, Signal: syscall.SIGKILL, Known: true, OOMKilled: true, OOMKnown: true}, e)
}

// smallCgroup makes a cgroup with 16 MiB of memory and no swap.
func smallCgroup(t *testing.T) (dir string, ok bool) {
	for _, v := range []struct{ root, limit, swap string }{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"},
		{"/sys/fs/cgroup", "memory.max", "memory.swap.max"},
	} {
		dir := filepath.Join(v.root, fmt.Sprintf("proctable-test-%d", os.Getpid()))
		if os.Mkdir(dir, 0o755) != nil {
			continue
		}
		t.Cleanup(func() { require.NoError(t, os.Remove(dir)) })
		if os.WriteFile(filepath.Join(dir, v.limit), []byte("16777216"), 0o644) != nil {
			continue
		}
		swap := "0"
		if strings.Contains(v.swap, "memsw") {
			swap = "16777216"
		}
		_ = os.WriteFile(filepath.Join(dir, v.swap), []byte(swap), 0o644) // a host without swap has no such file
		return dir, true
	}
	return "", false
}

func FuzzCgroupFiles(f *testing.F) {
	f.Add([]byte("4:cpu,memory:/docker/0123\n1:name=systemd:/\n0::/\n"))
	f.Add([]byte("0::/../../a\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parseCgroups(b)
		if err != nil {
			return
		}
		for _, file := range oomFiles("/root", c) {
			require.True(t, strings.HasPrefix(filepath.Clean(file), "/root/"), "%q leads out", file)
		}
	})
}
