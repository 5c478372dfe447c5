package agenthealth

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configoptional"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/mcp"
)

// MCPConfig asks an MCP server, one over streamable HTTP or a program that is
// started for every run and spoken to over stdio.
type MCPConfig struct {
	// Endpoint is that of a server over HTTP.
	ClientConfig `mapstructure:",squash"`
	// Command is the absolute path of a server over stdio, and its arguments. There is
	// no shell. It needs allow_exec in the receiver.
	Command []string `mapstructure:"command"`
	// Env is the whole environment of the command: nothing is inherited.
	Env configopaque.MapList `mapstructure:"env"`
	// Dir is the working directory of the command; empty means "/".
	Dir string `mapstructure:"dir"`
	// Protocol is auto, or the version of the protocol that the server must speak.
	Protocol string `mapstructure:"protocol"`
	// Canary is a tool to call at every run.
	Canary configoptional.Optional[MCPCanaryConfig] `mapstructure:"canary"`
	// Contract says what becomes of changes of the tools.
	Contract MCPContractConfig `mapstructure:"contract"`
	// MaxResponseTime is how long a run may take before the state is degraded;
	// zero switches the threshold off.
	MaxResponseTime time.Duration `mapstructure:"max_response_time"`
	// MaxTools is how many tools are counted; a server that lists more is degraded.
	MaxTools int `mapstructure:"max_tools"`
	// MinCertificateValidity and MinTokenValidity are how much longer the certificate,
	// and the token in the Authorization header, must be valid; zero switches the
	// threshold off.
	MinCertificateValidity time.Duration `mapstructure:"min_certificate_validity"`
	MinTokenValidity       time.Duration `mapstructure:"min_token_validity"`
}

// MCPCanaryConfig is a call and the answer that is expected.
type MCPCanaryConfig struct {
	Tool      string         `mapstructure:"tool"`
	Arguments map[string]any `mapstructure:"arguments"`
	// Expect is a regular expression that must match in the text of the answer,
	// unless it is empty.
	Expect string `mapstructure:"expect"`
}

// MCPContractConfig says what becomes of changes of the tools.
type MCPContractConfig struct {
	// AcceptChanges is auto, when every change is accepted once it has been told, or
	// manual, when the accepted tools stay until Accepted names others.
	AcceptChanges string `mapstructure:"accept_changes"`
	// Accepted is the digest of the tools that somebody has looked at, from the event
	// that told of them.
	Accepted string `mapstructure:"accepted"`
}

func defaultMCPConfig() MCPConfig {
	d := mcp.DefaultSettings()
	return MCPConfig{
		Protocol: d.Protocol, Contract: MCPContractConfig{AcceptChanges: string(d.Contract.AcceptChanges), Accepted: d.Contract.Accepted},
		MaxResponseTime: d.MaxResponseTime, MaxTools: d.MaxTools,
		MinCertificateValidity: d.MinCertificateValidity, MinTokenValidity: d.MinTokenValidity,
	}
}

var digestPattern = regexp.MustCompile(`^([0-9a-f]{32})?$`)

// Validate checks the whole block.
func (c *MCPConfig) Validate() error {
	errs := []error{
		notNegative("max_response_time", c.MaxResponseTime), positive("max_tools", c.MaxTools),
		notNegative("min_certificate_validity", c.MinCertificateValidity), notNegative("min_token_validity", c.MinTokenValidity),
	}
	if versions := mcp.Versions(); c.Protocol != mcp.Auto && !slices.Contains(versions, c.Protocol) {
		errs = append(errs, fmt.Errorf("protocol: must be %s or one of %s, got %q", mcp.Auto, strings.Join(versions, ", "), c.Protocol))
	}
	if len(c.Command) == 0 {
		errs = append(errs, validateURL(c.Endpoint))
		if len(c.Env) > 0 || c.Dir != "" {
			errs = append(errs, errors.New("env, dir: are for a command, and there is none"))
		}
		return errors.Join(errs...)
	}
	if c.Endpoint != "" || len(c.Headers) > 0 || c.Auth.HasValue() {
		errs = append(errs, errors.New("command: cannot be together with endpoint, headers or auth"))
	}
	errs = append(errs, absolute("command", c.Command[0]))
	if c.Dir != "" {
		errs = append(errs, absolute("dir", c.Dir))
	}
	return errors.Join(errs...)
}

// Validate checks the whole block.
func (c *MCPCanaryConfig) Validate() error {
	return errors.Join(required("tool", c.Tool), pattern("expect", c.Expect))
}

// Validate checks the whole block.
func (c *MCPContractConfig) Validate() error {
	var errs []error
	if a := mcp.AcceptChanges(c.AcceptChanges); a != mcp.AcceptAuto && a != mcp.AcceptManual {
		errs = append(errs, fmt.Errorf("accept_changes: must be %s or %s, got %q", mcp.AcceptAuto, mcp.AcceptManual, c.AcceptChanges))
	}
	if !digestPattern.MatchString(c.Accepted) {
		errs = append(errs, fmt.Errorf("accepted: must be a digest of 32 hexadecimal digits, got %q", c.Accepted))
	}
	return errors.Join(errs...)
}

func (c *MCPConfig) probe(ctx context.Context, around surroundings) (check.Probe, error) {
	settings := mcp.Settings{
		Endpoint: c.Endpoint, Command: c.Command, Dir: c.Dir, Protocol: c.Protocol,
		Contract:        mcp.ContractSettings{AcceptChanges: mcp.AcceptChanges(c.Contract.AcceptChanges), Accepted: c.Contract.Accepted},
		MaxResponseTime: c.MaxResponseTime, MaxTools: c.MaxTools,
		MinCertificateValidity: c.MinCertificateValidity, MinTokenValidity: c.MinTokenValidity,
	}
	if len(c.Command) == 0 {
		client, err := c.client(ctx, around, keptConnections)
		if err != nil {
			return nil, err
		}
		settings.Client = client
	}
	for name, value := range c.Env.Iter {
		settings.Env = append(settings.Env, name+"="+string(value))
	}
	if canary := c.Canary.Get(); canary != nil {
		expect, err := compile(canary.Expect)
		if err != nil {
			return nil, err
		}
		settings.Canary = &mcp.Canary{Tool: canary.Tool, Arguments: canary.Arguments, Regex: expect}
	}
	return mcp.New(settings)
}
