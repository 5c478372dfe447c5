package main

import (
	"fmt"
	"slices"
	"strings"
)

// comparison names a metric that both collectors have.
type comparison struct {
	what         string
	ours, theirs string
	// counter says that what is compared is how much it grew. Ours counts from when
	// it first saw a process; theirs from when the process started.
	counter bool
	// perWorker is how much the two may differ for each process that did something.
	perWorker float64
	// slack is how much their sums may differ besides.
	slack float64
}

// page is what a file system writes of its own, and the kernel counts as written
// by a process, when the process is the first to change the time of a file.
const page = 4096

var everything = []comparison{
	{what: "processor time", ours: "process.cpu.time", theirs: "process.cpu.time", counter: true, perWorker: 0.01},
	{what: "resident memory", ours: "process.memory.rss", theirs: "process.memory.usage"},
	{what: "virtual memory", ours: "process.memory.virtual", theirs: "process.memory.virtual"},
	{what: "disk I/O", ours: "process.disk.io", theirs: "process.disk.io", counter: true, slack: 2 * page},
	{what: "threads", ours: "process.thread.count", theirs: "process.threads"},
	openFiles,
}

var (
	openFiles     = comparison{what: "open files", ours: "process.open_fds", theirs: "process.open_file_descriptors"}
	openFilesOnly = []comparison{openFiles}
)

// agentProcess has its defaults but for the metrics: only those that are compared
// are on.
func agentProcess(binary string) collector {
	const name = "agent_process"
	all := []string{
		"agent.process.count", "agent.process.orphans", "agent.process.orphans.age", "agent.process.orphans.memory",
		"agent.system.info", "process.context_switches", "process.cpu.time", "process.cpu.usage", "process.disk.io",
		"process.memory.rss", "process.memory.usage", "process.memory.virtual", "process.open_fds",
		"process.open_fds.utilization", "process.paging.faults", "process.thread.count", "process.uptime",
	}
	return collector{name: name, binary: binary, receiver: func(s scenario) string {
		return fmt.Sprintf(`
receivers:
  %s:
    collection_interval: %s
    initial_delay: %s
    groups: [{name: crowd, role: other, match: {comm: [%s]}}]
    metrics: %s
`, name, s.interval, s.interval, member, switches(all, s.compared, func(c comparison) string { return c.ours }))
	}}
}

// hostMetrics has the settings that cost it least: one name to match, no errors
// to write, only the metrics that are compared, and of a process only the id and
// the name. The boot time is cached by default.
func hostMetrics(binary string) collector {
	const name = "host_metrics"
	all := []string{
		"process.cpu.time", "process.disk.io", "process.memory.usage", "process.memory.virtual",
		"process.open_file_descriptors", "process.threads",
	}
	return collector{name: name, binary: binary, receiver: func(s scenario) string {
		return fmt.Sprintf(`
receivers:
  %s:
    collection_interval: %s
    initial_delay: %s
    scrapers:
      process:
        include: {names: [%s], match_type: strict}
        mute_process_all_errors: true
        mute_process_name_error: true
        mute_process_io_error: true
        mute_process_cgroup_error: true
        mute_process_exe_error: true
        mute_process_user_error: true
        metrics: %s
        resource_attributes:
          process.command: {enabled: false}
          process.command_line: {enabled: false}
          process.executable.path: {enabled: false}
          process.owner: {enabled: false}
          process.parent_pid: {enabled: false}
`, name, s.interval, s.interval, member, switches(all, s.compared, func(c comparison) string { return c.theirs }))
	}}
}

// switches returns a metrics section that switches on what is compared and the
// rest off.
func switches(all []string, compared []comparison, name func(comparison) string) string {
	var b strings.Builder
	for _, metric := range all {
		on := slices.ContainsFunc(compared, func(c comparison) bool { return name(c) == metric })
		fmt.Fprintf(&b, "%s: {enabled: %t}, ", metric, on)
	}
	return "{" + strings.TrimSuffix(b.String(), ", ") + "}"
}
