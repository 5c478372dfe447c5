package peers

import (
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// drip is the time from one byte to the next of a server that stalls.
const drip = 10 * time.Second

// Stalling accepts connections on the endpoint that it returns. To the first bytes
// of each it answers with answer, and then with one byte every ten seconds until
// the test ends. With an empty answer it says nothing at all, so a TLS handshake
// never ends.
func Stalling(t T, answer string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() {
		cancel()
		_ = listener.Close()
	})
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			context.AfterFunc(ctx, func() { _ = conn.Close() })
			go stall(ctx, conn, answer)
		}
	}()
	return listener.Addr().String()
}

func stall(ctx context.Context, conn net.Conn, answer string) {
	first := make([]byte, 1<<10)
	if _, err := conn.Read(first); err != nil || answer == "" {
		return
	}
	next := answer
	for {
		if _, err := io.WriteString(conn, next); err != nil {
			return
		}
		next = "x"
		select {
		case <-ctx.Done():
			return
		case <-time.After(drip):
		}
	}
}

// Hostile returns handlers by name that answer any request so as to hurt a client
// that is not careful. Each ends when the client goes away.
func Hostile() map[string]http.HandlerFunc {
	handlers := map[string]http.HandlerFunc{
		"silent": func(_ http.ResponseWriter, q *http.Request) { <-q.Context().Done() },
		"drips": func(w http.ResponseWriter, q *http.Request) {
			_, _ = io.WriteString(w, "[")
			_ = http.NewResponseController(w).Flush()
			<-q.Context().Done()
		},
		"1 GiB of JSON": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `["`)
			repeat(w, strings.Repeat("a", 64<<10), 16<<10)
			_, _ = io.WriteString(w, `"]`)
		},
		"a million levels": func(w http.ResponseWriter, _ *http.Request) {
			repeat(w, strings.Repeat("[", 1000), 1000)
			repeat(w, strings.Repeat("]", 1000), 1000)
		},
		"a million values": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "[0")
			repeat(w, strings.Repeat(",0", 1000), 1000)
			_, _ = io.WriteString(w, "]")
		},
		"gzip bomb": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			repeat(z, strings.Repeat(" ", 64<<10), 16<<10)
			_ = z.Close()
		},
		"50 redirects": func(w http.ResponseWriter, q *http.Request) {
			n, _ := strconv.Atoi(q.URL.Query().Get("hop"))
			if n == 50 {
				_, _ = io.WriteString(w, "{}")
				return
			}
			http.Redirect(w, q, "/?hop="+strconv.Itoa(n+1), http.StatusFound)
		},
		"endless event stream": func(w http.ResponseWriter, q *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			for q.Context().Err() == nil {
				if _, err := io.WriteString(w, "event: ping\ndata: {}\n\n"); err != nil {
					return
				}
				_ = http.NewResponseController(w).Flush()
				time.Sleep(time.Millisecond)
			}
		},
	}
	for name, handler := range handlers {
		handlers[name] = func(w http.ResponseWriter, q *http.Request) {
			// Until the body is read, a server does not notice that its client went away.
			_, _ = io.Copy(io.Discard, q.Body)
			handler(w, q)
		}
	}
	return handlers
}

func repeat(w io.Writer, text string, times int) {
	for range times {
		if _, err := io.WriteString(w, text); err != nil {
			return
		}
	}
}
