package anomaly

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/watchkeeper/watchkeeper/processors/anomaly/internal/metadata"
)

const (
	ownPrefix      = "anomaly."
	scoreName      = "anomaly.score"
	stateName      = "anomaly.state"
	detectionsName = "anomaly.detections"

	metricKey   = "metric"
	scopeKey    = "metric.scope"
	severityKey = "severity"
	// exported goes before the name of an attribute of the source that has the
	// name of one of ours.
	exported = "exported_"
)

// label is how derived points refer to their source.
type label struct {
	metric string
	// scope is set only if the name alone does not tell.
	scope string
}

// derived writes the derived metrics of one resource, under a scope of their own.
type derived struct {
	resource pmetric.ResourceMetrics
	version  string
	// held are the metrics that another processor of this type scored before.
	held map[string]bool

	// open says that scope, score and state are set.
	open         bool
	scope        pmetric.ScopeMetrics
	score, state pmetric.NumberDataPointSlice
}

func isOurs(sm pmetric.ScopeMetrics) bool { return sm.Scope().Name() == metadata.ScopeName }

func newDerived(rm pmetric.ResourceMetrics, version string) *derived {
	d := &derived{resource: rm, version: version}
	for _, sm := range rm.ScopeMetrics().All() {
		if isOurs(sm) {
			d.hold(sm)
		}
	}
	return d
}

func (d *derived) hold(sm pmetric.ScopeMetrics) {
	for _, m := range sm.Metrics().All() {
		if m.Name() != scoreName || m.Type() != pmetric.MetricTypeGauge {
			continue
		}
		for _, dp := range m.Gauge().DataPoints().All() {
			if v, ok := dp.Attributes().Get(metricKey); ok {
				if d.held == nil {
					d.held = map[string]bool{}
				}
				d.held[v.Str()] = true
			}
		}
	}
}

// holds tells whether the metric was scored before this processor.
func (d *derived) holds(metric string) bool { return d.held[metric] }

// point appends the score and the state of a source point.
func (d *derived) point(l label, src point, v verdict) {
	d.begin()
	score := d.score.AppendEmpty()
	score.SetTimestamp(src.time)
	score.SetDoubleValue(v.score)
	attributes := score.Attributes()
	l.put(attributes, src.attributes)

	state := d.state.AppendEmpty()
	state.SetTimestamp(src.time)
	if v.anomalous {
		state.SetIntValue(1)
	} else {
		state.SetIntValue(0)
	}
	attributes.CopyTo(state.Attributes())
}

// put writes the attributes of a source point and the label to an empty map.
func (l label) put(to, from pcommon.Map) {
	to.EnsureCapacity(from.Len() + 2)
	if !l.clash(from) {
		from.CopyTo(to)
	} else {
		for k, v := range from.All() {
			v.CopyTo(to.PutEmpty(l.rename(k, from)))
		}
	}
	to.PutStr(metricKey, l.metric)
	if l.scope != "" {
		to.PutStr(scopeKey, l.scope)
	}
}

func (l label) uses(key string) bool {
	return key == metricKey || key == scopeKey && l.scope != ""
}

func (l label) clash(from pcommon.Map) bool {
	for k := range from.All() {
		if l.uses(k) {
			return true
		}
	}
	return false
}

// rename gives an attribute of the source whose name the label uses a name that
// nothing else has.
func (l label) rename(key string, from pcommon.Map) string {
	if !l.uses(key) {
		return key
	}
	for {
		key = exported + key
		if _, taken := from.Get(key); !taken {
			return key
		}
	}
}

// detections appends the counts of a metric.
func (d *derived) detections(l label, t *tally) {
	d.begin()
	points := metricOf(d.scope, detectionsName, "How often a series of the metric became anomalous.", "{detection}",
		pmetric.MetricTypeSum).Sum().DataPoints()
	for _, c := range [...]struct {
		severity string
		count    int64
	}{{"warning", t.warning}, {"critical", t.critical}} {
		dp := points.AppendEmpty()
		dp.SetStartTimestamp(t.start)
		dp.SetTimestamp(t.last)
		dp.SetIntValue(c.count)
		l.put(dp.Attributes(), pcommon.NewMap())
		dp.Attributes().PutStr(severityKey, c.severity)
	}
}

// begin makes the scope and its gauges, or finds those of the processor before.
func (d *derived) begin() {
	if d.open {
		return
	}
	d.open = true
	d.scope = d.ownScope()
	d.score = metricOf(d.scope, scoreName, "How unusual the last point of a series is: 0 is as usual as can be.", "{score}",
		pmetric.MetricTypeGauge).Gauge().DataPoints()
	d.state = metricOf(d.scope, stateName, "1 while a series is anomalous, else 0.", "{state}",
		pmetric.MetricTypeGauge).Gauge().DataPoints()
}

func (d *derived) ownScope() pmetric.ScopeMetrics {
	for _, sm := range d.resource.ScopeMetrics().All() {
		if isOurs(sm) {
			return sm
		}
	}
	sm := d.resource.ScopeMetrics().AppendEmpty()
	sm.Scope().SetName(metadata.ScopeName)
	sm.Scope().SetVersion(d.version)
	return sm
}

func metricOf(sm pmetric.ScopeMetrics, name, description, unit string, t pmetric.MetricType) pmetric.Metric {
	for _, m := range sm.Metrics().All() {
		if m.Name() == name && m.Type() == t {
			return m
		}
	}
	m := sm.Metrics().AppendEmpty()
	m.SetName(name)
	m.SetDescription(description)
	m.SetUnit(unit)
	if t == pmetric.MetricTypeGauge {
		m.SetEmptyGauge()
		return m
	}
	sum := m.SetEmptySum()
	sum.SetIsMonotonic(true)
	sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	return m
}
