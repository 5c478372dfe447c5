package proctable

import (
	"bytes"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pidfdInfo is the first version of struct pidfd_info in the kernel's
// include/uapi/linux/pidfd.h.
type pidfdInfo struct {
	mask     uint64
	_        uint64    // cgroup
	_        [3]uint32 // pids
	_        [8]uint32 // users and groups
	exitCode int32     // as wait(2) tells it
}

const (
	pidfdGetInfo  = 0xc040ff0b // _IOWR(PIDFS_IOCTL_MAGIC, 11, struct pidfd_info)
	pidfdInfoExit = 1 << 3
)

// reapedStatus returns how a process ended. The kernel tells from the moment its
// parent has asked, since Linux 6.15, and needs no right for it.
func reapedStatus(pidfd int) (syscall.WaitStatus, bool) {
	info := pidfdInfo{mask: pidfdInfoExit}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(pidfd), pidfdGetInfo, uintptr(unsafe.Pointer(&info))) //nolint:gosec // a system call takes an address
	return syscall.WaitStatus(info.exitCode), errno == 0 && info.mask&pidfdInfoExit != 0
}

// zombieStatus returns how a process ended whose parent has not asked yet. This
// needs the right to trace the process: the kernel tells everybody else 0.
func zombieStatus(files *procfs, id ID, buf []byte) (syscall.WaitStatus, bool) {
	b, errno := files.fetchOnce(id.PID, "stat", buf)
	if errno != 0 {
		return 0, false
	}
	s, err := parseStat(b)
	if err != nil || s.start != id.Start || s.state != 'Z' {
		return 0, false
	}
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')'):])
	if len(fields) <= fieldExitCode {
		return 0, false
	}
	status, ok := decimal(fields[fieldExitCode])
	if !ok || status > 1<<16 {
		return 0, false
	}
	if status == 0 {
		// Whoever may trace a zombie is told that it has no program any more.
		_, errno := files.link(id.PID, "exe", buf)
		return 0, errno == unix.ENOENT
	}
	return syscall.WaitStatus(status), true
}

// fieldExitCode counts from the closing bracket of the comm, field 2.
const fieldExitCode = 52 - 2

// ended says whether the process of a pidfd is over, its parent told or not.
func ended(pidfd int) bool {
	poll := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	n, err := unix.Poll(poll, 0)
	return err == nil && n > 0
}
