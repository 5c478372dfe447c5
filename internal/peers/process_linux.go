package peers

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// attributes makes a process lead a group, so that an interrupt from the keyboard
// is ours alone, die with us, and run as name when we are root.
func attributes(name string) (*syscall.SysProcAttr, error) {
	a := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if name == "" || os.Getuid() != 0 {
		return a, nil
	}
	uid, gid, err := ids(name)
	if err != nil {
		return nil, err
	}
	a.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return a, nil
}

func giveTo(path, name string) error {
	if name == "" || os.Getuid() != 0 {
		return nil
	}
	uid, gid, err := ids(name)
	if err != nil {
		return err
	}
	return os.Chown(path, uid, gid)
}

// signalTree signals a process and then all that it has started. A process group
// would not do: the children of PostgreSQL leave it.
func signalTree(pid int, signal syscall.Signal) {
	_ = syscall.Kill(pid, signal)
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, task := range tasks {
		children, _ := os.ReadFile(task)
		for _, child := range strings.Fields(string(children)) {
			if id, err := strconv.Atoi(child); err == nil {
				signalTree(id, signal)
			}
		}
	}
}

func ids(name string) (uid, gid int, err error) {
	u, err := user.Lookup(name)
	if err != nil {
		return 0, 0, err
	}
	if uid, err = strconv.Atoi(u.Uid); err != nil {
		return 0, 0, fmt.Errorf("user %q has id %q", name, u.Uid)
	}
	if gid, err = strconv.Atoi(u.Gid); err != nil {
		return 0, 0, fmt.Errorf("user %q has group %q", name, u.Gid)
	}
	return uid, gid, nil
}
