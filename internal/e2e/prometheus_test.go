package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// prometheus asks a Prometheus through its HTTP API.
type prometheus struct{ url string }

// sample is one element of an instant vector.
type sample struct {
	labels map[string]string
	value  float64
}

// query evaluates an expression now.
func (p prometheus) query(ctx context.Context, expr string) ([]sample, error) {
	var data struct {
		Result []struct {
			Metric map[string]string
			Value  [2]any
		}
	}
	if err := p.get(ctx, "/api/v1/query?query="+url.QueryEscape(expr), &data); err != nil {
		return nil, err
	}
	samples := make([]sample, 0, len(data.Result))
	for _, r := range data.Result {
		text, _ := r.Value[1].(string)
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, err
		}
		samples = append(samples, sample{labels: r.Metric, value: value})
	}
	return samples, nil
}

// must evaluates an expression now; an error ends the test.
func (p prometheus) must(t *testing.T, expr string) []sample {
	t.Helper()
	samples, err := p.query(t.Context(), expr)
	require.NoError(t, err)
	return samples
}

// truth reports whether an expression has a result.
func (p prometheus) truth(ctx context.Context, expr string) bool {
	samples, err := p.query(ctx, expr)
	return err == nil && len(samples) > 0
}

// scrapeErrors returns the last error of every target.
func (p prometheus) scrapeErrors(t *testing.T) map[string]string {
	t.Helper()
	var data struct {
		ActiveTargets []struct{ ScrapeURL, LastError, Health string }
	}
	require.NoError(t, p.get(t.Context(), "/api/v1/targets", &data))
	found := make(map[string]string)
	for _, target := range data.ActiveTargets {
		if target.LastError != "" || target.Health != "up" {
			found[target.ScrapeURL] = target.Health + ": " + target.LastError
		}
	}
	return found
}

func (p prometheus) get(ctx context.Context, path string, data any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+path, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var answer struct {
		Status, Error string
		Data          json.RawMessage
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return err
	}
	if answer.Status != "success" {
		return fmt.Errorf("%s: %s", path, answer.Error)
	}
	return json.Unmarshal(answer.Data, data)
}
