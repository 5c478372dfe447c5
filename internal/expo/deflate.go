package expo

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// deflate compresses lines that resemble each other. A general compressor looks
// for what a piece of text repeats; here that is known to be the line before, up
// to a label or a value that differs, so comparing two lines is all the search.
// And the code is made for digits, once and for all. That is several times as
// fast as the fastest general one, for a fifth more bytes or so.
//
// The output is one block of RFC 1951 with a dynamic Huffman code, and an empty
// stored block, which ends at a byte. Neither is the last of a stream.
//
// With starts, it notes where in the block each line begins, and the end of the
// last.
func deflate(dst []byte, text string, starts *[]uint32, again *reuse) []byte {
	w := bitWriter{out: dst}
	w.copy(code.header, 0, code.headerBits)
	note := func(at int) {
		if starts != nil {
			*starts = append(*starts, uint32(at))
		}
	}
	before, from := "", 0
	for i := 0; from < len(text); {
		at := w.position() - 8*len(dst)
		if n := again.run(i); n > 0 {
			was := again.base.starts[i : i+n+1]
			for _, start := range was[:n] {
				note(at + int(start) - int(was[0]))
			}
			w.copy(again.base.deflated, int(was[0]), int(was[n]))
			i += n
			from = int(again.ends[i-1])
			before = text[:from]
			if i > 1 {
				before = text[again.ends[i-2]:from]
			}
			continue
		}
		note(at)
		end := from + lineEnd(text[from:])
		w.line(text[from:end], before)
		before, from = text[from:end], end
		i++
	}
	note(w.position() - 8*len(dst))
	w.symbol(endOfBlock)
	w.write(0, 3) // not the last, stored
	w.align()
	return append(w.out, 0, 0, 0xff, 0xff)
}

// reuse says what of an older segment can be taken over: what a line becomes
// depends on it and on the line before, and on nothing else.
type reuse struct {
	base    *segment
	changed changes
	// ends are where the lines end in the text, of which there are as many as in
	// the text that base was made of.
	ends []uint32
}

// changes has a bit for each line that is not as it was.
type changes [simplePage / 64]uint64

// run returns how many lines from this one on can be taken over.
func (r *reuse) run(line int) int {
	if r == nil || r.base == nil || len(r.base.starts) != len(r.ends)+1 {
		return 0
	}
	n := 0
	for line+n < len(r.ends) && !r.differs(line+n) && (line+n == 0 || !r.differs(line+n-1)) {
		n++
	}
	return n
}

func (r *reuse) differs(line int) bool { return r.changed[line/64]>>(line%64)&1 != 0 }

func lineEnd(text string) int {
	for i := 0; ; i += 8 {
		if i+8 > len(text) {
			for ; i < len(text); i++ {
				if text[i] == '\n' {
					return i + 1
				}
			}
			return len(text)
		}
		const ones, highs = 0x0101010101010101, 0x8080808080808080
		word := load(text[i:]) ^ ones*'\n'
		if hit := (word - ones) &^ word & highs; hit != 0 {
			return i + bits.TrailingZeros64(hit)/8 + 1
		}
	}
}

func load(s string) uint64 { return binary.LittleEndian.Uint64([]byte(s[:8])) }

const (
	minMatch, maxMatch = 4, 258 // RFC 1951 allows 3, which is not worth it
	maxDistance        = 32 << 10
)

// line writes a line that stands right behind another.
func (w *bitWriter) line(line, before string) {
	i, j := 0, 0
	for i < len(line) {
		n := 0
		if j < len(before) && i+len(before)-j <= maxDistance {
			n = common(line[i:], before[j:])
		}
		if n >= minMatch {
			w.match(n, i+len(before)-j)
		} else {
			for k := range n {
				w.symbol(uint32(line[i+k]))
			}
		}
		i, j = i+n, j+n
		// What differs goes up to the next sign that ends a name or a value.
		for i < len(line) {
			c := line[i]
			w.symbol(uint32(c))
			i++
			if ends[c] {
				break
			}
		}
		for j < len(before) {
			c := before[j]
			j++
			if ends[c] {
				break
			}
		}
	}
}

