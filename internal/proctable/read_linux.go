package proctable

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// read fills buf from the start of a file below dir. One call is enough: procfs
// renders each of the files that this package reads into it whole, and what is
// longer than buf is not wanted.
func read(dir int, path string, buf []byte) ([]byte, error) {
	fd, err := openat(dir, path, unix.O_RDONLY)
	if err != nil {
		return nil, failed(path, err)
	}
	defer func() { _ = unix.Close(fd) }()
	for {
		n, err := unix.Read(fd, buf)
		switch {
		case err == nil:
			return buf[:n], nil
		case err != unix.EINTR:
			return nil, failed(path, err)
		}
	}
}

func openat(dir int, path string, flags int) (int, error) {
	for {
		fd, err := unix.Openat(dir, path, flags|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// failed names the file of an error, and tells the end of a process from other
// failures: a lookup below it finds nothing any more, a read finds no process.
func failed(path string, err error) error {
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) {
		return ErrGone
	}
	return fmt.Errorf("reading %s: %w", path, err)
}

// names calls use with a buffer of directory entries of dir until there are no
// more. It starts at the offset of dir.
func names(dir int, buf []byte, use func(entries []byte)) error {
	for {
		n, err := unix.ReadDirent(dir, buf)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return err
		case n == 0:
			return nil
		default:
			use(buf[:n])
		}
	}
}
