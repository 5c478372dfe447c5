//go:generate go tool mdatagen metadata.yaml

// Package workflow is a connector that turns the traces of agents, in whatever
// dialect, into metrics, events and annotated traces.
//
// What a span means is known by internal/span, what belongs together and what
// goes wrong by internal/span/workflow, sums by internal/tally. This package reads
// and writes pdata, and has one engine for all outputs of one connector.
package workflow