// ends are the signs at which two lines may go on alike.
var ends = [256]bool{'"': true, ' ': true, '{': true, ',': true, '=': true, '\n': true}

// common returns the length of the common beginning.
func common(a, b string) int {
	n := 0
	for len(a) >= n+8 && len(b) >= n+8 {
		if differs := load(a[n:]) ^ load(b[n:]); differs != 0 {
			return n + bits.TrailingZeros64(differs)/8
		}
		n += 8
	}
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func (w *bitWriter) match(length, distance int) {
	d := uint32(distance - 1)
	slot, extra := d, uint32(0)
	if d >= 4 {
		extra = uint32(bits.Len32(d)) - 2
		slot = 2*extra + d>>extra
	}
	for length > 0 {
		n := min(length, maxMatch)
		if rest := length - n; rest > 0 && rest < minMatch {
			n -= minMatch
		}
		l := code.lengths[n]
		w.symbol(uint32(l.symbol))
		w.write(uint64(n)-uint64(l.base), uint(l.extra))
		w.write(uint64(code.distanceCode[slot]), uint(code.distanceBits[slot]))
		w.write(uint64(d&(1<<extra-1)), uint(extra))
		length -= n
	}
}

func (w *bitWriter) symbol(s uint32) {
	w.write(uint64(code.literalCode[s]), uint(code.literalBits[s]))
}

// bitWriter writes bits, the lowest first.
type bitWriter struct {
	out  []byte
	bits uint64
	n    uint
}

// write takes at most 32 bits at a time.
func (w *bitWriter) write(v uint64, n uint) {
	w.bits |= v << w.n
	w.n += n
	if w.n >= 32 {
		w.out = binary.LittleEndian.AppendUint32(w.out, uint32(w.bits))
		w.bits >>= 32
		w.n -= 32
	}
}

func (w *bitWriter) align() {
	for w.n > 0 {
		w.out = append(w.out, byte(w.bits))
		w.bits >>= 8
		w.n -= min(w.n, 8)
	}
}

// position is the number of bits written.
func (w *bitWriter) position() int { return 8*len(w.out) + int(w.n) }

// copy writes the bits of b from one place to another.
func (w *bitWriter) copy(b []byte, from, to int) {
	for to-from >= 32 && from/8+8 <= len(b) {
		v := binary.LittleEndian.Uint64(b[from/8:]) >> (from % 8) & (1<<32 - 1)
		w.bits |= v << w.n
		w.out = binary.LittleEndian.AppendUint32(w.out, uint32(w.bits))
		w.bits >>= 32
		from += 32
	}
	for from < to {
		n := min(to-from, 32)
		var v uint64
		if at := from / 8; at+8 <= len(b) {
			v = binary.LittleEndian.Uint64(b[at:])
		} else {
			for i, c := range b[at:] {
				v |= uint64(c) << (8 * i)
			}
		}
		w.write(v>>(from%8)&(1<<n-1), uint(n))
		from += n
	}
}

const (
	endOfBlock = 256
	literals   = 286
	distances  = 30
)

// code is the Huffman code of all segments.
var code = newHuffman()

type huffman struct {
	literalCode  [literals]uint16
	literalBits  [literals]uint8
	distanceCode [distances]uint16
	distanceBits [distances]uint8
	lengths      [maxMatch + 1]struct {
		symbol uint16
		base   uint16
		extra  uint8
	}
	// header is the beginning of a block with this code.
	header     []byte
	headerBits int
}

func newHuffman() *huffman {
	h := &huffman{}
	// How often signs stand where two neighbouring lines differ: mostly digits.
	var weights [literals]int
	for i := range weights {
		switch {
		case i >= '0' && i <= '9':
			weights[i] = 1000
		case i == '\n' || i == '.' || i == '"':
			weights[i] = 500
		case i > endOfBlock:
			weights[i] = 120
		case i == 'e' || i == '+' || i == '-' || i == ' ' || i == ',':
			weights[i] = 60
		case i >= 'a' && i <= 'z' || i == '_' || i == '=':
			weights[i] = 25
		case i >= ' ' && i < 127:
			weights[i] = 5
		default:
			weights[i] = 1
		}
	}
	copy(h.literalBits[:], huffmanLengths(weights[:]))
	copy(h.literalCode[:], canonical(h.literalBits[:]))
	var far [distances]int
	for i := range far {
		far[i] = 1
		if i >= 10 && i < 20 {
			far[i] = 20 // the length of a line: 32 to a thousand
		}
	}
	copy(h.distanceBits[:], huffmanLengths(far[:]))
	copy(h.distanceCode[:], canonical(h.distanceBits[:]))

	symbol, n := 257, 3
	for ; symbol < 285; symbol++ {
		extra := 0
		if symbol >= 265 {
			extra = (symbol - 261) / 4
		}
		for base := n; n < base+1<<extra && n <= maxMatch; n++ {
			l := &h.lengths[n]
			l.symbol, l.base, l.extra = uint16(symbol), uint16(base), uint8(extra)
		}
	}
	last := &h.lengths[maxMatch]
	last.symbol, last.base, last.extra = 285, maxMatch, 0

	// Every length of a code is written on its own, in four bits each: the code
	// of the lengths themselves is 0 to 15 as they are.
	var w bitWriter
	w.write(0, 1) // not the last
	w.write(2, 2) // dynamic
	w.write(literals-257, 5)
	w.write(distances-1, 5)
	w.write(19-4, 4)
	for _, symbol := range []int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15} {
		if symbol < 16 {
			w.write(4, 3)
		} else {
			w.write(0, 3)
		}
	}
	for _, lengths := range [][]uint8{h.literalBits[:], h.distanceBits[:]} {
		for _, length := range lengths {
			w.write(uint64(bits.Reverse8(length)>>4), 4)
		}
	}
	h.headerBits = 8*len(w.out) + int(w.n)
	w.align()
	h.header = w.out
	return h
}

