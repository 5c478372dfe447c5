package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
)

// names is the number of metrics that the series are spread over, half of them
// counters, half gauges.
const names = 20

// batchSize is the number of points of a request.
const batchSize = 1000

// fleet is a number of series and their values.
type fleet struct {
	values []float64
	random *rand.Rand
	clock  pcommon.Timestamp
}

func newFleet(series int) *fleet {
	f := &fleet{values: make([]float64, series), random: rand.New(rand.NewPCG(1, 2)), clock: 1_800_000_000_000_000_000}
	for i := range f.values {
		f.values[i] = f.random.Float64() * 1000
	}
	return f
}

// all returns requests that send every series.
func (f *fleet) all() ([][]byte, error) {
	picked := make([]int, len(f.values))
	for i := range picked {
		picked[i] = i
	}
	return f.requests(picked)
}

// change gives a tenth of the series, taken from everywhere, another value, and
// returns requests that send those.
func (f *fleet) change() ([][]byte, error) {
	var picked []int
	for i := f.random.IntN(10); i < len(f.values); i += 10 {
		j := min(i+f.random.IntN(10), len(f.values)-1)
		if n := len(picked); n > 0 && picked[n-1] == j {
			continue
		}
		f.values[j] += float64(1+f.random.IntN(1000)) / 8
		picked = append(picked, j)
	}
	return f.requests(picked)
}

// requests returns OTLP requests with the values of these series.
func (f *fleet) requests(picked []int) ([][]byte, error) {
	f.clock += 1e9
	var requests [][]byte
	for len(picked) > 0 {
		n := min(batchSize, len(picked))
		request := pmetricotlp.NewExportRequestFromMetrics(f.metrics(picked[:n]))
		b, err := request.MarshalProto()
		if err != nil {
			return nil, err
		}
		requests = append(requests, b)
		picked = picked[n:]
	}
	return requests, nil
}

func (f *fleet) metrics(picked []int) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("service.name", "planner")
	rm.Resource().Attributes().PutStr("service.instance.id", "planner-1")
	sm := rm.ScopeMetrics().AppendEmpty()
	sm.Scope().SetName("agents")
	var points [names]pmetric.NumberDataPointSlice
	var have [names]bool
	for _, i := range picked {
		k := i % names
		if !have[k] {
			have[k] = true
			m := sm.Metrics().AppendEmpty()
			m.SetName(fmt.Sprintf("agent.metric.%02d", k))
			m.SetDescription("What the agents of a fleet do.")
			if k%2 == 0 {
				m.SetEmptySum().SetIsMonotonic(true)
				m.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
				points[k] = m.Sum().DataPoints()
			} else {
				points[k] = m.SetEmptyGauge().DataPoints()
			}
		}
		p := points[k].AppendEmpty()
		p.SetDoubleValue(f.values[i])
		p.SetStartTimestamp(1_700_000_000_000_000_000)
		p.SetTimestamp(f.clock)
		a := p.Attributes()
		a.EnsureCapacity(3)
		a.PutStr("agent.name", "agent-"+strconv.Itoa(i/names))
		a.PutStr("workflow.type", "research")
		a.PutStr("outcome", "completed")
	}
	return md
}
