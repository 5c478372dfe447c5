package peers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// Redis starts a Redis that keeps nothing on disk. Arguments are like
// "--requirepass", "secret".
func Redis(t T, arguments ...string) *Server {
	t.Helper()
	return Start(t, Command{
		Path: "redis-server",
		Args: func(dir string, port int) []string {
			return append([]string{
				"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", dir,
				"--save", "", "--appendonly", "no",
			}, arguments...)
		},
		Ready: func(ctx context.Context, endpoint string) error {
			answer, err := RedisCommand(ctx, endpoint, "PING")
			if err == nil && answer != "+PONG" && !strings.HasPrefix(answer, "-NOAUTH") {
				err = fmt.Errorf("PING: %s", answer)
			}
			return err
		},
	})
}

// RedisCluster starts a Redis cluster of one node, which serves every slot and
// takes another for failed after half a second.
func RedisCluster(t T) *Server {
	t.Helper()
	s := RedisNode(t)
	answer, err := RedisCommand(t.Context(), s.Endpoint, "CLUSTER", "ADDSLOTSRANGE", "0", "16383")
	if err != nil || answer != "+OK" {
		t.Fatalf("CLUSTER ADDSLOTSRANGE: %s, %v", answer, err)
	}
	return s
}

// RedisNode starts a Redis that is in cluster mode but has met no other node and
// serves no slot.
func RedisNode(t T) *Server {
	t.Helper()
	return Redis(t, "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-node-timeout", "500")
}

// RedisCommand sends one command on a connection of its own and returns the first
// line of the answer.
func RedisCommand(ctx context.Context, endpoint string, words ...string) (string, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", endpoint)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	request := fmt.Sprintf("*%d\r\n", len(words))
	for _, word := range words {
		request += fmt.Sprintf("$%d\r\n%s\r\n", len(word), word)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return "", errors.Join(errors.New("no answer"), err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}
