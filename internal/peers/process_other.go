//go:build unix && !linux

package peers

import "syscall"

func attributes(string) (*syscall.SysProcAttr, error) {
	return &syscall.SysProcAttr{Setpgid: true}, nil
}

func giveTo(string, string) error { return nil }

func signalTree(pid int, signal syscall.Signal) { _ = syscall.Kill(-pid, signal) }
