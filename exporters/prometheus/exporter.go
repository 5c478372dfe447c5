package prometheus

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/watchkeeper/watchkeeper/exporters/prometheus/internal/metadata"
	"github.com/watchkeeper/watchkeeper/internal/expo"
)

type prometheusExporter struct {
	config    *Config
	settings  component.TelemetrySettings
	telemetry *metadata.TelemetryBuilder
	store     *expo.Store
	intake    *intake
	reasons   [reasons]metric.MeasurementOption

	// Of the running server; nil before start and after shutdown.
	server   *http.Server
	listener net.Listener
	served   chan struct{}
}

func newExporter(c *Config, set exporter.Settings) (*prometheusExporter, error) {
	e := &prometheusExporter{config: c, settings: set.TelemetrySettings}
	e.store = expo.New(expo.Options{
		MaxSeries:     c.MaxSeries,
		Expiration:    c.MetricExpiration,
		Timestamps:    c.SendTimestamps,
		CreatedLines:  c.CreatedLines,
		MaxLabelValue: c.MaxLabelValueLength,
	})
	var err error
	if e.intake, err = newIntake(c, e.store, set.Logger); err != nil {
		return nil, err
	}
	if e.telemetry, err = metadata.NewTelemetryBuilder(set.TelemetrySettings); err != nil {
		return nil, err
	}
	for r := range reasons {
		e.reasons[r] = metric.WithAttributeSet(attribute.NewSet(attribute.String("reason", r.String())))
	}
	return e, nil
}

func (e *prometheusExporter) start(ctx context.Context, host component.Host) error {
	if err := e.observe(); err != nil {
		return err
	}
	// ToServer fills defaults in; the configuration stays as it is.
	settings := e.config.ServerConfig
	listener, err := settings.ToListener(ctx)
	if err != nil {
		return fmt.Errorf("listening on endpoint %q: %w", settings.NetAddr.Endpoint, err)
	}
	handler := newHandler(e.store, e.config)
	server, err := settings.ToServer(ctx, host.GetExtensions(), e.settings, handler)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	served := make(chan struct{})
	e.server, e.listener, e.served = server, listener, served
	go func() {
		defer close(served)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			componentstatus.ReportStatus(host, componentstatus.NewFatalErrorEvent(
				fmt.Errorf("serving metrics on %q: %w", listener.Addr(), err)))
		}
	}()
	e.settings.Logger.Info("Serving metrics", zap.Stringer("endpoint", listener.Addr()), zap.String("path", metricsPath))
	return nil
}

// observe registers what is read when the collector's own metrics are.
func (e *prometheusExporter) observe() error {
	total := func(register func(metric.Int64Callback) error, value func() uint64) error {
		return register(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(int64(value()))
			return nil
		})
	}
	conflict := func(kind string) metric.MeasurementOption {
		return metric.WithAttributeSet(attribute.NewSet(attribute.String("kind", kind)))
	}
	help, unit := conflict("help"), conflict("unit")
	return errors.Join(
		e.telemetry.RegisterExporterPrometheusSeriesCallback(func(_ context.Context, o metric.Int64Observer) error {
			e.store.Sweep(time.Now())
			o.Observe(int64(e.store.Stats().Series))
			return nil
		}),
		e.telemetry.RegisterExporterPrometheusConflictsCallback(func(_ context.Context, o metric.Int64Observer) error {
			stats := e.store.Stats()
			o.Observe(int64(stats.HelpConflicts), help)
			o.Observe(int64(stats.UnitConflicts), unit)
			return nil
		}),
		total(e.telemetry.RegisterExporterPrometheusCollisionsCallback, func() uint64 { return e.store.Stats().Collisions }),
		total(e.telemetry.RegisterExporterPrometheusCutLabelsCallback, func() uint64 { return e.store.Stats().CutLabels }),
		total(e.telemetry.RegisterExporterPrometheusRenamedLabelsCallback, e.intake.renamedLabels),
	)
}

func (e *prometheusExporter) consume(ctx context.Context, md pmetric.Metrics) error {
	outcome := e.intake.consume(time.Now(), md)
	for r, n := range outcome.dropped {
		if n > 0 {
			e.telemetry.ExporterPrometheusDroppedPoints.Add(ctx, n, e.reasons[r])
		}
	}
	if outcome.overflowed > 0 {
		e.telemetry.ExporterPrometheusOverflowPoints.Add(ctx, outcome.overflowed)
	}
	return nil
}

// shutdown lets scrapes under way finish for as long as the context allows.
func (e *prometheusExporter) shutdown(ctx context.Context) error {
	e.telemetry.Shutdown()
	if e.server == nil {
		return nil
	}
	server := e.server
	e.server = nil
	err := server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("ending scrapes under way: %w", err), server.Close())
	}
	<-e.served
	return err
}
