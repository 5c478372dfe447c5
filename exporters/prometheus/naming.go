package prometheus

import (
	"fmt"
	"maps"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/watchkeeper/watchkeeper/internal/expo"
)

// naming turns names and attributes of OTLP into those of Prometheus.
type naming struct {
	metrics     otlptranslator.MetricNamer
	attributes  otlptranslator.LabelNamer
	units       otlptranslator.UnitNamer
	constant    []expo.Label
	withoutInfo bool
	// promoted reports whether a resource attribute becomes a label; nil where none
	// does.
	promoted func(key string) bool
}

// place is what the points of one scope have in common.
type place struct {
	resource  pcommon.Map
	scope     pcommon.InstrumentationScope
	schemaURL string
}

func newNaming(c *Config) (*naming, error) {
	strategy := c.strategy()
	n := &naming{
		metrics: otlptranslator.NewMetricNamer(c.Namespace, strategy),
		// Runs of underscores stay, as in the contrib exporter.
		attributes:  otlptranslator.LabelNamer{UTF8Allowed: !strategy.ShouldEscape(), PreserveMultipleUnderscores: true},
		units:       otlptranslator.UnitNamer{UTF8Allowed: !strategy.ShouldEscape()},
		withoutInfo: c.WithoutScopeInfo,
		promoted:    promoted(c),
	}
	if c.Namespace != "" {
		// The metric namer takes the namespace as it is.
		name, err := n.attributes.Build(c.Namespace)
		if err != nil {
			return nil, fmt.Errorf("namespace: %q has no letter or digit that a metric's name may have", c.Namespace)
		}
		n.metrics.Namespace = name
	}
	from := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(c.ConstLabels)) {
		name := n.label(key)
		switch before, taken := from[name]; {
		case name == "" || name == "__name__":
			return nil, fmt.Errorf("const_labels: %q cannot be the name of a label", key)
		case taken:
			return nil, fmt.Errorf("const_labels: %q and %q both become the label %q", before, key, name)
		}
		from[name] = key
		n.constant = append(n.constant, expo.Label{Name: name, Value: c.ConstLabels[key]})
	}
	return n, nil
}

// promoted says which resource attributes become labels.
func promoted(c *Config) func(key string) bool {
	all, without := c.ResourceToTelemetry.Enabled, c.ResourceToTelemetry.ExcludeServiceAttributes
	if !all && len(c.ResourceAttributesAsLabels) == 0 {
		return nil
	}
	return func(key string) bool {
		return all && !(without && isService(key)) || slices.Contains(c.ResourceAttributesAsLabels, key)
	}
}

func isService(key string) bool {
	return key == serviceName || key == serviceNamespace || key == serviceInstance
}

// family describes the metric. It fails where nothing of the name is left.
func (n *naming) family(m pmetric.Metric) (expo.Family, error) {
	f := expo.Family{Help: m.Description(), Unit: n.units.Build(m.Unit())}
	kind := otlptranslator.MetricType(otlptranslator.MetricTypeUnknown)
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		// The prometheus receiver makes gauges of untyped metrics and leaves this mark.
		if was, ok := m.Metadata().Get("prometheus.type"); ok && was.Str() == "unknown" {
			break
		}
		f.Type, kind = expo.Gauge, otlptranslator.MetricTypeGauge
	case pmetric.MetricTypeSum:
		f.Type, kind = expo.Gauge, otlptranslator.MetricTypeNonMonotonicCounter
		if m.Sum().IsMonotonic() {
			f.Type, kind = expo.Counter, otlptranslator.MetricTypeMonotonicCounter
		}
	case pmetric.MetricTypeHistogram:
		f.Type, kind = expo.Histogram, otlptranslator.MetricTypeHistogram
	case pmetric.MetricTypeExponentialHistogram:
		f.Type, kind = expo.Histogram, otlptranslator.MetricTypeExponentialHistogram
	case pmetric.MetricTypeSummary:
		f.Type, kind = expo.Summary, otlptranslator.MetricTypeSummary
	}
	var err error
	f.Name, err = n.metrics.Build(otlptranslator.Metric{Name: m.Name(), Unit: m.Unit(), Type: kind})
	return f, err
}

