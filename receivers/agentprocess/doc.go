//go:generate go tool mdatagen metadata.yaml

// Package agentprocess tells how much processor time, memory and open files the
// agents of a host and the tool servers that they start take: not process by
// process, which would be a series for every pid that ever was, but in groups
// that the configuration names.
//
// It leaves the host as a whole (load, disks, network) to host_metrics.
package agentprocess
