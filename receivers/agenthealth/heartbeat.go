package agenthealth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/heartbeat"
)

const (
	// maxSenderAttributes bounds what is looked at in every resource.
	maxSenderAttributes = 16
	// maxInstances bounds what is remembered of one agent, about 200 bytes each.
	maxInstances = 100_000
)

// HeartbeatConfig waits for signs of life of an agent: calls under the name of the
// check, and telemetry if the agent's service is named.
type HeartbeatConfig struct {
	// Every is the longest time between two signs of life that is right, above zero.
	Every time.Duration `mapstructure:"every"`
	// DeadAfter is how many of those times without one mean unhealthy, at least 1;
	// before that, a late one means degraded.
	DeadAfter int `mapstructure:"dead_after"`
	// WedgedAfter is how many calls in a row with the same progress mean unhealthy;
	// zero switches that off.
	WedgedAfter int `mapstructure:"wedged_after"`

	// Service is the service.name of the agent in its telemetry. Without it only calls
	// count, and the keys below must not be set.
	Service string `mapstructure:"service"`
	// Attributes are those of the resource that must be as they say besides, up to 16.
	Attributes map[string]string `mapstructure:"attributes"`
	// Signal is what must come in every interval: any, call, traces, metrics or logs.
	// While something else comes, the agent is silent and not dead.
	Signal string `mapstructure:"signal"`
	// WorkInterval is the longest time without a new span that has ended before an
	// agent that gives other signs of life is wedged; zero switches that off.
	WorkInterval time.Duration `mapstructure:"work_interval"`
	// MinInstances is how many instances there must be before the state is degraded;
	// zero switches that off.
	MinInstances int `mapstructure:"min_instances"`
	// MaxInstances is how many instances are remembered, from 1 to 100000.
	MaxInstances int `mapstructure:"max_instances"`
}

func defaultHeartbeatConfig() HeartbeatConfig {
	d := heartbeat.DefaultSettings()
	return HeartbeatConfig{
		Every: d.Interval, DeadAfter: d.DeadAfter, WedgedAfter: d.WedgedAfter,
		Signal: d.Expect.String(), MaxInstances: d.MaxInstances,
	}
}

// Validate checks the whole block.
func (c *HeartbeatConfig) Validate() error {
	var errs []error
	if c.Every <= 0 {
		errs = append(errs, fmt.Errorf("every: must be above zero, got %s", c.Every))
	}
	errs = append(errs, positive("dead_after", c.DeadAfter), notNegative("wedged_after", c.WedgedAfter))
	sign, known := heartbeat.SignNamed(c.Signal)
	if !known {
		errs = append(errs, fmt.Errorf("signal: must be any, call, traces, metrics or logs, got %q", c.Signal))
	}
	if c.Service == "" {
		for _, needs := range []struct {
			key   string
			value any
			set   bool
		}{
			{"attributes", c.Attributes, len(c.Attributes) > 0},
			{"signal", c.Signal, sign > heartbeat.Call},
			{"work_interval", c.WorkInterval, c.WorkInterval > 0},
			{"min_instances", c.MinInstances, c.MinInstances > 0},
		} {
			if needs.set {
				errs = append(errs, fmt.Errorf("%s: needs service, the service.name in the telemetry, got %v without it", needs.key, needs.value))
			}
		}
	}
	errs = append(errs, notNegative("work_interval", c.WorkInterval))
	if len(c.Attributes) > maxSenderAttributes {
		errs = append(errs, fmt.Errorf("attributes: must be at most %d, got %d", maxSenderAttributes, len(c.Attributes)))
	}
	if c.MaxInstances < 1 || c.MaxInstances > maxInstances {
		errs = append(errs, fmt.Errorf("max_instances: must be from 1 to %d, got %d", maxInstances, c.MaxInstances))
	}
	if c.MinInstances < 0 || c.MinInstances > c.MaxInstances {
		errs = append(errs, fmt.Errorf("min_instances: must be from 0 to max_instances, which is %d, got %d", c.MaxInstances, c.MinInstances))
	}
	return errors.Join(errs...)
}

func (c *HeartbeatConfig) probe(_ context.Context, around surroundings) (check.Probe, error) {
	expect, _ := heartbeat.SignNamed(c.Signal)
	return heartbeat.New(heartbeat.Settings{
		Store: around.beats, Name: around.name, Interval: c.Every, DeadAfter: c.DeadAfter, WedgedAfter: c.WedgedAfter,
		Sender: heartbeat.Sender{Service: c.Service, Attributes: c.Attributes},
		Expect: expect, WorkInterval: c.WorkInterval, MinInstances: c.MinInstances, MaxInstances: c.MaxInstances,
	})
}

func (*HeartbeatConfig) target() string { return "" }
