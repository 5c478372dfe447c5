package jaeger

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"

	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

const (
	// longestAnswer bounds the body of an answer over HTTP, in bytes, unpacked. One
	// of OTLP has a sentence or two.
	longestAnswer = 64 << 10
	// longestMessage bounds what of a server's message is logged, in bytes.
	longestMessage = 256
)

// readAnswer tells what an answer over HTTP means. body holds at most one byte more
// than longestAnswer, and reading is what kept it from being whole. The rules are
// those of the OTLP specification, "OTLP/HTTP Response".
func readAnswer(code int, header http.Header, body []byte, reading error, now time.Time) (ptraceotlp.ExportResponse, error) {
	if code < 200 || code > 299 {
		return ptraceotlp.NewExportResponse(), refused(code, header, body, now)
	}
	if reading != nil {
		// It may be that the spans were taken: to send them twice is better than never.
		return ptraceotlp.NewExportResponse(), fmt.Errorf("reading the answer: %w", reading)
	}
	return accepted(header.Get("Content-Type"), body)
}

// accepted reads the answer to a request that was taken. What is no OTLP is a
// failure, because it is no proof that anything was taken: the page of Jaeger, for
// one, answers 200 to everything.
func accepted(contentType string, body []byte) (ptraceotlp.ExportResponse, error) {
	response := ptraceotlp.NewExportResponse()
	if len(body) > longestAnswer {
		return response, &refusal{refusedProtocol, fmt.Errorf("the answer has more than %d bytes", longestAnswer)}
	}
	if len(body) == 0 {
		return response, nil
	}
	media, _, err := mime.ParseMediaType(contentType)
	switch {
	case err == nil && media == protobufType:
		err = response.UnmarshalProto(body)
	case err == nil && media == jsonType:
		err = response.UnmarshalJSON(body)
	default:
		err = fmt.Errorf("its content type is %s", quote(contentType))
	}
	if err != nil {
		return ptraceotlp.NewExportResponse(), &refusal{refusedProtocol, fmt.Errorf("the answer is no OTLP: %w", err)}
	}
	return response, nil
}

// refused makes an error of an answer that is no success.
func refused(code int, header http.Header, body []byte, now time.Time) error {
	text := strings.TrimSpace(fmt.Sprintf("the answer is %d %s", code, http.StatusText(code)))
	if m := message(header.Get("Content-Type"), body); m != "" {
		text += ": " + quote(m)
	}
	err := errors.New(text)
	switch code {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return later(err, pause(header.Get("Retry-After"), now))
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		return &refusal{refusedAuth, err}
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone, http.StatusUnsupportedMediaType:
		return &refusal{refusedAddress, err}
	case http.StatusRequestEntityTooLarge:
		return &refusal{refusedSize, err}
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return &refusal{refusedMalformed, err}
	}
	if code >= 300 && code < 400 {
		return &refusal{refusedAddress, fmt.Errorf("%w to %s: redirects are not followed", err, quote(header.Get("Location")))}
	}
	return &refusal{refusedOther, err}
}

// pause reads the header Retry-After: seconds, or a date (RFC 9110, section
// 10.2.3). What it cannot read is no wish.
func pause(retryAfter string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(retryAfter, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, longestPause)
	}
	if at, err := http.ParseTime(retryAfter); err == nil {
		return max(0, min(at.Sub(now), longestPause))
	}
	return 0
}

// message returns what a server says about a failure, if it says it in one of the
// forms that OTLP servers and the proxies in front of them use.
func message(contentType string, body []byte) string {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil || len(body) > longestAnswer {
		return ""
	}
	switch media {
	case protobufType:
		var s spb.Status
		if proto.Unmarshal(body, &s) == nil {
			return s.GetMessage()
		}
	case jsonType:
		var s struct{ Message string }
		if json.Unmarshal(body, &s) == nil {
			return s.Message
		}
	case textType:
		return strings.TrimSpace(string(body))
	}
	return ""
}

// quote makes foreign text fit for a line of a log.
func quote(text string) string { return strconv.Quote(shorten(text)) }

// shorten cuts foreign text to a length that a log and a map can bear, between two
// characters.
func shorten(text string) string {
	if len(text) <= longestMessage {
		return text
	}
	end := longestMessage
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
