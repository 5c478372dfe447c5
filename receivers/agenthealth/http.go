package agenthealth

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"golang.org/x/net/http/httpguts"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/http"
)

// HTTPConfig asks an HTTP endpoint. Redirects are not followed: they are answers.
type HTTPConfig struct {
	ClientConfig `mapstructure:",squash"`
	// Method is the method of the request.
	Method string `mapstructure:"method"`
	// ExpectedStatus lists what is right: codes like 204, and classes like 2xx. An
	// empty list means 2xx.
	ExpectedStatus []Status `mapstructure:"expected_status"`
	// BodyContains must occur in the body, unless it is empty.
	BodyContains string `mapstructure:"body_contains"`
	// BodyRegex must match in the body, unless it is empty.
	BodyRegex string `mapstructure:"body_regex"`
	// MaxResponseTime is how long a run may take before the state is degraded;
	// zero switches the threshold off.
	MaxResponseTime time.Duration `mapstructure:"max_response_time"`
}

func defaultHTTPConfig() HTTPConfig {
	return HTTPConfig{Method: "GET", MaxResponseTime: http.DefaultSettings().MaxResponseTime}
}

// Validate checks the whole block.
func (c *HTTPConfig) Validate() error {
	var errs []error
	if !httpguts.ValidHeaderFieldName(c.Method) {
		errs = append(errs, fmt.Errorf("method: must be an HTTP method, got %q", c.Method))
	}
	if _, err := expand(c.ExpectedStatus); err != nil {
		errs = append(errs, err)
	}
	if _, err := regexp.Compile(c.BodyRegex); err != nil {
		errs = append(errs, fmt.Errorf("body_regex: %w", err))
	}
	return errors.Join(append(errs, validateURL(c.Endpoint), notNegative("max_response_time", c.MaxResponseTime))...)
}

func (c *HTTPConfig) probe(ctx context.Context, host component.Host) (check.Probe, error) {
	// A connection that is kept would hide that the name, the route or the
	// certificate has gone bad since.
	client, err := c.client(ctx, host, newConnections)
	if err != nil {
		return nil, err
	}
	status, err := expand(c.ExpectedStatus)
	if err != nil {
		return nil, err
	}
	settings := http.Settings{
		Method: c.Method, URL: c.Endpoint, Client: client,
		ExpectedStatus: status, BodyContains: c.BodyContains, MaxResponseTime: c.MaxResponseTime,
	}
	if c.BodyRegex != "" {
		if settings.BodyRegex, err = regexp.Compile(c.BodyRegex); err != nil {
			return nil, err
		}
	}
	return http.New(settings)
}

// Status is a status code, or a class of them such as "2xx".
type Status string

var _ confmap.ScalarUnmarshaler = (*Status)(nil)

// UnmarshalScalar takes numbers as well as text, since nobody quotes a 200.
func (s *Status) UnmarshalScalar(value confmap.ScalarValue) error {
	switch raw := value.GetRaw().(type) {
	case string:
		*s = Status(raw)
	case int:
		*s = Status(strconv.Itoa(raw))
	default:
		return fmt.Errorf("must be a status code or a class such as 2xx, got %v", raw)
	}
	return nil
}

var statusPattern = regexp.MustCompile(`^[1-5](xx|[0-9]{2})$`)

// expand returns the codes that the list stands for.
func expand(list []Status) ([]int, error) {
	var codes []int
	for _, s := range list {
		if !statusPattern.MatchString(string(s)) {
			return nil, fmt.Errorf("expected_status: must hold codes from 100 to 599 and classes such as 2xx, got %q", string(s))
		}
		first, last := s, s
		if s[1:] == "xx" {
			first, last = s[:1]+"00", s[:1]+"99"
		}
		from, err := strconv.Atoi(string(first))
		if err != nil {
			return nil, err
		}
		to, err := strconv.Atoi(string(last))
		if err != nil {
			return nil, err
		}
		for code := from; code <= to; code++ {
			codes = append(codes, code)
		}
	}
	return codes, nil
}
