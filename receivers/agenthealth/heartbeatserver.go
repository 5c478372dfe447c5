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

	"github.com/watchkeeper/watchkeeper/internal/check/heartbeat"
)

// defaultHeartbeatServer bounds every wait: confighttp itself has none for a body that
// drips.
func defaultHeartbeatServer() confighttp.ServerConfig {
	server := confighttp.NewDefaultServerConfig()
	server.NetAddr.Endpoint = "localhost:8891"
	server.MaxRequestBodySize = heartbeat.MaxTelemetry
	server.ReadHeaderTimeout = 5 * time.Second
	server.ReadTimeout = 10 * time.Second
	server.WriteTimeout = 10 * time.Second
	return server
}

// AwaitsHeartbeats reports whether a check waits for signs of life, so that the server
// for them is started.
func (c *Config) AwaitsHeartbeats() bool {
	for _, one := range c.Checks {
		if one.Heartbeat.HasValue() {
			return true
		}
	}
	return false
}

// listen starts the server that takes signs of life, and returns what ends it.
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
