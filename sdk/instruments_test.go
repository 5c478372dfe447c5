package sdk_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/watchkeeper/watchkeeper/sdk"
)

// measured returns a kit and what it measures now: the value of each series, by the
// name, unit and attributes in "name{unit} key=value,…".
func measured(t *testing.T) (sdk.Kit, func() map[string]int64) {
	reader := metric.NewManualReader()
	kit := sdk.New(nil, metric.NewMeterProvider(metric.WithReader(reader)))
	return kit, func() map[string]int64 {
		var all metricdata.ResourceMetrics
		require.NoError(t, reader.Collect(t.Context(), &all))
		values := make(map[string]int64)
		for _, scope := range all.ScopeMetrics {
			require.Equal(t, sdk.Scope, scope.Scope.Name)
			for _, m := range scope.Metrics {
				sum, ok := m.Data.(metricdata.Sum[int64])
				require.True(t, ok, m.Name)
				require.False(t, sum.IsMonotonic, m.Name)
				require.Equal(t, metricdata.CumulativeTemporality, sum.Temporality)
				for _, p := range sum.DataPoints {
					name := m.Name + m.Unit
					for i := p.Attributes.Iter(); i.Next(); {
						name += " " + string(i.Attribute().Key) + "=" + i.Attribute().Value.String()
					}
					values[name] = p.Value
				}
			}
		}
		return values
	}
}

func TestAQueueIsMeasuredFromItsStart(t *testing.T) {
	kit, values := measured(t)
	q, err := kit.NewQueue("report", "high")
	require.NoError(t, err)
	const name = "agent.workflow.queue_depth{workflow} priority=high workflow_type=report"
	require.Equal(t, map[string]int64{name: 0}, values())
	q.Add(t.Context(), 3)
	q.Add(t.Context(), -1)
	require.Equal(t, map[string]int64{name: 2}, values())
}

func TestAQueueThatKnowsItsLengthIsAsked(t *testing.T) {
	kit, values := measured(t)
	depth := int64(7)
	stop, err := kit.ObserveQueue("report", "low", func() int64 { return depth })
	require.NoError(t, err)
	const name = "agent.workflow.queue_depth{workflow} priority=low workflow_type=report"
	require.Equal(t, map[string]int64{name: 7}, values())
	depth = 0
	require.Equal(t, map[string]int64{name: 0}, values())
	require.NoError(t, stop())
	require.Empty(t, values())
}

func TestAPoolOfConnectionsIsAsked(t *testing.T) {
	kit, values := measured(t)
	stop, err := kit.ObserveMCPPool("search", func() (int64, int64) { return 2, 3 })
	require.NoError(t, err)
	require.Equal(t, map[string]int64{
		"mcp.connection_pool.active{connection} server=search": 2,
		"mcp.connection_pool.idle{connection} server=search":   3,
	}, values())
	require.NoError(t, stop())
}

func TestRequestsInFlightAreCountedByRoute(t *testing.T) {
	kit, values := measured(t)
	var during map[string]int64
	note := func(http.ResponseWriter, *http.Request) { during = values() }
	mux := http.NewServeMux()
	mux.HandleFunc("GET /agents/{name}", note)
	handler, err := kit.InFlight(mux)
	require.NoError(t, err)
	const route = "http.requests.in_flight{request} endpoint=/agents/{name}"

	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/agents/4711", nil))
	require.Equal(t, map[string]int64{route: 1}, during)
	require.Equal(t, map[string]int64{route: 0}, values())

	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/4711", nil))
	require.Contains(t, values(), "http.requests.in_flight{request} endpoint=_OTHER")

	inside, err := kit.InFlight(http.HandlerFunc(note))
	require.NoError(t, err)
	outer := http.NewServeMux()
	outer.Handle("/inside", inside)
	outer.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/inside", nil))
	require.Equal(t, int64(1), during["http.requests.in_flight{request} endpoint=/inside"])
}

func TestARequestWhoseHandlerPanicsIsNoLongerInFlight(t *testing.T) {
	kit, values := measured(t)
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(http.ResponseWriter, *http.Request) { panic("no") })
	handler, err := kit.InFlight(mux)
	require.NoError(t, err)
	require.Panics(t, func() {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	})
	require.Equal(t, map[string]int64{"http.requests.in_flight{request} endpoint=/": 0}, values())
}
