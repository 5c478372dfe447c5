package mcp

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/mcp/contract"
)

const (
	// stateVersion is the version of the form of the state.
	stateVersion = 1
	// maxState is how large the state may be, in bytes.
	maxState = 1 << 20
	// maxTold is how many differences are remembered as told. It is what keeps two
	// servers behind one address, each with other tools, from being news for ever.
	maxTold = 16
	// maxNamed is how many tools a list of a notice names, and maxNamedLength how much
	// of a name, in bytes.
	maxNamed       = 10
	maxNamedLength = 64
)

// contracts remembers the accepted contract and what has been told of changes. It
// is used by one run at a time.
type contracts struct {
	settings ContractSettings
	// accepted is nil before any contract was.
	accepted *contract.Contract
	// told holds the differences that were told, the oldest first.
	told []string
	// last is the latest difference; nil when it is not known.
	last *contract.Difference
	// encoded is the state, nil when it has changed since it was asked for.
	encoded []byte
}

// compare takes what the server offers now, and returns a notice when that is a
// difference that was not told before.
//
// The same difference is told once, also when the server goes back and comes to it
// again, as long as it is among the last sixteen.
func (c *contracts) compare(target string, tools []contract.Tool) *check.Notice {
	now := contract.Of(tools)
	c.last = &contract.Difference{}
	switch manual := c.settings.AcceptChanges == AcceptManual; {
	case manual && c.settings.Accepted == now.Digest():
		c.accept(now)
		return nil
	case c.accepted == nil && manual && c.settings.Accepted != "":
		// Somebody accepted another contract, but we no longer have it.
		c.last = nil
		if !c.tell(c.settings.Accepted, now) {
			return nil
		}
		return &check.Notice{
			Kind:       check.ContractChanged,
			Summary:    fmt.Sprintf("the tools of %s are not those of the accepted contract; theirs is %s", target, now.Digest()),
			Attributes: map[string]string{"contract": now.Digest()},
		}
	case c.accepted == nil || c.accepted.Digest() == now.Digest():
		c.accept(now)
		return nil
	}
	difference := c.accepted.Diff(now)
	c.last = &difference
	news := c.tell(c.accepted.Digest(), now)
	if c.settings.AcceptChanges == AcceptAuto {
		c.accept(now)
	}
	if !news {
		return nil
	}
	return noticeOf(target, difference, now)
}

func (c *contracts) accept(now contract.Contract) {
	if c.accepted == nil || c.accepted.Digest() != now.Digest() {
		c.accepted, c.encoded = &now, nil
	}
}

// tell remembers a difference, and is false if it was told before.
func (c *contracts) tell(from string, to contract.Contract) bool {
	difference := from + ">" + to.Digest()
	if slices.Contains(c.told, difference) {
		return false
	}
	if c.told = append(c.told, difference); len(c.told) > maxTold {
		c.told = slices.Delete(c.told, 0, 1)
	}
	c.encoded = nil
	return true
}

// differences returns how many tools differed at the last comparison.
func (c *contracts) differences() []check.Measurement {
	if c.last == nil {
		return nil
	}
	var measurements []check.Measurement
	for _, kind := range kindsOf(c.last) {
		measurements = append(measurements, check.Measurement{
			Name: "mcp.contract.differences", Value: float64(len(kind.tools)),
			Attributes: map[string]string{"mcp.contract.change": kind.name},
		})
	}
	return measurements
}

type kindOfChange struct {
	name, words string
	tools       []string
}

func kindsOf(d *contract.Difference) []kindOfChange {
	return []kindOfChange{
		{"added", "added", d.Added},
		{"removed", "removed", d.Removed},
		{"breaking", "broken", d.Breaking},
		{"description", "described otherwise", d.Description},
		{"schema", "with another schema", d.Schema},
	}
}

func noticeOf(target string, d contract.Difference, now contract.Contract) *check.Notice {
	attributes := map[string]string{"contract": now.Digest()}
	var parts []string
	for _, kind := range kindsOf(&d) {
		if len(kind.tools) == 0 {
			continue
		}
		named := names(kind.tools)
		attributes[kind.name] = named
		parts = append(parts, fmt.Sprintf("%d %s (%s)", len(kind.tools), kind.words, named))
	}
	summary := fmt.Sprintf("the tools of %s have changed: %s", target, strings.Join(parts, ", "))
	if len(d.Breaks) > 0 {
		summary += fmt.Sprintf("; %s: %s", printable(d.Breaking[0], maxNamedLength), printable(d.Breaks[0], maxLine))
	}
	return &check.Notice{Kind: check.ContractChanged, Summary: summary, Attributes: attributes}
}

// names lists names that a server chose.
func names(tools []string) string {
	named := make([]string, 0, maxNamed)
	for _, tool := range tools[:min(len(tools), maxNamed)] {
		named = append(named, printable(tool, maxNamedLength))
	}
	text := strings.Join(named, ", ")
	if more := len(tools) - maxNamed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// envelope is the state as it is stored. Sum is the SHA-256 of Content.
type envelope struct {
	Version int             `json:"version"`
	Sum     string          `json:"sum"`
	Content json.RawMessage `json:"content"`
}

type content struct {
	Accepted *contract.Contract `json:"accepted"`
	Told     []string           `json:"told"`
}

func (c *contracts) state() ([]byte, error) {
	if c.encoded != nil || c.accepted == nil && len(c.told) == 0 {
		return c.encoded, nil
	}
	encoded, err := encode(content{c.accepted, c.told})
	if err == nil && len(encoded) > maxState {
		hashes := c.accepted.Hashes()
		encoded, err = encode(content{&hashes, c.told})
	}
	if err != nil {
		return nil, err
	}
	if len(encoded) > maxState {
		return nil, fmt.Errorf("the contract of %d tools does not fit into %d bytes", c.accepted.Len(), maxState)
	}
	c.encoded = encoded
	return encoded, nil
}

func encode(state content) ([]byte, error) {
	text, err := json.Marshal(state)
	if err != nil {
		return nil, err
	}
	return json.Marshal(envelope{Version: stateVersion, Sum: sumOf(text), Content: text})
}

func sumOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func (c *contracts) restore(state []byte) error {
	if len(state) == 0 {
		return nil
	}
	if len(state) > maxState {
		return fmt.Errorf("restoring the contract: %d bytes are more than %d", len(state), maxState)
	}
	var e envelope
	if err := decode(state, &e); err != nil {
		return fmt.Errorf("restoring the contract: %w", err)
	}
	if e.Version != stateVersion {
		return fmt.Errorf("restoring the contract: version %d, want %d", e.Version, stateVersion)
	}
	if sumOf(e.Content) != e.Sum {
		return errors.New("restoring the contract: the checksum is wrong")
	}
	var restored content
	if err := decode(e.Content, &restored); err != nil {
		return fmt.Errorf("restoring the contract: %w", err)
	}
	if len(restored.Told) > maxTold {
		return fmt.Errorf("restoring the contract: %d differences were told, at most %d can be", len(restored.Told), maxTold)
	}
	c.accepted, c.told, c.encoded = restored.Accepted, restored.Told, slices.Clone(state)
	return nil
}

func decode(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return errors.New("there is more than one value")
	}
	return nil
}
