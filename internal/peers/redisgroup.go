package peers

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// RedisMasters starts a Redis cluster of three nodes or more, which share the slots
// and have no replicas. It is not certain that they all know of each other yet.
func RedisMasters(t T, count int) []*Server {
	t.Helper()
	nodes := make([]*Server, count)
	command := []string{"--cluster", "create"}
	for i := range nodes {
		nodes[i] = RedisNode(t)
		command = append(command, nodes[i].Endpoint)
	}
	command = append(command, "--cluster-replicas", "0", "--cluster-yes")
	if output, err := exec.CommandContext(t.Context(), "redis-cli", command...).CombinedOutput(); err != nil {
		t.Fatalf("redis-cli --cluster create: %v\n%s", err, output)
	}
	return nodes
}

// RedisSentinel starts a sentinel that watches primary under the name "store", and
// takes it for down after half a second without an answer. Arguments are lines of
// its configuration.
func RedisSentinel(t T, primary *Server, quorum int, lines ...string) *Server {
	t.Helper()
	host, port, err := net.SplitHostPort(primary.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	dir := Dir(t, "")
	// The sentinel rewrites the file.
	file := filepath.Join(dir, "sentinel.conf")
	text := strings.Join(append([]string{
		fmt.Sprintf("sentinel monitor store %s %s %d", host, port, quorum),
		"sentinel down-after-milliseconds store 500",
	}, lines...), "\n") + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Start(t, Command{
		Path: "redis-server",
		Dir:  dir,
		Args: func(dir string, port int) []string {
			return []string{file, "--sentinel", "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", dir}
		},
		Ready: func(ctx context.Context, endpoint string) error {
			answer, err := RedisCommand(ctx, endpoint, "PING")
			if err == nil && answer != "+PONG" {
				err = fmt.Errorf("PING: %s", answer)
			}
			return err
		},
	})
}
