package peers

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRedisComesBackOnTheSamePort(t *testing.T) {
	s := Redis(t)
	endpoint := s.Endpoint
	ping := func() string {
		answer, err := RedisCommand(t.Context(), endpoint, "PING")
		require.NoError(t, err)
		return answer
	}
	require.Equal(t, "+PONG", ping())

	s.Stop()
	_, err := net.Dial("tcp", endpoint)
	require.ErrorContains(t, err, "connection refused")
	s.Start()
	require.Equal(t, endpoint, s.Endpoint)
	require.Equal(t, "+PONG", ping())

	s.Kill()
	_, err = net.Dial("tcp", endpoint)
	require.ErrorContains(t, err, "connection refused")
	s.Start()
	require.Equal(t, "+PONG", ping())
}

func TestFrozenServerAcceptsAndIsSilent(t *testing.T) {
	s := Redis(t)
	s.Freeze()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := RedisCommand(ctx, s.Endpoint, "PING")
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)

	s.Thaw()
	answer, err := RedisCommand(t.Context(), s.Endpoint, "PING")
	require.NoError(t, err)
	require.Equal(t, "+PONG", answer)
}

func TestRedisClusterServesAllSlots(t *testing.T) {
	s := RedisCluster(t)
	require.Eventually(t, func() bool {
		answer, err := RedisCommand(t.Context(), s.Endpoint, "GET", "any")
		return err == nil && answer == "$-1"
	}, 10*time.Second, 10*time.Millisecond)
}

func TestPostgresAsksForThePassword(t *testing.T) {
	s := Postgres(t, "max_connections=7")
	host, port, err := net.SplitHostPort(s.Endpoint)
	require.NoError(t, err)
	connect := func(password string) (*pgx.Conn, error) {
		return pgx.Connect(t.Context(), "host="+host+" port="+port+" user=postgres dbname=postgres sslmode=disable password='"+password+"'")
	}
	_, err = connect("wrong")
	require.ErrorContains(t, err, "28P01")

	conn, err := connect(PostgresPassword)
	require.NoError(t, err)
	var limit string
	require.NoError(t, conn.QueryRow(t.Context(), "SHOW max_connections").Scan(&limit))
	require.Equal(t, "7", limit)
	require.NoError(t, conn.Close(t.Context()))
}

func TestMCPBeginsASessionOnLoopbackOnly(t *testing.T) {
	s := MCP(t)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.Endpoint+"/mcp", strings.NewReader(
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}`))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json, text/event-stream")
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	require.NoError(t, err)
	require.NotEmpty(t, response.Header.Get("Mcp-Session-Id"))
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())

	_, port, err := net.SplitHostPort(s.Endpoint)
	require.NoError(t, err)
	addresses, err := net.InterfaceAddrs()
	require.NoError(t, err)
	for _, a := range addresses {
		ip := a.(*net.IPNet).IP
		if ip.IsLoopback() || ip.To4() == nil {
			continue
		}
		_, err := net.Dial("tcp", net.JoinHostPort(ip.String(), port))
		require.ErrorContains(t, err, "connection refused")
	}
}

func TestServerThatEndsAtOnceFailsWithItsLog(t *testing.T) {
	dir := t.TempDir()
	s := &Server{t: t, Dir: dir, Endpoint: "127.0.0.1:1", command: Command{
		Path:  "/bin/sh",
		Args:  func(string, int) []string { return []string{"-c", "echo no such option; exit 1"} },
		Ready: func(context.Context, string) error { return io.EOF },
	}}
	require.EqualError(t, s.start(), "it ended at once; its log ends with:\nno such option\n")
}
