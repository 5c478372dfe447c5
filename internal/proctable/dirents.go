package proctable

import (
	"bytes"
	"encoding/binary"
	"iter"
)

// direntName is the offset of the name in a struct linux_dirent64, getdents(2);
// direntLength that of the 16 bits that hold the length of the whole entry.
const (
	direntLength = 16
	direntName   = 19
)

// direntNames yields the names in a buffer that getdents64(2) filled, "." and
// ".." included. A name points into the buffer. It stops at an entry that does
// not fit.
func direntNames(b []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(b) > direntName {
			length := int(binary.NativeEndian.Uint16(b[direntLength:]))
			if length <= direntName || length > len(b) {
				return
			}
			name, _, _ := bytes.Cut(b[direntName:length], []byte{0})
			if !yield(name) {
				return
			}
			b = b[length:]
		}
	}
}
