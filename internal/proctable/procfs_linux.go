//nolint:gosec // unsafe: system calls take addresses, here of what outlives them
package proctable

import (
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// procfs makes the system calls of the main path on files below one directory,
// and no allocations: names are built in place, where the calls of package unix
// would copy them, and failures stay numbers.
//
// Its calls are raw: the scheduler is not told, which saves a tenth of each. So
// they are for files that the kernel answers from memory without waiting for the
// process, and not for what it has to fetch out of the memory of the process.
type procfs struct {
	dir  int
	name [48]byte
	info unix.Statx_t

	// before is called ahead of each call, if it is set: a test may end the
	// process then.
	before func(pid int, file string)
}

// open opens <pid>/<file>. The flag is O_RDONLY, or O_PATH for what is not to be
// read.
func (p *procfs) open(pid int, file string, flag int) (int, syscall.Errno) {
	p.call(pid, file)
	for {
		fd, _, errno := unix.RawSyscall6(unix.SYS_OPENAT, uintptr(p.dir), uintptr(unsafe.Pointer(&p.name)),
			uintptr(flag|unix.O_CLOEXEC), 0, 0, 0)
		if errno != unix.EINTR {
			return int(fd), errno
		}
	}
}

// stat fills info with the owner and size of <pid>/<file>, or of <pid> itself if
// file is empty.
func (p *procfs) stat(pid int, file string) syscall.Errno {
	p.call(pid, file)
	_, _, errno := unix.RawSyscall6(unix.SYS_STATX, uintptr(p.dir), uintptr(unsafe.Pointer(&p.name)),
		0, unix.STATX_UID|unix.STATX_SIZE, uintptr(unsafe.Pointer(&p.info)), 0)
	return errno
}

// statOpen fills info with the owner and size of an open file. pid and file are
// those that it was opened as.
func (p *procfs) statOpen(pid int, file string, fd int) syscall.Errno {
	if p.before != nil {
		p.before(pid, file)
	}
	p.name[0] = 0
	_, _, errno := unix.RawSyscall6(unix.SYS_STATX, uintptr(fd), uintptr(unsafe.Pointer(&p.name)),
		unix.AT_EMPTY_PATH, unix.STATX_UID|unix.STATX_SIZE, uintptr(unsafe.Pointer(&p.info)), 0)
	return errno
}

// read fills b from the start of an open file. pid and file are those that it was
// opened as.
func (p *procfs) read(pid int, file string, fd int, b []byte) ([]byte, syscall.Errno) {
	if p.before != nil {
		p.before(pid, file)
	}
	for {
		// The offset is 0 in all of its registers, in which every architecture agrees.
		n, _, errno := unix.RawSyscall6(unix.SYS_PREAD64, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0, 0, 0)
		switch errno {
		case 0:
			return b[:n], 0
		case unix.EINTR:
		default:
			return nil, errno
		}
	}
}

// fetch is read for what comes out of the memory of the process, and may have to
// wait for it.
func (p *procfs) fetch(pid int, file string, fd int, b []byte) ([]byte, syscall.Errno) {
	if p.before != nil {
		p.before(pid, file)
	}
	for {
		n, _, errno := unix.Syscall6(unix.SYS_PREAD64, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0, 0, 0)
		switch errno {
		case 0:
			return b[:n], 0
		case unix.EINTR:
		default:
			return nil, errno
		}
	}
}

// fetchOnce opens <pid>/<file>, fills b from it and closes it.
func (p *procfs) fetchOnce(pid int, file string, b []byte) ([]byte, syscall.Errno) {
	fd, errno := p.open(pid, file, unix.O_RDONLY)
	if errno != 0 {
		return nil, errno
	}
	b, errno = p.fetch(pid, file, fd, b)
	shut(fd)
	return b, errno
}

// link returns where the symbolic link <pid>/<file> leads, cut to b.
func (p *procfs) link(pid int, file string, b []byte) ([]byte, syscall.Errno) {
	p.call(pid, file)
	n, _, errno := unix.Syscall6(unix.SYS_READLINKAT, uintptr(p.dir), uintptr(unsafe.Pointer(&p.name)),
		uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0, 0)
	if errno != 0 {
		return nil, errno
	}
	return b[:n], 0
}

// call writes the name of a file for a call that is about to be made.
func (p *procfs) call(pid int, file string) {
	if p.before != nil {
		p.before(pid, file)
	}
	b := strconv.AppendUint(p.name[:0], uint64(pid), 10)
	if file != "" {
		b = append(append(b, '/'), file...)
	}
	_ = append(b, 0)
}

// shut closes a descriptor of a file that nothing was written to.
func shut(fd int) {
	_, _, _ = unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0)
}

// gone tells the end of a process from other failures: a lookup below it finds
// nothing any more, a read finds no process.
func gone(errno syscall.Errno) bool { return errno == unix.ENOENT || errno == unix.ESRCH }
