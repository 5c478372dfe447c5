package main

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"
)

// releaseStart gives back the memory that only the start needed: the garbage of
// the components' initialisation, and the pages of the program file that hold code
// and tables for it. Most of the program is never run in any one configuration, yet
// the kernel maps what lies around all that initialisation touches. A page that is
// wanted after all comes back from the page cache, or from the file.
//
// It does nothing to a program that is linked to be relocated: there, read-only
// pages hold addresses that were written when it was loaded, and are not those of
// the file.
func releaseStart() error {
	debug.FreeOSMemory()
	path, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return err
	}
	if fixed, err := isFixed("/proc/self/exe"); err != nil || !fixed {
		return err
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return err
	}
	for _, m := range readOnly(maps, path) {
		// The pages are private, of a file, and cannot have been written to: what is
		// read after this is what was read before it.
		// The call is made by number because the pages are no memory of Go's.
		if _, _, errno := unix.Syscall(unix.SYS_MADVISE, m.begin, m.end-m.begin, unix.MADV_DONTNEED); errno != 0 {
			return fmt.Errorf("giving back the pages of %s: %w", path, errno)
		}
	}
	return nil
}

// isFixed reports whether a program is linked to run at one address only.
func isFixed(program string) (bool, error) {
	f, err := elf.Open(program)
	if err != nil {
		return false, fmt.Errorf("reading the program: %w", err)
	}
	fixed := f.Type == elf.ET_EXEC
	return fixed, f.Close()
}

// mapping is a range of addresses.
type mapping struct{ begin, end uintptr }

// readOnly picks from the text of /proc/PID/maps what is mapped of a file, privately
// and so that nobody can write to it. The form is that of proc_pid_maps(5).
func readOnly(maps []byte, path string) (found []mapping) {
	for line := range bytes.Lines(maps) {
		var m mapping
		var mode, offset, device string
		var inode uint64
		n, err := fmt.Sscanf(string(line), "%x-%x %s %s %s %d", &m.begin, &m.end, &mode, &offset, &device, &inode)
		if err != nil || n != 6 || inode == 0 || m.end <= m.begin || (mode != "r-xp" && mode != "r--p") {
			continue
		}
		if _, name, ok := strings.Cut(string(line), "/"); ok && "/"+strings.TrimSuffix(name, "\n") == path {
			found = append(found, m)
		}
	}
	return found
}
