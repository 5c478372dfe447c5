//go:generate go tool mdatagen metadata.yaml

// Package agentprocess tells what the agents of a host and the tool servers that
// they start take, which of them ended, and which were left behind by an agent
// that ended. It does so not process by process, which would be a series for every
// pid that ever was, but in groups that the configuration names.
//
// Reading processes and telling whose they are is the business of the process
// table and its lineage. The host as a whole is that of host_metrics, but for a
// few totals on request.
package agentprocess
