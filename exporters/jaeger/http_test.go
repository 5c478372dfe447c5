package jaeger

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"

	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

func header(pairs ...string) http.Header {
	h := make(http.Header)
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

func TestOnlyTheStatusCodesOfTheSpecificationAreRetried(t *testing.T) {
	retried := map[int]bool{429: true, 502: true, 503: true, 504: true}
	for code := 300; code < 600; code++ {
		_, err := readAnswer(code, header(), nil, nil, now)
		var r *refusal
		require.Equal(t, !retried[code], errors.As(err, &r), code)
	}
}

func TestARefusalSaysWhy(t *testing.T) {
	for code, want := range map[int]reason{
		301: refusedAddress, 400: refusedMalformed, 401: refusedAuth, 403: refusedAuth, 404: refusedAddress, 405: refusedAddress,
		407: refusedAuth, 413: refusedSize, 415: refusedAddress, 418: refusedOther, 500: refusedOther,
	} {
		_, err := readAnswer(code, header(), nil, nil, now)
		var r *refusal
		require.ErrorAs(t, err, &r)
		require.Equal(t, want, r.reason, code)
	}
}

func TestTheServersWordsAreInTheError(t *testing.T) {
	status, err := proto.Marshal(&spb.Status{Code: 3, Message: "no \n spans"})
	require.NoError(t, err)
	for _, c := range []struct{ media, body, want string }{
		{"application/x-protobuf", string(status), `the answer is 400 Bad Request: "no \n spans"`},
		{"application/json; charset=utf-8", `{"code":3,"message":"no spans"}`, `the answer is 400 Bad Request: "no spans"`},
		{"text/plain", " no spans\n", `the answer is 400 Bad Request: "no spans"`},
		{"text/html", "<html>", `the answer is 400 Bad Request`},
		{"application/json", `[`, `the answer is 400 Bad Request`},
		{"application/x-protobuf", "\xff\xff", `the answer is 400 Bad Request`},
		{"text/plain", strings.Repeat("é", 1000), `the answer is 400 Bad Request: "` + strings.Repeat("é", 128) + `…"`},
		{"text/plain", strings.Repeat("x", longestAnswer+1), `the answer is 400 Bad Request`},
		{"", "no spans", `the answer is 400 Bad Request`},
	} {
		_, err := readAnswer(400, header("Content-Type", c.media), []byte(c.body), nil, now)
		require.EqualError(t, err, c.want)
	}
	_, err = readAnswer(799, header(), nil, nil, now)
	require.EqualError(t, err, "the answer is 799")
}

func TestTheServersWishForAPauseIsRespectedWithinReason(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"":                                    0,
		"7":                                   7 * time.Second,
		"-7":                                  0,
		"soon":                                0,
		"2000000000":                          longestPause,
		"99999999999999999999":                0,
		"Mon, 12 Jan 1970 13:46:50 GMT":       10 * time.Second,
		"Mon, 12 Jan 1970 13:46:30 GMT":       0,
		"Fri, 31 Dec 9999 23:59:59 GMT":       longestPause,
		"Monday, 12-Jan-70 13:46:50 GMT":      10 * time.Second,
		"Mon Jan 12 13:46:50 1970":            10 * time.Second,
		"Mon, 12 Jan 1970 13:46:50 GMT extra": 0,
	} {
		require.Equal(t, want, pause(value, now), value)
	}
	_, err := readAnswer(503, header("Retry-After", "3"), nil, nil, now)
	require.ErrorContains(t, err, "Throttle (3s)")
}

func TestAnAnswerToATakenRequestMustBeOTLP(t *testing.T) {
	partial := ptraceotlp.NewExportResponse()
	partial.PartialSuccess().SetRejectedSpans(3)
	inProto, err := partial.MarshalProto()
	require.NoError(t, err)
	inJSON, err := partial.MarshalJSON()
	require.NoError(t, err)
	for _, c := range []struct{ media, body, wrong string }{
		{"application/x-protobuf", string(inProto), ""},
		{"application/json", string(inJSON), ""},
		{"text/html", "<html>", `the answer is no OTLP: its content type is "text/html"`},
		{"application/x-protobuf", "\xff", `the answer is no OTLP: `},
		{"application/json", "[", `the answer is no OTLP: `},
		{"application/x-protobuf", strings.Repeat("x", longestAnswer+1), `the answer has more than 65536 bytes`},
	} {
		response, err := readAnswer(200, header("Content-Type", c.media), []byte(c.body), nil, now)
		if c.wrong == "" {
			require.NoError(t, err)
			require.Equal(t, int64(3), response.PartialSuccess().RejectedSpans())
			continue
		}
		require.ErrorContains(t, err, c.wrong)
		var r *refusal
		require.ErrorAs(t, err, &r)
		require.Equal(t, refusedProtocol, r.reason)
	}
	_, err = readAnswer(202, header(), nil, nil, now)
	require.NoError(t, err, "an empty answer is an empty message")

	_, err = readAnswer(200, header(), nil, errors.New("cut"), now)
	require.EqualError(t, err, "reading the answer: cut")
	var r *refusal
	require.False(t, errors.As(err, &r), "what may have been taken is offered again")
}

// FuzzReadAnswer: no answer breaks the reader; a success is a 2xx, a pause is within
// bounds, and what is logged of a server's words is short.
func FuzzReadAnswer(f *testing.F) {
	f.Add(200, "application/x-protobuf", "", []byte("\x0a\x02\x08\x03"))
	f.Add(200, "application/json", "", []byte(`{"partialSuccess":{"rejectedSpans":"3","errorMessage":"x"}}`))
	f.Add(503, "text/plain", "120", []byte("busy"))
	f.Add(301, "text/html; charset", "-1", []byte("<html>"))
	f.Fuzz(func(t *testing.T, code int, contentType, retryAfter string, body []byte) {
		h := header("Content-Type", contentType, "Retry-After", retryAfter, "Location", string(body))
		_, err := readAnswer(code, h, body[:min(len(body), longestAnswer+1)], nil, now)
		if err == nil && (code < 200 || code > 299) {
			t.Fatalf("%d is no success", code)
		}
		if wish := pause(retryAfter, now); wish < 0 || wish > longestPause {
			t.Fatalf("a pause of %v", wish)
		}
		if err != nil && (code < 200 || code > 299) && len(err.Error()) > 12*longestMessage {
			t.Fatalf("an error of %d bytes", len(err.Error()))
		}
	})
}
