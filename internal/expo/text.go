package expo

import (
	"math"
	"slices"
	"strconv"
)

// writeText writes the page in the text format, from the lines that have not
// changed and anew where they have. The page's lock is held.
func (p *page) writeText(s *Store, r *rendering, before *rendering) {
	simple, timestamps := p.family.Type.simple(), s.options.Timestamps
	r.shape, r.lines = p.shape, len(p.series)
	// What is new is written aside first, so that the length of all is known.
	scratch := s.scratch.get()
	defer s.scratch.put(scratch)
	anew := (*scratch)[:0]
	size := 0
	waiting := false                               // for a first value
	var ends [max(simplePage, compoundPage)]uint32 // in anew; no page has more
	for i, ser := range p.series {
		switch {
		case !ser.written:
			r.lines, waiting = 0, true
		case !ser.old:
			size += len(ser.line)
		case simple:
			r.changed[i/64] |= 1 << (i % 64)
			size += len(ser.head())
			anew = appendValue(anew, ser.value(), ser.stamp(timestamps))
		default:
			anew = ser.appendLines(anew, timestamps)
		}
		ends[i] = uint32(len(anew))
	}
	*scratch = anew
	if !simple {
		r.lines = 0
	}
	r.room, r.rooms = s.rooms.get(size+len(anew)), &s.rooms
	room := r.room.text
	from := uint32(0)
	for i, ser := range p.series {
		if !ser.written {
			continue
		}
		begin := len(room)
		switch {
		case !ser.old:
			room = append(room, ser.line...)
		case simple:
			room = append(append(room, ser.head()...), anew[from:ends[i]]...)
		default:
			room = append(room, anew[from:ends[i]]...)
			ser.bodyAt = ser.firstBody()
		}
		from, ends[i] = ends[i], uint32(len(room)) // from now on in room
		ser.line, ser.old = asString(room[begin:]), false
	}
	r.text, r.room.text = asString(room), room
	if !waiting {
		p.lent = nil
	}
	if before != nil && before.shape == r.shape && before.lines == r.lines && r.lines > 0 {
		if r.follow(before) {
			r.ends = slices.Clone(ends[:r.lines])
		}
	}
}

// follow notes what can be taken over from the rendering of the same lines
// before, or from the one before that if nobody wanted this one compressed, and
// reports whether that is anything.
func (r *rendering) follow(before *rendering) bool {
	base := before.kept.Load()
	if base == nil {
		base = before.base.Load()
		for i, bits := range before.changed {
			r.changed[i] |= bits
		}
	}
	r.base.Store(base)
	return base != nil
}

// firstBody is where the labels begin in the first line of a series of several
// lines.
func (ser *series) firstBody() uint16 {
	lines := ser.page.family.lines
	first := &lines[0]
	switch {
	case ser.page.family.Type == Histogram:
		first = &lines[1] // a bucket
	case len(ser.quantiles()) > 0:
	case ser.more.noSum:
		first = &lines[2]
	default:
		first = &lines[1]
	}
	return uint16(len(first.text) + 1) // a brace or a comma
}

// stamp is the time to write, 0 for none.
func (ser *series) stamp(timestamps bool) int64 {
	if timestamps {
		return ser.time()
	}
	return 0
}

// appendLines writes a histogram or a summary.
func (ser *series) appendLines(dst []byte, timestamps bool) []byte {
	c, lines, body, at := ser.more, ser.page.family.lines, ser.body(), ser.stamp(timestamps)
	if ser.page.family.Type == Histogram {
		below := uint64(0)
		if c.ladder != nil {
			for i, bound := range c.ladder.bounds {
				if math.IsInf(bound, 1) {
					break
				}
				below += c.buckets[i]
				dst = appendHead(dst, &lines[1], body, c.ladder.text[i])
				dst = appendValue(dst, float64(below), at)
			}
		}
		dst = appendHead(dst, &lines[1], body, `le="+Inf"`)
		dst = appendValue(dst, float64(c.count), at)
	}
	for _, q := range ser.quantiles() {
		extra := `quantile="` + string(appendFloat(nil, q.Quantile)) + `"`
		dst = appendHead(dst, &lines[0], body, extra)
		dst = appendValue(dst, q.Value, at)
	}
	if !c.noSum {
		dst = appendHead(dst, &lines[len(lines)-2], body, "")
		dst = appendValue(dst, c.sum, at)
	}
	dst = appendHead(dst, &lines[len(lines)-1], body, "")
	return appendValue(dst, float64(c.count), at)
}

// appendValue writes the rest of a line after its head.
func appendValue(dst []byte, v float64, at int64) []byte {
	dst = append(dst, ' ')
	dst = appendFloat(dst, v)
	if at != 0 {
		dst = append(dst, ' ')
		dst = strconv.AppendInt(dst, at, 10)
	}
	return append(dst, '\n')
}

// appendFloat writes a number as Prometheus' own libraries do: the shortest
// decimal that reads back as the same float64.
func appendFloat(dst []byte, v float64) []byte {
	switch {
	case v == 0:
		return append(dst, '0')
	case math.IsInf(v, 1):
		return append(dst, "+Inf"...)
	}
	// Up to a million the shortest decimal of a whole number is its digits.
	if n := int64(v); n > -1e6 && n < 1e6 && float64(n) == v {
		return strconv.AppendInt(dst, n, 10)
	}
	return strconv.AppendFloat(dst, v, 'g', -1, 64)
}
