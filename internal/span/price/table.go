package price

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Table holds the prices of many models over time. Its prices never change, and it is safe
// for concurrent use.
type Table struct {
	version string
	rows    map[name][]row // by the names in lower case, oldest first
	// patterns are the names that end in a star, longest first for each provider.
	patterns map[string][]string
	// owners are the providers that have a row for a model.
	owners map[string][]string
	// made is the day that the version begins with, or the zero time.
	made time.Time
	// recent are answers of Lookup that were given lately. The models of a fleet are
	// few, and their spellings are dear to try.
	recent [64]atomic.Pointer[answer]
}

// answer is what Lookup has found.
type answer struct {
	asked  name
	price  Price
	status Status
}

type name struct{ provider, model string }

// row is a price and the first day on which it holds.
type row struct {
	price Price
	from  time.Time
}

// Version is that of the table: the date of its prices, and that of the file that
// replaces some of them, if there is one.
func (t *Table) Version() string { return t.version }

// Lookup returns the newest price that held when the table was made.
//
// The provider is one of gen_ai.provider.name, or empty if it is not known; the
// model is whatever a request or an answer called it.
func (t *Table) Lookup(provider, model string) (Price, Status) {
	if len(model) > maxName || len(provider) > maxName {
		return t.LookupAt(provider, model, t.made)
	}
	asked := name{provider, model}
	recent := &t.recent[spot(provider, model)%len(t.recent)]
	if a := recent.Load(); a != nil && a.asked == asked {
		return a.price, a.status
	}
	p, status := t.LookupAt(provider, model, t.made)
	recent.Store(&answer{name{strings.Clone(provider), strings.Clone(model)}, p, status})
	return p, status
}

// spot tells most names apart by their lengths and last bytes.
func spot(provider, model string) int {
	n := len(provider) + 7*len(model)
	for _, c := range []byte(model[max(0, len(model)-8):]) {
		n = n*31&0xffffff + int(c)
	}
	return n
}

// date is the day that the version begins with, or the zero time.
func (t *Table) date() time.Time {
	day, err := time.Parse(time.DateOnly, t.version[:min(len(t.version), len(time.DateOnly))])
	if err != nil {
		return time.Time{}
	}
	return day
}

// LookupAt returns the price that held at a time. Before the first price of a model
// its first one is taken: a call cannot be older than its model, but clocks and
// tables are not that exact.
func (t *Table) LookupAt(provider, model string, at time.Time) (Price, Status) {
	if rows, ok := t.rows[name{provider, model}]; ok {
		return heldAt(rows, at), Exact
	}
	provider, model = strings.ToLower(provider), strings.ToLower(strings.TrimSpace(model))
	if len(model) > maxName || model == "" {
		return Price{}, Missing
	}
	for _, n := range t.candidates(provider, model) {
		if rows, ok := t.rows[n]; ok {
			return heldAt(rows, at), Alias
		}
	}
	return Price{}, Missing
}

// heldAt returns the price of the last row that had begun.
func heldAt(rows []row, at time.Time) Price {
	price := rows[0].price
	for _, r := range rows[1:] {
		if r.from.After(at) {
			break
		}
		price = r.price
	}
	return price
}

// candidates are the names under which the table may know a model, best first.
func (t *Table) candidates(provider, model string) (found []name) {
	model, vendor := withoutRoute(model)
	if vendor != "" && resellers[provider] == nil && !t.sells(provider) {
		provider = vendor // a router, or nobody: the name says whose the model is
	}
	providers := append([]string{provider}, resellers[provider]...)
	for _, spelling := range spellings(model) {
		for _, p := range providers {
			if p == "" {
				// Nobody says whose the model is. Its name says it, if only one sells it.
				if owners := t.owners[spelling]; len(owners) == 1 {
					found = append(found, name{owners[0], spelling})
				}
				continue
			}
			found = append(found, name{p, spelling})
		}
	}
	for _, p := range providers {
		for _, prefix := range t.patterns[p] {
			if strings.HasPrefix(model, prefix) {
				found = append(found, name{p, prefix + "*"})
			}
		}
	}
	return found
}

// sells reports whether the table has any model of the provider.
func (t *Table) sells(provider string) bool {
	_, ok := t.patterns[provider]
	return ok
}

// index makes what Lookup searches from the rows.
func (t *Table) index() {
	t.made = t.date()
	t.patterns, t.owners = make(map[string][]string), make(map[string][]string)
	for n, rows := range t.rows {
		slices.SortFunc(rows, func(a, b row) int { return a.from.Compare(b.from) })
		prefixes := t.patterns[n.provider]
		if prefix, ok := strings.CutSuffix(n.model, "*"); ok {
			prefixes = append(prefixes, prefix)
			slices.SortFunc(prefixes, func(a, b string) int {
				if len(a) != len(b) {
					return len(b) - len(a)
				}
				return strings.Compare(a, b)
			})
		} else {
			t.owners[n.model] = append(t.owners[n.model], n.provider)
		}
		t.patterns[n.provider] = prefixes
	}
}
