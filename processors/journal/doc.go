// Package journal is a processor that writes traces to disk before it passes them
// on, and forgets them after a time. After a crash it passes on again what it has
// not forgotten, so that a processor behind it that holds spans in memory, as
// tail_sampling does, loses none of them.
package journal

//go:generate go tool mdatagen metadata.yaml
