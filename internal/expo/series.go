package expo

import "math"

// series is one set of labels of a family.
type series struct {
	// line is what the series last was in the text format, value and all, as a part
	// of its page's text. Before that it is the head of the line, or for types of
	// several lines what stands between the braces. It is in a room that only the
	// page leads to, not the string: it is read with the page locked, and copied.
	line string
	// bits of the value of types of one line.
	bits uint64
	// created is in nanoseconds since 1970, 0 for unknown.
	created int64
	// seen is when the series was last written to, in nanoseconds since 1970.
	seen int64
	// page is nil when the series was removed.
	page   *page
	more   *compound
	writer *Handle
	origin *Origin

	// bodyLen is the length of the text between the braces, and bodyAt where in line
	// it begins: maxName bounds that.
	bodyLen      uint32
	bodyAt       uint16
	written, old bool
}

// gone reports whether the series was removed. The store's lock is held.
func (ser *series) gone() bool { return ser.page == nil }

// body is what stands between the braces: the identity of a series in its
// family, and its place.
func (ser *series) body() string { return ser.line[ser.bodyAt : uint32(ser.bodyAt)+ser.bodyLen] }

// head is the line of a type of one line up to the value.
func (ser *series) head() string {
	if ser.bodyLen > 0 || ser.page.family.lines[0].quoted {
		return ser.line[:uint32(ser.bodyAt)+ser.bodyLen+1] // with the brace
	}
	return ser.line[:ser.bodyAt]
}

func (ser *series) value() float64 { return math.Float64frombits(ser.bits) }

// quantiles of a summary.
func (ser *series) quantiles() []Quantile {
	if ser.page.family.Type != Summary {
		return nil
	}
	return ser.more.quantiles
}

// time of the sample in milliseconds.
func (ser *series) time() int64 {
	if ser.writer == nil {
		return 0
	}
	return floorMilli(ser.writer.time)
}

func floorMilli(nanos int64) int64 {
	ms := nanos / 1e6
	if nanos%1e6 < 0 {
		ms--
	}
	return ms
}

// newSeries returns a series and where its line is. The store's lock is held.
func newSeries(f *family, body string, rooms *rooms) (*series, *room) {
	ser := &series{bodyLen: uint32(len(body))}
	line := asBytes(body)
	if f.Type.simple() {
		line = appendHead(nil, &f.lines[0], body, "")
		ser.bodyAt = uint16(len(f.lines[0].text))
		if body != "" {
			ser.bodyAt++ // a brace or a comma
		}
	}
	var in *room
	ser.line, in = rooms.keep(line)
	return ser, in
}

// differs reports whether writing the sample would change what is exposed.
func (ser *series) differs(h *Handle, s *Sample, timestamps bool) bool {
	if !ser.written || ser.created != s.Created || timestamps && (ser.writer != h || floorMilli(h.time) != floorMilli(s.Time)) {
		return true
	}
	if ser.page.family.Type.simple() {
		return ser.bits != math.Float64bits(s.Value) || ser.more == nil && len(s.Exemplars) > 0 ||
			ser.more != nil && !sameExemplars(ser.more.exemplars, s.Exemplars)
	}
	return !ser.more.same(s)
}

// set takes the sample over. The locks of the store and of the page are held.
func (ser *series) set(s *Sample) {
	ser.created = s.Created
	f := ser.page.family
	if f.Type.simple() {
		ser.bits = math.Float64bits(s.Value)
		if ser.more == nil && len(s.Exemplars) == 0 {
			return
		}
	}
	if ser.more == nil {
		ser.more = &compound{}
	}
	ser.more.take(f, s)
}

// sample returns what was last set, of which the caller must keep nothing.
func (ser *series) sample(timestamps bool) Sample {
	s := Sample{}
	if ser.more != nil {
		s = ser.more.sample()
	}
	s.Value, s.Created = ser.value(), ser.created
	if timestamps && ser.writer != nil {
		s.Time = ser.writer.time
	}
	return s
}
