package heartbeat

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/protobuf/encoding/protowire"
)

// listening returns a handler for an agent called planner, and its store.
func listening(t *testing.T) (http.Handler, *Store) {
	t.Helper()
	store := new(Store)
	s := DefaultSettings()
	s.Store, s.Name, s.Sender.Service = store, "planner", "planner"
	_, err := New(s)
	require.NoError(t, err)
	return Handler(store), store
}

func post(h http.Handler, path, kind string, body io.Reader) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	q := httptest.NewRequest(http.MethodPost, path, body)
	q.Header.Set("Content-Type", kind)
	h.ServeHTTP(w, q)
	return w
}

func TestExportRequestsAreAnsweredInTheirEncoding(t *testing.T) {
	h, store := listening(t)
	for path, body := range map[string][]byte{"/v1/traces": traces(t, planner, time.Now()), "/v1/metrics": metrics(t, planner), "/v1/logs": logs(t, planner)} {
		w := post(h, path, "application/x-protobuf", bytes.NewReader(body))
		require.Equal(t, http.StatusOK, w.Code)
		require.Equal(t, "application/x-protobuf", w.Header().Get("Content-Type"))
		require.Empty(t, w.Body.Bytes(), "which is the empty response")
	}
	l := store.life("planner")
	for _, sign := range Signs[1:] {
		require.False(t, l.last[sign].IsZero(), sign)
	}
	require.True(t, l.last[Call].IsZero())

	w := post(h, "/v1/traces", "application/json; charset=utf-8", strings.NewReader(`{"resourceSpans":[]}`))
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	require.NoError(t, ptraceotlp.NewExportResponse().UnmarshalJSON(w.Body.Bytes()))
}

func TestRequestsThatCannotBeTakenAreRefusedInTheirEncoding(t *testing.T) {
	h, store := listening(t)
	f := func(kind string, body io.Reader, status int, code uint64) {
		t.Helper()
		w := post(h, "/v1/logs", kind, body)
		require.Equal(t, status, w.Code)
		require.Equal(t, kind, w.Header().Get("Content-Type"))
		var answer struct {
			Code    uint64
			Message string
		}
		if kind == jsonType {
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
		} else {
			answer.Code, answer.Message = decodeStatus(t, w.Body.Bytes())
		}
		require.Equal(t, code, answer.Code)
		require.NotEmpty(t, answer.Message)
		require.NotContains(t, answer.Message, "secret")
	}
	for kind, malformed := range map[string]string{protobufType: "\x0a\x09secret", jsonType: `{"resourceLogs": "secret"}`} {
		f(kind, strings.NewReader(malformed), http.StatusBadRequest, codeInvalidArgument)
		f(kind, io.MultiReader(strings.NewReader("{"), broken{}), http.StatusBadRequest, codeInvalidArgument)
		f(kind, bytes.NewReader(make([]byte, MaxTelemetry+1)), http.StatusRequestEntityTooLarge, codeResourceExhausted)
	}
	require.Equal(t, http.StatusUnsupportedMediaType, post(h, "/v1/traces", "text/plain", strings.NewReader("{}")).Code)
	require.Equal(t, http.StatusUnsupportedMediaType, post(h, "/v1/traces", "", strings.NewReader("{}")).Code)
	require.Equal(t, http.StatusNotFound, post(h, "/v1/profiles", jsonType, strings.NewReader("{}")).Code)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/traces", nil))
	require.Equal(t, http.StatusMethodNotAllowed, w.Code)
	require.Equal(t, life{}, store.life("planner"))
}

// decodeStatus reads a google.rpc.Status of a code and a message.
func decodeStatus(t *testing.T, body []byte) (code uint64, message string) {
	t.Helper()
	number, kind, n := protowire.ConsumeTag(body)
	require.Equal(t, []any{protowire.Number(1), protowire.VarintType}, []any{number, kind})
	code, m := protowire.ConsumeVarint(body[n:])
	body = body[n+m:]
	number, kind, n = protowire.ConsumeTag(body)
	require.Equal(t, []any{protowire.Number(2), protowire.BytesType}, []any{number, kind})
	message, m = protowire.ConsumeString(body[n:])
	require.Equal(t, len(body), n+m)
	return code, message
}

// broken is a body that breaks off.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("broken") }

// Bodies are in memory while they are read, so only so many are read at once.
func TestRequestsWaitForTheirTurnAndNotForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := listening(t)
		var drips []*io.PipeWriter
		answers := make(chan int, maxReading+1)
		for range maxReading {
			read, write := io.Pipe()
			drips = append(drips, write)
			go func() { answers <- post(h, "/v1/traces", "application/json", read).Code }()
		}
		synctest.Wait()
		w := post(h, "/v1/logs", "application/json", strings.NewReader("{}"))
		require.Equal(t, http.StatusServiceUnavailable, w.Code)
		require.Equal(t, "1", w.Header().Get("Retry-After"))
		go func() { answers <- post(h, "/v1/logs", "application/json", strings.NewReader("{}")).Code }()
		for _, d := range drips {
			_, err := d.Write([]byte("{}"))
			require.NoError(t, err)
			require.NoError(t, d.Close())
		}
		for range maxReading + 1 {
			require.Equal(t, http.StatusOK, <-answers)
		}
	})
}
