package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/otelcol"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/receivers/agenthealth"
)

// The exit statuses of `watchkeeper check`, which a container's HEALTHCHECK and a
// CI job act on.
const (
	exitDegraded  = 1
	exitUnhealthy = 2
	exitUnknown   = 3 // bad usage too: nothing can be said of the targets
)

func newCheckCommand(set otelcol.CollectorSettings) *cobra.Command {
	var uris []string
	var output string
	cmd := &cobra.Command{
		Use:   "check --config FILE",
		Short: "Runs the configured health checks once",
		Long: `Runs the checks of every agent_health receiver in the configuration once and prints
a verdict on each. The exit status is 0 if all are healthy, 1 if one is degraded, 2 if
one is unhealthy, and 3 if nothing can be said of one or the command was misused.

Checks that wait for heartbeats are skipped, because only a running collector hears
them. They do not count, unless there are no others.`,
		Args: func(cmd *cobra.Command, args []string) error { return misuse(cobra.NoArgs(cmd, args)) },
		RunE: func(cmd *cobra.Command, _ []string) error {
			verdicts, err := runChecks(cmd.Context(), set, uris, cmd.ErrOrStderr())
			if err != nil {
				return misuse(err)
			}
			if err := renderers[output](cmd.OutOrStdout(), verdicts); err != nil {
				return err
			}
			if status := statusOf(verdicts); status != 0 {
				return exit{status: status}
			}
			return nil
		},
		PreRunE: func(*cobra.Command, []string) error {
			if renderers[output] == nil {
				return misuse(fmt.Errorf("--output: must be text or json, is %q", output))
			}
			return nil
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return misuse(err) })
	cmd.Flags().StringArrayVar(&uris, "config", nil, "locations of the configuration, as for the collector; may be repeated")
	cmd.Flags().StringVar(&output, "output", "text", "text or json")
	return cmd
}

// misuse gives an error the exit status for it.
func misuse(err error) error {
	if err == nil {
		return nil
	}
	return exit{exitUnknown, err}
}

// runChecks runs the checks of all receivers once and returns the verdicts by the
// names of the checks.
func runChecks(ctx context.Context, set otelcol.CollectorSettings, uris []string, progress io.Writer) ([]check.Snapshot, error) {
	cfg, err := readConfiguration(ctx, set, uris)
	if err != nil {
		return nil, err
	}
	var verdicts []check.Snapshot
	for id, receiver := range cfg.Receivers {
		health, ok := receiver.(*agenthealth.Config)
		if !ok {
			continue
		}
		announce(progress, id, health)
		found, err := health.RunOnce(ctx, noExtensions{})
		if err != nil {
			return nil, fmt.Errorf("receivers::%s: %w", id, err)
		}
		verdicts = append(verdicts, found...)
	}
	if len(verdicts) == 0 {
		return nil, errors.New("the configuration has no agent_health receiver: there is nothing to check")
	}
	slices.SortFunc(verdicts, func(a, b check.Snapshot) int { return strings.Compare(a.Name, b.Name) })
	return verdicts, nil
}

// announce says how many checks of a receiver are about to run.
func announce(progress io.Writer, id component.ID, health *agenthealth.Config) {
	skipping := 0
	for _, one := range health.Checks {
		if one.Heartbeat.HasValue() {
			skipping++
		}
	}
	note := ""
	if skipping > 0 {
		note = fmt.Sprintf(", skipping %d of heartbeats", skipping)
	}
	_, _ = fmt.Fprintf(progress, "%s: running %d checks%s …\n", id, len(health.Checks)-skipping, note)
}

// skipped is true for a check of which one run says nothing, well or ill.
func skipped(v check.Snapshot) bool { return agenthealth.Listens(v.Type) }

// statusOf is the exit status for the worst of the verdicts. What was skipped does
// not count: a probe of a container would never pass. Where everything was, nothing
// can be said.
func statusOf(verdicts []check.Snapshot) int {
	has := func(s check.State) bool {
		return slices.ContainsFunc(verdicts, func(v check.Snapshot) bool { return v.State == s && !skipped(v) })
	}
	switch {
	case !slices.ContainsFunc(verdicts, func(v check.Snapshot) bool { return !skipped(v) }):
		return exitUnknown
	case has(check.Unhealthy):
		return exitUnhealthy
	case has(check.Unknown):
		return exitUnknown
	case has(check.Degraded):
		return exitDegraded
	default:
		return 0
	}
}

var renderers = map[string]func(io.Writer, []check.Snapshot) error{"text": renderTable, "json": renderJSON}

func renderTable(out io.Writer, verdicts []check.Snapshot) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "CHECK\tVERDICT\tTIME\tSTEPS\tREASON")
	for _, v := range verdicts {
		var steps []string
		for _, s := range v.Steps {
			steps = append(steps, s.Name+" "+short(s.Duration))
		}
		verdict, took := v.State.String(), short(v.Duration)
		if skipped(v) {
			verdict, took = "skipped", "-"
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", v.Name, verdict, took, strings.Join(steps, ", "), v.Reason)
	}
	return table.Flush()
}

func short(d time.Duration) string {
	if d < time.Millisecond {
		return d.Round(time.Microsecond).String()
	}
	return d.Round(time.Millisecond / 10).String()
}

// jsonVerdict is the shape of `--output json`, one element a check.
type jsonVerdict struct {
	Name            string     `json:"name"`
	Type            string     `json:"type"`
	Critical        bool       `json:"critical"`
	State           string     `json:"state"`
	Skipped         bool       `json:"skipped,omitempty"` // the state is unknown then, and does not count
	ErrorType       string     `json:"error_type,omitempty"`
	Reason          string     `json:"reason,omitempty"`
	DurationSeconds float64    `json:"duration_seconds"`
	Steps           []jsonStep `json:"steps"`
}

type jsonStep struct {
	Name            string  `json:"name"`
	DurationSeconds float64 `json:"duration_seconds"`
}

func renderJSON(out io.Writer, verdicts []check.Snapshot) error {
	list := make([]jsonVerdict, 0, len(verdicts))
	for _, v := range verdicts {
		j := jsonVerdict{
			Name: v.Name, Type: v.Type, Critical: v.Critical, State: v.State.String(), Skipped: skipped(v),
			ErrorType: string(v.ErrorType), Reason: v.Reason, DurationSeconds: v.Duration.Seconds(),
			Steps: []jsonStep{},
		}
		for _, s := range v.Steps {
			j.Steps = append(j.Steps, jsonStep{s.Name, s.Duration.Seconds()})
		}
		list = append(list, j)
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(list)
}

// noExtensions is the host of components that run outside of a service. A check
// that authenticates through an extension cannot be run this way and says so.
type noExtensions struct{}

func (noExtensions) GetExtensions() map[component.ID]component.Component { return nil }
