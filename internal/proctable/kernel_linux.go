package proctable

import (
	"bytes"

	"golang.org/x/sys/unix"
)

// isProcfs tells a procfs from a directory of ordinary files.
func isProcfs(dir int) bool {
	var fs unix.Statfs_t
	return unix.Fstatfs(dir, &fs) == nil && fs.Type == unix.PROC_SUPER_MAGIC
}

// countsOpenFiles asks the running kernel about a directory whose count cannot be
// 0, our own.
func countsOpenFiles() bool {
	var own unix.Statx_t
	return unix.Statx(unix.AT_FDCWD, "/proc/self/fd", 0, unix.STATX_SIZE, &own) == nil && own.Size > 0
}

// sharesPids says whether the pids below a /proc are those of our own namespace.
// Our own status there holds our pid in its namespace and in each one below, down
// to ours: one number if they are the same.
func sharesPids(dir int) bool {
	if !isProcfs(dir) {
		return false
	}
	b, err := read(dir, "self/status", make([]byte, 4096))
	if err != nil {
		return false
	}
	_, pids, ok := bytes.Cut(b, []byte("\nNSpid:\t"))
	pids, _, _ = bytes.Cut(pids, []byte{'\n'})
	_, one := decimal(pids)
	return ok && one
}
