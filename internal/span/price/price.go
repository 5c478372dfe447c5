// Package price tells what a model call costs by public list prices, without
// asking anybody.
//
// Prices come from a table with a version, in the format of prices.csv, which is
// embedded, and from a file of the user's that replaces rows of it. List prices
// are those of standard processing of text: discounts, batches, priority, tiers by
// the length of a prompt or the hour of the day, images, sound and what tools cost
// are not in it, and no bill is. What the table does not know has no price, which
// is not the same as costing nothing.
package price

import "github.com/watchkeeper/watchkeeper/internal/span"

// Price is what a model costs, in US dollars per million tokens.
type Price struct {
	// Input is for tokens that the model had to read, Output for those it wrote,
	// reasoning included.
	Input, Output float64
	// CacheRead is for input tokens taken from a cache, CacheWrite for those put into
	// one. The two are Input where the provider makes no difference.
	CacheRead, CacheWrite float64
}

// Cost is the price of one or many calls in US dollars, by the rule of Tokens that
// Input includes what was cached and Output includes reasoning.
func (p Price) Cost(t span.Tokens) float64 {
	fresh := max(t.Input-t.CacheRead-t.CacheWrite, 0)
	return (float64(fresh)*p.Input + float64(t.CacheRead)*p.CacheRead + float64(t.CacheWrite)*p.CacheWrite +
		float64(t.Output)*p.Output) / 1e6
}

// Status says how a price was found.
type Status uint8

// The ways of finding a price, or not.
const (
	Missing Status = iota // the table has no price; the Price is zero and means nothing
	Alias                 // found under another name of the model or its provider
	Exact                 // found under the very names
)

// String is the status as a metric's attribute says it.
func (s Status) String() string {
	switch s {
	case Exact:
		return "exact"
	case Alias:
		return "alias"
	}
	return "missing"
}
