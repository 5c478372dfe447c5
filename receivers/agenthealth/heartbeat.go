package agenthealth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/config/confighttp"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/heartbeat"
)

// HeartbeatConfig waits for an agent to call in, under the name of the check.
type HeartbeatConfig struct {
	// Every is the longest time between two heartbeats that is right, above zero.
	Every time.Duration `mapstructure:"every"`
	// DeadAfter is how many of those times without a heartbeat mean unhealthy, at
	// least 1; before that, a late one means degraded.
	DeadAfter int `mapstructure:"dead_after"`
	// WedgedAfter is how many heartbeats in a row with the same progress mean
	// unhealthy; zero switches that off.
	WedgedAfter int `mapstructure:"wedged_after"`
}

func defaultHeartbeatConfig() HeartbeatConfig {
	d := heartbeat.DefaultSettings()
	return HeartbeatConfig{Every: d.Interval, DeadAfter: d.DeadAfter, WedgedAfter: d.WedgedAfter}
}

// Validate checks the whole block.
func (c *HeartbeatConfig) Validate() error {
	var errs []error
	if c.Every <= 0 {
		errs = append(errs, fmt.Errorf("every: must be above zero, got %s", c.Every))
	}
	return errors.Join(append(errs, positive("dead_after", c.DeadAfter), notNegative("wedged_after", c.WedgedAfter))...)
}

func (c *HeartbeatConfig) probe(_ context.Context, around surroundings) (check.Probe, error) {
	return heartbeat.New(heartbeat.Settings{
		Store: around.beats, Name: around.name, Interval: c.Every, DeadAfter: c.DeadAfter, WedgedAfter: c.WedgedAfter,
	})
}

func (*HeartbeatConfig) target() string { return "" }

func defaultHeartbeatServer() confighttp.ServerConfig {
	server := confighttp.NewDefaultServerConfig()
	server.NetAddr.Endpoint = "localhost:8891"
	server.MaxRequestBodySize = 4 << 10
	server.ReadHeaderTimeout = 5 * time.Second
	server.ReadTimeout = 10 * time.Second
	server.WriteTimeout = 10 * time.Second
	return server
}

func (c *Config) awaitsHeartbeats() bool {
	for _, one := range c.Checks {
		if one.Heartbeat.HasValue() {
			return true
		}
	}
	return false
}

// listen starts the server that takes heartbeats, and returns what ends it.
func (r *agentHealth) listen(ctx context.Context, host component.Host, beats *heartbeat.Store) (func(context.Context) error, error) {
	cfg := r.cfg.HeartbeatServer // what makes a server of it also writes to it
	server, err := cfg.ToServer(ctx, host.GetExtensions(), r.set.TelemetrySettings, heartbeat.Handler(beats))
	if err != nil {
		return nil, fmt.Errorf("heartbeat_server: %w", err)
	}
	listener, err := cfg.ToListener(ctx)
	if err != nil {
		return nil, fmt.Errorf("heartbeat_server: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			componentstatus.ReportStatus(host, componentstatus.NewFatalErrorEvent(fmt.Errorf("heartbeat_server: %w", err)))
		}
	}()
	r.heartbeats = listener.Addr()
	return func(ctx context.Context) error {
		err := server.Shutdown(ctx)
		if err != nil {
			err = errors.Join(err, server.Close())
		}
		<-ended
		return err
	}, nil
}
