package expo

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// segment is a piece of text compressed on its own, as deflate blocks that end
// at a byte and are not the last. Segments joined are one deflate stream: so a
// page that has not changed need not be compressed again, and the whole is still
// a single gzip member, which browsers and curl want; of several members they
// read the first.
type segment struct {
	deflated []byte
	sum      uint32 // CRC-32 of the text
	length   int    // of the text
	// starts are the bits at which the lines begin, and the last one ends; none
	// where nothing of it will be taken over.
	starts []uint32
}

// compress returns the segment of a text. With lines, the next segment of the
// same lines may take over what has not changed. Scratch is used and left.
func compress(scratch *[]byte, text string, lines int, again *reuse) *segment {
	seg := &segment{length: len(text), sum: crc32.ChecksumIEEE(asBytes(text))}
	var starts *[]uint32
	if lines > 0 {
		seg.starts = make([]uint32, 0, lines+1)
		starts = &seg.starts
	}
	*scratch = deflate((*scratch)[:0], text, starts, again)
	seg.deflated = bytes.Clone(*scratch) // it is kept: no slack
	return seg
}

// The beginning and the end of a gzip stream (RFC 1952) around segments: a
// header without a name or time, an empty last block, the sum and the length.
var (
	gzipHeader = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255}
	lastBlock  = []byte{3, 0}
)

func gzipTrailer(sum uint32, length uint32) []byte {
	b := binary.LittleEndian.AppendUint32(bytes.Clone(lastBlock), sum)
	return binary.LittleEndian.AppendUint32(b, length)
}

// The CRC-32 of two texts joined follows from theirs: that of the first is
// multiplied by x^(8·length of the second), modulo the polynomial, and added to
// that of the second. Polynomials have their highest power in the lowest bit.

// joinSums returns the CRC-32 of a text with one of some length after it.
func joinSums(first, second uint32, length int) uint32 {
	shift := uint32(1) << 31 // x^0
	for n, k := uint64(length), 3; n != 0; n, k = n>>1, k+1 {
		if n&1 != 0 {
			shift = multiply(powers[k&31], shift)
		}
	}
	return multiply(shift, first) ^ second
}

// powers are x^(2^k). They repeat after 32.
var powers = func() (p [32]uint32) {
	p[0] = 1 << 30 // x
	for k := 1; k < len(p); k++ {
		p[k] = multiply(p[k-1], p[k-1])
	}
	return p
}()

// multiply two polynomials modulo that of CRC-32.
func multiply(a, b uint32) uint32 {
	product := uint32(0)
	for m := uint32(1) << 31; m != 0 && a != 0; m >>= 1 {
		if a&m != 0 {
			product ^= b
			a &^= m
		}
		carry := b & 1
		b >>= 1
		if carry != 0 {
			b ^= crc32.IEEE
		}
	}
	return product
}
