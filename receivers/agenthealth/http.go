package agenthealth

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"
	"golang.org/x/net/http/httpguts"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/http"
)

// HTTPConfig asks an HTTP endpoint.
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
	// JSON is what the body must say as JSON.
	JSON configoptional.Optional[JSONConfig] `mapstructure:"json"`
	// MaxRedirects is how many redirects are followed. With zero a redirect is the
	// answer. Headers and signatures go to the origin of the endpoint only.
	MaxRedirects int `mapstructure:"max_redirects"`
	// MaxResponseTime is how long a run may take before the state is degraded;
	// zero switches the threshold off.
	MaxResponseTime time.Duration `mapstructure:"max_response_time"`
	// MinCertificateValidity is how much longer the certificate must be valid; zero
	// switches the threshold off.
	MinCertificateValidity time.Duration `mapstructure:"min_certificate_validity"`
}

// JSONConfig is what a body must say as JSON.
type JSONConfig struct {
	// Path is a JSONPath (RFC 9535), such as "$.status". It must find something.
	Path string `mapstructure:"path"`
	// Value is what the first thing found must be, if it is set.
	Value any `mapstructure:"value"`
}

func (c *JSONConfig) expectation() *http.JSONExpectation {
	return &http.JSONExpectation{Path: c.Path, Value: c.Value}
}

// Validate checks the whole block.
func (c *JSONConfig) Validate() error {
	if err := required("path", c.Path); err != nil {
		return err
	}
	return c.expectation().Validate()
}

func defaultHTTPConfig() HTTPConfig {
	d := http.DefaultSettings()
	return HTTPConfig{Method: "GET", MaxResponseTime: d.MaxResponseTime, MinCertificateValidity: d.MinCertificateValidity}
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
	return errors.Join(append(errs, pattern("body_regex", c.BodyRegex), validateURL(c.Endpoint),
		notNegative("max_redirects", c.MaxRedirects), notNegative("max_response_time", c.MaxResponseTime),
		notNegative("min_certificate_validity", c.MinCertificateValidity))...)
}

func (c *HTTPConfig) probe(ctx context.Context, around surroundings) (check.Probe, error) {
	// A connection that is kept would hide that the name, the route or the
	// certificate has gone bad since.
	client, err := c.client(ctx, around, newConnections)
	if err != nil {
		return nil, err
	}
	status, err := expand(c.ExpectedStatus)
	if err != nil {
		return nil, err
	}
	settings := http.Settings{
		Method: c.Method, URL: c.Endpoint, Client: client,
		ExpectedStatus: status, BodyContains: c.BodyContains, MaxRedirects: c.MaxRedirects,
		MaxResponseTime: c.MaxResponseTime, MinCertificateValidity: c.MinCertificateValidity,
	}
	if settings.BodyRegex, err = compile(c.BodyRegex); err != nil {
		return nil, err
	}
	if c.JSON.HasValue() {
		settings.JSON = c.JSON.Get().expectation()
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
