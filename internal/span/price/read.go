package price

import (
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed prices.csv
var embedded string

const (
	// maxFile is the largest file that is read, in bytes.
	maxFile = 4 << 20
	// maxPrice is the highest price that is believed, in US dollars per million tokens.
	maxPrice = 1e6
)

var header = []string{"provider", "model", "input", "output", "cache_read", "cache_write", "valid_from"}

// Default returns the table that is embedded. It reads it anew each time.
func Default() (*Table, error) {
	t, err := Read(strings.NewReader(embedded))
	if err != nil {
		return nil, fmt.Errorf("reading the embedded prices: %w", err)
	}
	return t, nil
}

// Load returns the embedded table with the rows of a file in place of its own, or
// the embedded one alone if the path is empty. A model that the file names has the
// prices of the file and no others.
func Load(path string) (*Table, error) {
	base, err := Default()
	if err != nil || path == "" {
		return base, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the price table: %w", err)
	}
	over, err := Read(f)
	err = errors.Join(err, f.Close())
	if err != nil {
		return nil, fmt.Errorf("reading the price table %q: %w", path, err)
	}
	return base.with(over), nil
}

// with returns a table of both, in which over wins.
func (t *Table) with(over *Table) *Table {
	both := &Table{version: t.version, rows: maps.Clone(t.rows)}
	if over.version != "" {
		both.version += "+" + over.version
	}
	maps.Copy(both.rows, over.rows)
	both.index()
	return both
}

// Read reads a table in the format of prices.csv: comma-separated values, a line of
// names first, lines that begin with # for remarks, of which "# version: …" names
// the version. Errors tell the line and the rule that it breaks.
func Read(r io.Reader) (*Table, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("more than %d bytes", maxFile)
	}
	t := &Table{version: versionOf(string(text)), rows: make(map[name][]row)}
	lines := csv.NewReader(strings.NewReader(string(text)))
	lines.Comment, lines.ReuseRecord, lines.TrimLeadingSpace = '#', true, true
	lines.FieldsPerRecord = -1
	first := true
	for {
		record, err := lines.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err // csv names the line itself
		}
		line, _ := lines.FieldPos(0)
		if first {
			first = false
			if !slices.Equal(record, header) {
				return nil, fmt.Errorf("line %d: the first line must be %q", line, strings.Join(header, ","))
			}
			continue
		}
		if err := t.add(record); err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
	}
	if first {
		return nil, fmt.Errorf("line 1: the first line must be %q", strings.Join(header, ","))
	}
	t.index()
	return t, nil
}

// versionOf finds the remark that names the version.
func versionOf(text string) string {
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(line, "#")
		if !ok {
			break
		}
		if version, ok := strings.CutPrefix(strings.TrimSpace(rest), "version:"); ok {
			return strings.TrimSpace(version)
		}
	}
	return ""
}

func (t *Table) add(record []string) error {
	if len(record) != len(header) {
		return fmt.Errorf("%d values: must be %d", len(record), len(header))
	}
	n := name{strings.ToLower(strings.TrimSpace(record[0])), strings.ToLower(strings.TrimSpace(record[1]))}
	if n.provider == "" {
		return errors.New("provider: must not be empty")
	}
	if n.model == "" || n.model == "*" || len(n.model) > maxName {
		return fmt.Errorf("model %q: must have 1 to %d bytes, and more than a star", n.model, maxName)
	}
	if i := strings.IndexByte(n.model, '*'); i >= 0 && i != len(n.model)-1 {
		return fmt.Errorf("model %q: a star may only stand at the end", n.model)
	}
	var r row
	var err error
	for i, field := range []*float64{&r.price.Input, &r.price.Output, &r.price.CacheRead, &r.price.CacheWrite} {
		key, text := header[i+2], strings.TrimSpace(record[i+2])
		if text == "" && i >= 2 {
			*field = r.price.Input
			continue
		}
		*field, err = strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(*field) || *field < 0 || *field > maxPrice {
			return fmt.Errorf("%s %q: must be a number from 0 to %g, in US dollars per million tokens", key, text, float64(maxPrice))
		}
	}
	from := strings.TrimSpace(record[6])
	if r.from, err = time.Parse(time.DateOnly, from); err != nil {
		return fmt.Errorf("valid_from %q: must be a date like 2006-01-02", from)
	}
	for _, other := range t.rows[n] {
		if other.from.Equal(r.from) {
			return fmt.Errorf("%s %s from %s: is there already", n.provider, n.model, from)
		}
	}
	t.rows[n] = append(t.rows[n], r)
	return nil
}