// labels returns the labels of a point and how many of them had to be renamed.
func (n *naming) labels(o place, point pcommon.Map) ([]expo.Label, int) {
	set := n.start()
	set.identify(o.resource)
	if !n.withoutInfo {
		set.put("otel_scope_name", o.scope.Name())
		set.put("otel_scope_version", o.scope.Version())
		set.put("otel_scope_schema_url", o.schemaURL)
		set.close()
		set.attributes(o.scope.Attributes(), "otel_scope_", nil)
		set.close()
	}
	if n.promoted != nil {
		set.attributes(o.resource, "", func(key string) bool { return !n.promoted(key) })
		set.attributes(point, "", func(key string) bool {
			_, ok := o.resource.Get(key)
			return ok && n.promoted(key)
		})
	} else {
		set.attributes(point, "", nil)
	}
	return set.labels, set.renamed
}

// target returns the labels of target_info for a resource.
func (n *naming) target(resource pcommon.Map) ([]expo.Label, int) {
	set := n.start()
	set.identify(resource)
	set.attributes(resource, "", isService)
	return set.labels, set.renamed
}

func (n *naming) targetFamily() expo.Family {
	f := expo.Family{Name: "target_info", Help: "Target metadata", Type: expo.Gauge}
	if n.metrics.Namespace != "" {
		f.Name = n.metrics.Namespace + "_" + f.Name
	}
	return f
}

// label translates the key of an attribute. A key of which the translation
// leaves nothing is spelled out by the code points of its characters, so that
// series do not become the same; only the empty key gives an empty name.
func (n *naming) label(key string) string {
	name, err := n.attributes.Build(key)
	if err != nil {
		return model.EscapeName(key, model.ValueEncodingEscaping)
	}
	return name
}

func (n *naming) start() *labelSet {
	set := &labelSet{naming: n, labels: append(make([]expo.Label, 0, 16), n.constant...)}
	set.close()
	return set
}

// labelSet collects labels by precedence. What comes first keeps its name;
// later labels of the same name get the prefix exported_, as Prometheus does to
// scraped labels that are in the way of its own. Within one rank labels of one
// name stay side by side, for the store to join.
type labelSet struct {
	naming  *naming
	labels  []expo.Label
	closed  int
	renamed int
}

// close ends a rank.
func (s *labelSet) close() { s.closed = len(s.labels) }

func (s *labelSet) put(name, value string) {
	if value == "" {
		return
	}
	for slices.ContainsFunc(s.labels[:s.closed], func(l expo.Label) bool { return l.Name == name }) {
		name = "exported_" + name
		s.renamed++
	}
	s.labels = append(s.labels, expo.Label{Name: name, Value: value})
}

func (s *labelSet) identify(resource pcommon.Map) {
	job, instance := identity(resource)
	s.put("job", job)
	s.put("instance", instance)
	s.close()
}

// attributes puts labels in the order of the attributes' keys, so that joined
// values have one order whatever the sender's.
func (s *labelSet) attributes(m pcommon.Map, prefix string, skip func(key string) bool) {
	keys := make([]string, 0, m.Len())
	for key := range m.All() {
		if skip == nil || !skip(key) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		v, _ := m.Get(key)
		s.put(s.naming.label(prefix+key), v.AsString())
	}
}

const (
	serviceName      = "service.name"
	serviceNamespace = "service.namespace"
	serviceInstance  = "service.instance.id"
)

// identity returns the values of the labels job and instance, empty for none.
// They are made as the OpenTelemetry specification says under "Prometheus and
// OpenMetrics Compatibility".
func identity(resource pcommon.Map) (job, instance string) {
	if name, ok := resource.Get(serviceName); ok {
		job = name.AsString()
		if namespace, ok := resource.Get(serviceNamespace); ok && namespace.AsString() != "" {
			job = namespace.AsString() + "/" + job
		}
	}
	if id, ok := resource.Get(serviceInstance); ok {
		instance = id.AsString()
	}
	return job, instance
}
