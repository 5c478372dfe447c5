package expo

import (
	"math"
	"strconv"
	"strings"
)

// writeText writes the page in the text format, from the lines that have not
// changed and anew where they have. The page's lock is held.
func (p *page) writeText(r *rendering, timestamps bool, before *rendering) {
	var b strings.Builder
	size := 64
	if before != nil {
		size += len(before.text)
	}
	b.Grow(size + 4*len(p.series))
	var ends [max(simplePage, compoundPage)]int // no page has more
	var buffer []byte
	simple := p.family.Type.simple()
	r.shape, r.lines = p.shape, len(p.series)
	for i, ser := range p.series {
		if !ser.written || !simple {
			r.lines = 0
		}
		if ser.old && simple {
			r.changed[i/64] |= 1 << (i % 64)
		}
		switch {
		case !ser.written:
		case !ser.old:
			b.WriteString(ser.line)
		case simple:
			b.WriteString(ser.head())
			buffer = appendValue(buffer[:0], ser.value(), ser.stamp(timestamps))
			b.Write(buffer)
		default:
			buffer = ser.appendLines(buffer[:0], timestamps)
			b.Write(buffer)
		}
		ends[i] = b.Len()
	}
	text := b.String()
	if b.Cap() > len(text)+len(text)/8+256 {
		text = strings.Clone(text) // it is kept: no slack
	}
	from := 0
	for i, ser := range p.series {
		if ser.written {
			if ser.old && !simple {
				ser.bodyAt = ser.firstBody()
			}
			ser.line, ser.old = text[from:ends[i]], false
		}
		from = ends[i]
	}
	r.text = text
	if before != nil && before.shape == r.shape && before.lines == r.lines && r.lines > 0 {
		r.follow(before)
	}
}

// follow notes what can be taken over from the rendering of the same lines
// before, or from the one before that if nobody wanted this one compressed.
func (r *rendering) follow(before *rendering) {
	base := before.kept.Load()
	if base == nil {
		base = before.base.Load()
		for i, bits := range before.changed {
			r.changed[i] |= bits
		}
	}
	r.base.Store(base)
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
