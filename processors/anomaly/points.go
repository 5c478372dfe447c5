package anomaly

import (
	"iter"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// kind is what is scored of a metric.
type kind uint8

const (
	theValue kind = iota
	theRate
	theDeltaRate
	theMean
	theDeltaMean
)

// kindOf returns what is scored of a metric, and false if nothing is.
func kindOf(m pmetric.Metric) (kind, bool) {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		return theValue, true
	case pmetric.MetricTypeSum:
		switch m.Sum().AggregationTemporality() {
		case pmetric.AggregationTemporalityDelta:
			return theDeltaRate, true
		case pmetric.AggregationTemporalityCumulative:
			if m.Sum().IsMonotonic() {
				return theRate, true
			}
			return theValue, true
		}
	case pmetric.MetricTypeHistogram:
		return meanOf(m.Histogram().AggregationTemporality())
	case pmetric.MetricTypeExponentialHistogram:
		return meanOf(m.ExponentialHistogram().AggregationTemporality())
	}
	return 0, false
}

func meanOf(t pmetric.AggregationTemporality) (kind, bool) {
	switch t {
	case pmetric.AggregationTemporalityDelta:
		return theDeltaMean, true
	case pmetric.AggregationTemporalityCumulative:
		return theMean, true
	default:
		return 0, false
	}
}

// percentFloor is the width of a range of percentages that is narrow. Usage is
// measured in ticks of the scheduler: at an interval of half a second one tick is
// 2 %, and a process that was idle until now may well use one.
const percentFloor = 5

// floorOf returns the width of a narrow range of values of a metric, as far as its
// unit tells.
func floorOf(m pmetric.Metric) float64 {
	if m.Unit() == "%" {
		return percentFloor
	}
	return 0
}

// point is what the points of all types of metric have in common.
type point struct {
	attributes  pcommon.Map
	start, time pcommon.Timestamp
	value       float64 // the sum, for a histogram
	count       uint64
	empty       bool // sent without a value, to end a series
}

// pointsOf yields the points of a metric for which kindOf is true. Histograms
// without a sum are left out.
func pointsOf(m pmetric.Metric) iter.Seq[point] {
	switch m.Type() {
	case pmetric.MetricTypeHistogram:
		return histograms(m.Histogram().DataPoints().All())
	case pmetric.MetricTypeExponentialHistogram:
		return histograms(m.ExponentialHistogram().DataPoints().All())
	case pmetric.MetricTypeSum:
		return numbers(m.Sum().DataPoints())
	default:
		return numbers(m.Gauge().DataPoints())
	}
}

func numbers(points pmetric.NumberDataPointSlice) iter.Seq[point] {
	return func(yield func(point) bool) {
		for _, dp := range points.All() {
			p := point{
				attributes: dp.Attributes(),
				start:      dp.StartTimestamp(),
				time:       dp.Timestamp(),
				empty:      dp.Flags().NoRecordedValue(),
			}
			switch dp.ValueType() {
			case pmetric.NumberDataPointValueTypeDouble:
				p.value = dp.DoubleValue()
			case pmetric.NumberDataPointValueTypeInt:
				p.value = float64(dp.IntValue())
			default:
				p.empty = true
			}
			if !yield(p) {
				return
			}
		}
	}
}

type histogramPoint interface {
	Attributes() pcommon.Map
	StartTimestamp() pcommon.Timestamp
	Timestamp() pcommon.Timestamp
	Flags() pmetric.DataPointFlags
	HasSum() bool
	Sum() float64
	Count() uint64
}

func histograms[P histogramPoint](points iter.Seq2[int, P]) iter.Seq[point] {
	return func(yield func(point) bool) {
		for _, dp := range points {
			p := point{
				attributes: dp.Attributes(),
				start:      dp.StartTimestamp(),
				time:       dp.Timestamp(),
				value:      dp.Sum(),
				count:      dp.Count(),
				empty:      dp.Flags().NoRecordedValue(),
			}
			if (dp.HasSum() || p.empty) && !yield(p) {
				return
			}
		}
	}
}

func lengthOf(m pmetric.Metric) (n int) {
	for range pointsOf(m) {
		n++
	}
	return n
}
