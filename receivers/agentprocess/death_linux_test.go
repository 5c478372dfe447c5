package agentprocess

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"golang.org/x/sys/unix"

	"github.com/watchkeeper/watchkeeper/receivers/agentprocess/internal/metadata"
)

// chain is a shell that plays an agent and a sleep that plays a server of its.
type chain struct {
	agent  *exec.Cmd
	server int
	groups []Group
}

func startChain(t *testing.T) chain {
	// No other process sleeps for as long as this.
	name, length := fmt.Sprintf("agent-%d", os.Getpid()), fmt.Sprintf("9999.%d", time.Now().UnixNano())
	c := chain{
		agent: exec.Command("/bin/sh", "-c", `sleep `+length+` & echo $!; read forever; exit 3`, name),
		groups: []Group{
			{Name: "planner", Role: "agent", Match: Match{CommandLine: []string{name + "$"}}},
			{Name: "files", Role: "mcp_server", Match: Match{CommandLine: []string{"^sleep " + length + "$"}}},
		},
	}
	in, err := c.agent.StdinPipe()
	require.NoError(t, err)
	out, err := c.agent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.agent.Start())
	t.Cleanup(func() {
		_ = in.Close()
		_ = c.agent.Process.Kill() // it may have ended
		_ = c.agent.Wait()
		if c.server > 0 {
			_ = unix.Kill(c.server, unix.SIGKILL)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	c.server, err = strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err)
	// The shell's child is the sleep only once it has replaced the shell in it.
	require.Eventually(t, func() bool {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", c.server))
		return err == nil && strings.HasPrefix(string(line), "sleep\x00")
	}, 10*time.Second, time.Millisecond)
	return c
}

// records returns the events of a name.
func records(sink *consumertest.LogsSink, name string) (found []plog.LogRecord) {
	for _, logs := range sink.AllLogs() {
		for _, resource := range logs.ResourceLogs().All() {
			for _, scope := range resource.ScopeLogs().All() {
				for _, record := range scope.LogRecords().All() {
					if record.EventName() == name {
						found = append(found, record)
					}
				}
			}
		}
	}
	return found
}

func TestDeathIsHeardAtOnceNotAtTheNextCollection(t *testing.T) {
	c := startChain(t)
	sink := new(consumertest.LogsSink)
	r, err := newAgentProcess(config("/", c.groups...), receivertest.NewNopSettings(metadata.Type), func() {})
	require.NoError(t, err)
	r.logs = sink // and no metrics
	require.NoError(t, r.open())
	go r.events.send(t.Context())
	defer func() {
		require.NoError(t, r.close())
		r.events.drain(t.Context())
	}()
	require.Zero(t, scrape(t, r.scraper).MetricCount()) // the only one

	killed := time.Now()
	require.NoError(t, unix.Kill(c.server, unix.SIGKILL))
	var found []plog.LogRecord
	require.Eventually(t, func() bool {
		found = records(sink, "agent.process.exited")
		return len(found) == 1
	}, time.Second, time.Millisecond)
	record := found[0]
	require.WithinDuration(t, killed, record.Timestamp().AsTime(), time.Second)
	attributes := record.Attributes().AsRaw()
	require.Equal(t, int64(c.server), attributes["process.pid"])
	require.Equal(t, "files", attributes["process.group"])
	require.Equal(t, "mcp_server", attributes["agent.role"])
	require.Contains(t, attributes["process.command_line"], "sleep 9999.")
	if signal, known := attributes["process.exit.signal"]; known { // from Linux 6.15 on
		require.Equal(t, "SIGKILL", signal)
		require.Equal(t, plog.SeverityNumberWarn, record.SeverityNumber())
	}
	c.server = 0
}

func TestServerOfAKilledAgentIsAnOrphan(t *testing.T) {
	c := startChain(t)
	cfg := config("/", c.groups...)
	cfg.CollectionInterval, cfg.InitialDelay, cfg.OrphanAfter = 100*time.Millisecond, 0, 0
	factory := NewFactory()
	metrics, logs := new(consumertest.MetricsSink), new(consumertest.LogsSink)
	set := receivertest.NewNopSettings(metadata.Type)
	// Both pipelines share one instance.
	m, err := factory.CreateMetrics(t.Context(), set, cfg, metrics)
	require.NoError(t, err)
	l, err := factory.CreateLogs(t.Context(), set, cfg, logs)
	require.NoError(t, err)
	require.Same(t, m, l)
	for _, r := range []receiver.Metrics{m, l} {
		require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
	}
	last := func(name string) map[string]float64 {
		all := metrics.AllMetrics()
		if len(all) == 0 {
			return nil
		}
		return series(all[len(all)-1], name)
	}
	require.Eventually(t, func() bool {
		orphans := last("agent.process.orphans")
		return len(orphans) == 2 && orphans["files"] == 0
	}, 10*time.Second, 10*time.Millisecond)

	require.NoError(t, c.agent.Process.Kill())
	_ = c.agent.Wait() // it was killed
	require.Eventually(t, func() bool { return last("agent.process.orphans")["files"] == 1 }, 10*time.Second, 10*time.Millisecond)
	require.Positive(t, last("agent.process.orphans.memory")["files"])
	require.Zero(t, last("agent.process.orphans")["planner"])
	require.Eventually(t, func() bool { return len(records(logs, "agent.process.orphaned")) == 1 }, time.Second, time.Millisecond)
	attributes := records(logs, "agent.process.orphaned")[0].Attributes().AsRaw()
	require.Equal(t, int64(c.server), attributes["process.pid"])
	require.Equal(t, "files", attributes["process.group"])
	require.Equal(t, int64(1), attributes["process.tree.size"])

	require.NoError(t, unix.Kill(c.server, unix.SIGKILL))
	require.Eventually(t, func() bool { return last("agent.process.orphans")["files"] == 0 }, 10*time.Second, 10*time.Millisecond)
	require.NoError(t, m.Shutdown(t.Context()))
	require.NoError(t, l.Shutdown(t.Context()))
	require.Len(t, records(logs, "agent.process.orphaned"), 1)
	require.Len(t, records(logs, "agent.process.exited"), 2)
	c.server = 0
}
