package expo

import (
	"bytes"
	"encoding/hex"
	"math"
	"slices"
	"strconv"
)

// openEnd is the last line of OpenMetrics.
const openEnd = "# EOF\n"

// writeOpen writes the page in OpenMetrics 1.0. The page's lock is held.
func (p *page) writeOpen(o Options, before *rendering) string {
	size := 64
	if before != nil {
		size += len(before.text) + len(before.text)/16
	}
	buffer := make([]byte, 0, size)
	for _, ser := range p.series {
		if ser.written {
			buffer = ser.appendOpen(buffer, o)
		}
	}
	return string(buffer)
}

func (ser *series) appendOpen(dst []byte, o Options) []byte {
	f := ser.page.family
	at := ser.stamp(o.Timestamps)
	switch f.Type {
	case Histogram:
		dst = ser.appendOpenBuckets(dst, at)
	case Summary:
		for _, q := range ser.quantiles() {
			extra := `quantile="` + string(appendOpenFloat(nil, q.Quantile)) + `"`
			dst = appendHead(dst, &f.lines[0], ser.body(), extra)
			dst = appendOpenFloat(append(dst, ' '), q.Value)
			dst = appendOpenEnd(dst, at, nil)
		}
	default:
		dst = append(dst, ser.head()...)
		dst = appendOpenFloat(append(dst, ' '), ser.value())
		var exemplar *Exemplar
		if f.Type == Counter && ser.more != nil && len(ser.more.exemplars) > 0 {
			exemplar = &ser.more.exemplars[len(ser.more.exemplars)-1]
		}
		dst = appendOpenEnd(dst, at, exemplar)
	}
	if !f.Type.simple() {
		if !ser.more.noSum {
			dst = appendHead(dst, &f.lines[len(f.lines)-2], ser.body(), "")
			dst = appendOpenFloat(append(dst, ' '), ser.more.sum)
			dst = appendOpenEnd(dst, at, nil)
		}
		dst = appendHead(dst, &f.lines[len(f.lines)-1], ser.body(), "")
		dst = strconv.AppendUint(append(dst, ' '), ser.more.count, 10)
		dst = appendOpenEnd(dst, at, nil)
	}
	if o.CreatedLines && ser.created != 0 && f.hasCreated() {
		dst = appendHead(dst, &f.created, ser.body(), "")
		dst = appendOpenFloat(append(dst, ' '), float64(ser.created)/1e9)
		dst = append(dst, '\n')
	}
	return dst
}

// hasCreated reports whether OpenMetrics has a _created line for the family: a
// counter whose name does not end in _total is of unknown type there.
func (f *family) hasCreated() bool {
	return f.openStripped != nil || !f.Type.simple()
}

func (ser *series) appendOpenBuckets(dst []byte, at int64) []byte {
	c, name := ser.more, &ser.page.family.lines[1]
	var bounds []float64
	if c.ladder != nil {
		bounds = c.ladder.bounds
		if n := len(bounds); n > 0 && math.IsInf(bounds[n-1], 1) {
			bounds = bounds[:n-1]
		}
	}
	of := c.byBucket(bounds)
	below := uint64(0)
	for i := range bounds {
		below += c.buckets[i]
		dst = appendHead(dst, name, ser.body(), c.ladder.open[i])
		dst = strconv.AppendUint(append(dst, ' '), below, 10)
		dst = appendOpenEnd(dst, at, of(i))
	}
	dst = appendHead(dst, name, ser.body(), `le="+Inf"`)
	dst = strconv.AppendUint(append(dst, ' '), c.count, 10)
	return appendOpenEnd(dst, at, of(len(bounds)))
}

// byBucket returns a function that tells the exemplar of a bucket, or nil.
func (c *compound) byBucket(bounds []float64) func(bucket int) *Exemplar {
	if len(c.exemplars) == 0 {
		return func(int) *Exemplar { return nil }
	}
	of := make([]*Exemplar, len(bounds)+1)
	for i := range c.exemplars {
		at, _ := slices.BinarySearch(bounds, c.exemplars[i].Value)
		of[at] = &c.exemplars[i]
	}
	return func(bucket int) *Exemplar { return of[bucket] }
}

// appendOpenEnd writes the rest of a line after the value. OpenMetrics has times
// in seconds.
func appendOpenEnd(dst []byte, at int64, e *Exemplar) []byte {
	if at != 0 {
		dst = appendOpenFloat(append(dst, ' '), float64(at)/1000)
	}
	if e != nil {
		dst = append(dst, " # {"...)
		dst = e.appendLabels(dst)
		dst = appendOpenFloat(append(dst, "} "...), e.Value)
		if e.Time != 0 {
			dst = appendOpenFloat(append(dst, ' '), float64(e.Time)/1e9)
		}
	}
	return append(dst, '\n')
}

// The labels of exemplars, as the OpenTelemetry specification names them under
// "Prometheus and OpenMetrics Compatibility".
const (
	traceLabel = "trace_id"
	spanLabel  = "span_id"
)

func (e *Exemplar) appendLabels(dst []byte) []byte {
	if e.TraceID != [16]byte{} {
		dst = append(hex.AppendEncode(append(dst, traceLabel+`="`...), e.TraceID[:]), '"')
	}
	if e.SpanID != [8]byte{} {
		if e.TraceID != [16]byte{} {
			dst = append(dst, ',')
		}
		dst = append(hex.AppendEncode(append(dst, spanLabel+`="`...), e.SpanID[:]), '"')
	}
	return dst
}

// appendOpenFloat writes a number so that it cannot be taken for an integer, as
// Prometheus' own libraries do.
func appendOpenFloat(dst []byte, v float64) []byte {
	if n := int64(v); n > -1e6 && n < 1e6 && float64(n) == v && v != 0 {
		return append(strconv.AppendInt(dst, n, 10), ".0"...)
	}
	switch {
	case v == 0:
		return append(dst, "0.0"...)
	case math.IsInf(v, 1):
		return append(dst, "+Inf"...)
	case math.IsNaN(v):
		return append(dst, "NaN"...)
	case math.IsInf(v, -1):
		return append(dst, "-Inf"...)
	}
	from := len(dst)
	dst = strconv.AppendFloat(dst, v, 'g', -1, 64)
	if !bytes.ContainsAny(dst[from:], "e.") {
		dst = append(dst, ".0"...)
	}
	return dst
}

// header is what stands before the lines of a family, as the index has it for
// scrapes.
func (e *entry) header(syntax Syntax) *header {
	if syntax == OpenMetrics {
		return e.open
	}
	return e.text
}
