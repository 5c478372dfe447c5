package expo

import (
	"encoding/binary"
	"encoding/hex"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of io/prometheus/client/metrics.proto in
// https://github.com/prometheus/client_model.
const (
	familyName, familyHelp, familyType, familyMetric, familyUnit = 1, 2, 3, 4, 5

	metricLabel, metricGauge, metricCounter, metricSummary = 1, 2, 3, 4
	metricUntyped, metricTimestamp, metricHistogram        = 5, 6, 7
)

// kind returns the number of the type in the enumeration MetricType.
func (t Type) kind() uint64 {
	switch t {
	case Counter:
		return 0
	case Gauge:
		return 1
	case Summary:
		return 2
	case Histogram:
		return 4
	default:
		return 3
	}
}

// writeProtobuf writes the metrics of the page as a part of a MetricFamily. The
// page's lock is held.
func (p *page) writeProtobuf(timestamps bool, before *rendering) string {
	size := 64
	if before != nil {
		size += len(before.text)
	}
	out := make([]byte, 0, size)
	var metric, scratch []byte
	for _, ser := range p.series {
		if ser.written {
			metric, scratch = ser.appendMetric(metric[:0], scratch, timestamps)
			out = appendBytes(out, familyMetric, metric)
		}
	}
	return string(out)
}

// appendFamily writes a MetricFamily with these metrics, and its length before.
func appendFamily(dst []byte, f *family, metrics []string) []byte {
	var head []byte
	head = appendText(head, familyName, f.Name)
	head = appendText(head, familyHelp, f.Help)
	head = appendUint(head, familyType, f.Type.kind())
	if f.Unit != "" {
		head = appendText(head, familyUnit, f.Unit)
	}
	size := len(head)
	for _, m := range metrics {
		size += len(m)
	}
	dst = binary.AppendUvarint(dst, uint64(size))
	dst = append(dst, head...)
	for _, m := range metrics {
		dst = append(dst, m...)
	}
	return dst
}

func (ser *series) appendMetric(dst, scratch []byte, timestamps bool) (_, _ []byte) {
	eachLabel(ser.body(), func(name, value string) {
		scratch = appendText(scratch[:0], 1, name)
		scratch = appendText(scratch, 2, value)
		dst = appendBytes(dst, metricLabel, scratch)
	})
	scratch = scratch[:0]
	var field protowire.Number
	switch ser.page.family.Type {
	case Gauge:
		field, scratch = metricGauge, appendDouble(scratch, 1, ser.value())
	case Counter:
		field, scratch = metricCounter, appendDouble(scratch, 1, ser.value())
		if ser.more != nil && len(ser.more.exemplars) > 0 {
			scratch = appendBytes(scratch, 2, ser.more.exemplars[len(ser.more.exemplars)-1].append(nil))
		}
		scratch = appendTime(scratch, 3, ser.created)
	case Summary:
		field = metricSummary
		scratch = appendUint(scratch, 1, ser.more.count)
		scratch = appendDouble(scratch, 2, ser.more.sum)
		for _, q := range ser.more.quantiles {
			scratch = appendBytes(scratch, 3, appendDouble(appendDouble(nil, 1, q.Quantile), 2, q.Value))
		}
		scratch = appendTime(scratch, 4, ser.created)
	case Histogram:
		field, scratch = metricHistogram, ser.appendHistogram(scratch)
	default:
		field, scratch = metricUntyped, appendDouble(scratch, 1, ser.value())
	}
	dst = appendBytes(dst, field, scratch)
	if at := ser.stamp(timestamps); at != 0 {
		dst = appendUint(dst, metricTimestamp, uint64(at))
	}
	return dst, scratch
}

func (ser *series) appendHistogram(dst []byte) []byte {
	c := ser.more
	dst = appendUint(dst, 1, c.count)
	dst = appendDouble(dst, 2, c.sum)
	dst = appendTime(dst, 15, ser.created)
	native := c.native
	if native != nil {
		native = native.prometheus()
	}
	if native != nil {
		dst = native.append(dst)
		for i := range c.exemplars {
			if c.exemplars[i].Time != 0 { // without which Prometheus ignores it
				dst = appendBytes(dst, 16, c.exemplars[i].append(nil))
			}
		}
		return dst
	}
	var bounds []float64
	if c.ladder != nil {
		bounds = c.ladder.bounds
	}
	of := c.byBucket(bounds)
	below := uint64(0)
	for i, bound := range bounds {
		below += c.buckets[i]
		dst = appendBytes(dst, 3, appendBucket(nil, below, bound, of(i)))
	}
	if n := len(bounds); n == 0 || !math.IsInf(bounds[n-1], 1) {
		dst = appendBytes(dst, 3, appendBucket(nil, c.count, math.Inf(1), of(n)))
	}
	return dst
}

func appendBucket(dst []byte, count uint64, bound float64, e *Exemplar) []byte {
	dst = appendUint(dst, 1, count)
	dst = appendDouble(dst, 2, bound)
	if e != nil {
		dst = appendBytes(dst, 3, e.append(nil))
	}
	return dst
}

// append writes the fields of a native histogram.
func (n *Native) append(dst []byte) []byte {
	dst = appendUint(dst, 5, protowire.EncodeZigZag(int64(n.Scale)))
	threshold := n.ZeroThreshold
	if threshold == 0 {
		threshold = defaultThreshold
	}
	dst = appendDouble(dst, 6, threshold)
	dst = appendUint(dst, 7, n.ZeroCount)
	dst = n.Negative.append(dst, 9, 10)
	return n.Positive.append(dst, 12, 13)
}

// append writes spans and, for each bucket in them, the difference to the one
// before it. Short gaps are cheaper as empty buckets than as another span. The
// index of Prometheus is that of the upper bound, one more than OTLP's.
func (b *Buckets) append(dst []byte, spanField, deltaField protowire.Number) []byte {
	const gap = 2
	var spans, deltas []byte
	var length uint64
	var offset, before int64
	next := int64(0) // the index after the last span
	write := func() {
		if length > 0 {
			s := appendUint(nil, 1, protowire.EncodeZigZag(offset))
			spans = appendBytes(spans, spanField, appendUint(s, 2, length))
		}
	}
	empty := 0
	count := func(c uint64) {
		deltas = appendUint(deltas, deltaField, protowire.EncodeZigZag(int64(c)-before))
		before = int64(c)
		length++
		next++
	}
	for i, c := range b.Counts {
		if c == 0 {
			empty++
			continue
		}
		index := int64(b.Offset) + int64(i) + 1
		if length == 0 || empty > gap {
			write()
			offset, length, next = index-next, 0, index
		} else {
			for range empty {
				count(0)
			}
		}
		empty = 0
		count(c)
	}
	write()
	return append(append(dst, spans...), deltas...)
}

// append writes the fields of an Exemplar.
func (e *Exemplar) append(dst []byte) []byte {
	label := func(name string, id []byte) {
		pair := appendText(nil, 1, name)
		dst = appendBytes(dst, 1, appendText(pair, 2, hex.EncodeToString(id)))
	}
	if e.TraceID != [16]byte{} {
		label(traceLabel, e.TraceID[:])
	}
	if e.SpanID != [8]byte{} {
		label(spanLabel, e.SpanID[:])
	}
	dst = appendDouble(dst, 2, e.Value)
	return appendTime(dst, 3, e.Time)
}

// appendTime writes a google.protobuf.Timestamp, unless the time is unknown.
func appendTime(dst []byte, field protowire.Number, nanos int64) []byte {
	if nanos <= 0 {
		return dst
	}
	var b []byte
	b = appendUint(b, 1, uint64(nanos/1e9))
	b = appendUint(b, 2, uint64(nanos%1e9))
	return appendBytes(dst, field, b)
}

func appendUint(dst []byte, field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(dst, field, protowire.VarintType), v)
}

func appendDouble(dst []byte, field protowire.Number, v float64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(dst, field, protowire.Fixed64Type), math.Float64bits(v))
}

func appendText(dst []byte, field protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(dst, field, protowire.BytesType), s)
}

func appendBytes(dst []byte, field protowire.Number, b []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(dst, field, protowire.BytesType), b)
}
