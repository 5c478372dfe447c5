// Package anomaly is a processor that scores every series of numbers as it passes
// and adds what it found as metrics of its own. What passes through is not
// changed.
package anomaly

//go:generate go tool mdatagen metadata.yaml