// huffmanLengths returns the lengths of an optimal prefix code. Weights are so
// chosen that none is longer than RFC 1951 allows, which a test holds.
func huffmanLengths(weights []int) []uint8 {
	type node struct{ weight, left, right int }
	nodes := make([]node, 0, 2*len(weights))
	var open []int
	for i, w := range weights {
		nodes = append(nodes, node{w, -1, -1})
		open = append(open, i)
	}
	for len(open) > 1 {
		slices.SortStableFunc(open, func(a, b int) int { return nodes[a].weight - nodes[b].weight })
		nodes = append(nodes, node{nodes[open[0]].weight + nodes[open[1]].weight, open[0], open[1]})
		open = append(open[2:], len(nodes)-1)
	}
	lengths := make([]uint8, len(weights))
	var walk func(i int, depth uint8)
	walk = func(i int, depth uint8) {
		if i < len(weights) {
			lengths[i] = depth
			return
		}
		walk(nodes[i].left, depth+1)
		walk(nodes[i].right, depth+1)
	}
	walk(open[0], 0)
	return lengths
}

// canonical returns the codes that belong to lengths (RFC 1951, 3.2.2), the bits
// reversed, since they are written the highest first.
func canonical(lengths []uint8) []uint16 {
	var count, next [17]int
	for _, l := range lengths {
		count[l]++
	}
	count[0] = 0
	for l := 1; l < len(next); l++ {
		next[l] = (next[l-1] + count[l-1]) << 1
	}
	codes := make([]uint16, len(lengths))
	for i, l := range lengths {
		if l > 0 {
			codes[i] = bits.Reverse16(uint16(next[l])) >> (16 - l)
			next[l]++
		}
	}
	return codes
}
