package expo

import "golang.org/x/sys/unix"

// reserve returns zeroed memory of the system, of a multiple of its pages, or nil
// if there is none to be had.
func reserve(size int) []byte {
	pages := (size + unix.Getpagesize() - 1) / unix.Getpagesize()
	mapped, err := unix.Mmap(-1, 0, pages*unix.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil
	}
	return mapped
}

// unreserve gives it back.
func unreserve(mapped []byte) { _ = unix.Munmap(mapped) }
