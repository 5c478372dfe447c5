package prometheus

import (
	"mime"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"

	"github.com/watchkeeper/watchkeeper/internal/expo"
)

// The content types of the formats.
const (
	textType     = "text/plain; version=0.0.4; charset=utf-8"
	openType     = "application/openmetrics-text; version="
	protobufType = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
)

// negotiate returns the format that a client likes best of those that it can
// have: the text format unless it names another.
func negotiate(values []string, openMetrics bool) (syntax expo.Syntax, contentType string) {
	syntax, contentType, best := expo.Text, textType, 0.0
	for accepted := range parts(values) {
		name, params, err := mime.ParseMediaType(accepted)
		if err != nil {
			continue
		}
		q := quality("q=" + params["q"])
		if q <= best {
			continue
		}
		version := params["version"]
		switch {
		case name == "application/openmetrics-text" && openMetrics && (version == "" || version == "0.0.1" || version == "1.0.0"):
			if version == "" {
				version = "1.0.0"
			}
			syntax, contentType, best = expo.OpenMetrics, openType+version+"; charset=utf-8", q
		case name == "application/vnd.google.protobuf" && params["proto"] == "io.prometheus.client.MetricFamily" &&
			params["encoding"] == "delimited":
			syntax, contentType, best = expo.Protobuf, protobufType, q
		case name == "text/plain" && (version == "" || version == "0.0.4"), name == "*/*", name == "text/*":
			syntax, contentType, best = expo.Text, textType, q
		}
	}
	return syntax, contentType
}

// encodingFor returns the compression that a client likes best, gzip before zstd
// where it does not care, because that costs least here.
func encodingFor(values []string) expo.Encoding {
	accepted := map[string]float64{}
	for encoding := range parts(values) {
		name, params, _ := strings.Cut(encoding, ";")
		accepted[strings.ToLower(strings.TrimSpace(name))] = quality(strings.TrimSpace(params))
	}
	chosen, best := expo.Plain, 0.0
	for _, offer := range []struct {
		name     string
		encoding expo.Encoding
	}{{"gzip", expo.Gzip}, {"zstd", expo.Zstd}} {
		q, named := accepted[offer.name]
		if !named && offer.encoding == expo.Gzip {
			q = accepted["*"]
		}
		if q > best {
			chosen, best = offer.encoding, q
		}
	}
	if q, named := accepted["identity"]; named && q > best {
		return expo.Plain
	}
	return chosen
}

// quality reads "q=0.5"; anything else is 1.
func quality(param string) float64 {
	if value, ok := strings.CutPrefix(strings.ReplaceAll(param, " ", ""), "q="); ok {
		if q, err := strconv.ParseFloat(value, 64); err == nil {
			return q
		}
	}
	return 1
}

// escapingFor returns how names shall be escaped for a client: as the format it
// likes best says, of those that say so at all, and else with underscores. See
// https://prometheus.io/docs/instrumenting/content_negotiation/.
func escapingFor(values []string) model.EscapingScheme {
	chosen, best := model.UnderscoreEscaping, 0.0
	for accepted := range parts(values) {
		_, params, err := mime.ParseMediaType(accepted)
		if err != nil {
			continue
		}
		scheme, err := model.ToEscapingScheme(params[model.EscapingKey])
		if err != nil {
			continue
		}
		if q := quality("q=" + params["q"]); q > best {
			chosen, best = scheme, q
		}
	}
	return chosen
}

// parts yields the elements of a header that is a list.
func parts(values []string) func(func(string) bool) {
	return strings.SplitSeq(strings.Join(values, ","), ",")
}
