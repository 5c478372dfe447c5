package agentprocess

import (
	"bufio"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"golang.org/x/sys/unix"

	"github.com/watchkeeper/watchkeeper/receivers/agentprocess/internal/metadata"
)

func uid(t testing.TB, path string) string {
	var info unix.Stat_t
	require.NoError(t, unix.Stat(path, &info))
	return strconv.Itoa(int(info.Uid))
}

// shell runs a script under a name that no other process has, and waits for the
// line that it prints once it is under way.
func shell(t *testing.T, name, script string) {
	cmd := exec.Command("/bin/sh", "-c", "echo started; "+script, name)
	_, err := cmd.StdinPipe() // nothing ever comes
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait() // it was killed
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "started\n", line)
}

func TestBusyAndIdleProcessesOfThisHost(t *testing.T) {
	suffix := strconv.Itoa(os.Getpid())
	shell(t, "busy-"+suffix, "while :; do :; done")
	shell(t, "idle-"+suffix, "read forever")

	cfg := config("/",
		Group{Name: "busy", Role: "agent", Match: Match{CommandLine: []string{"busy-" + suffix + "$"}}},
		Group{Name: "idle", Role: "tool", Match: Match{CommandLine: []string{"idle-" + suffix + "$"}, Executable: []string{"/.*sh"}}},
		Group{Name: "missing", Role: "other", Match: Match{CommandLine: []string{"missing-" + suffix + "$"}}})
	cfg.CollectionInterval = 500 * time.Millisecond
	cfg.InitialDelay = 0
	sink := new(consumertest.MetricsSink)
	r, err := NewFactory().CreateMetrics(t.Context(), receivertest.NewNopSettings(metadata.Type), cfg, sink)
	require.NoError(t, err)
	require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
	// A host that is busy otherwise does not give the shell its share each time.
	var last pmetric.Metrics
	require.Eventually(t, func() bool {
		all := sink.AllMetrics()
		if len(all) == 0 {
			return false
		}
		last = all[len(all)-1]
		return series(last, "process.cpu.usage")["busy"] > 50
	}, time.Minute, 100*time.Millisecond)
	require.NoError(t, r.Shutdown(t.Context()))

	require.Empty(t, series(sink.AllMetrics()[0], "process.cpu.usage"))
	cpu := series(last, "process.cpu.usage")
	require.LessOrEqual(t, cpu["busy"], 110.0)
	require.Less(t, cpu["idle"], 5.0)
	require.Len(t, cpu, 2, "a group that never had a process is not there")

	memory, rss := series(last, "process.memory.usage"), series(last, "process.memory.rss")
	for _, group := range []string{"busy", "idle"} {
		require.Greater(t, rss[group], 500e3)
		require.Greater(t, memory[group], 50e3)
		require.Less(t, memory[group], rss[group], "a shell shares its libraries")
		require.GreaterOrEqual(t, series(last, "process.open_fds")[group], 3.0)
	}
	count := series(last, "agent.process.count")
	require.Equal(t, 1.0, count["busy/running"])
	require.Equal(t, 1.0, count["idle/sleeping"])
	require.Len(t, count, 4)
}
