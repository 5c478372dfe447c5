// Package contract compares what an MCP server offers with what it offered before.
//
// The contract of a tool is its name, its description, and the schemas of what it
// takes and returns; titles, icons and hints are not part of it. A difference is of
// one of these kinds:
//
//   - added, removed: the tool is new, or gone;
//   - breaking: a call that was right may now be wrong, or an answer no longer what
//     its reader expects. Of what a tool takes: a parameter has become required, is
//     gone, or no longer takes a type or value that it took. Of what it returns: a
//     property is gone or no longer always there, or may now have a type or value
//     that it had not;
//   - schema: a schema differs in another way, which may yet matter;
//   - description: the words have changed. They are what a model reads: a change
//     of nothing else can still turn an agent against its user.
//
// A contract keeps hashes of everything, and of the schemas as much as it takes to
// tell what breaks: the first 256 properties, down to eight levels. What is beyond
// is only known to differ.
package contract

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	// maxName is how much of a name is kept, in bytes.
	maxName = 128
	// digestLength is the length of a digest in hexadecimal digits: 128 bits.
	digestLength = 32
	// hashLength is that of a hash that is only compared with its predecessor.
	hashLength = 16
)

// Tool is what a server says of a tool. The schemas are decoded JSON, as of
// encoding/json, or nil.
type Tool struct {
	Name, Description string
	Input, Output     any
}

// Contract is what a server offers. It is immutable. The zero value offers nothing.
type Contract struct {
	tools  map[string]signature
	digest string
}

// signature is what is kept of a tool.
type signature struct {
	Description string     `json:"d"`
	InputHash   string     `json:"i"`
	OutputHash  string     `json:"o"`
	Input       properties `json:"in,omitempty"`
	Output      properties `json:"out,omitempty"`
}

// Of returns the contract of tools. Names that occur more than once are numbered.
func Of(tools []Tool) Contract {
	c := Contract{tools: make(map[string]signature, len(tools))}
	for _, t := range tools {
		name := shortened(t.Name, maxName)
		for i := 2; ; i++ {
			if _, taken := c.tools[name]; !taken {
				break
			}
			name = fmt.Sprintf("%s#%d", shortened(t.Name, maxName), i)
		}
		c.tools[name] = signature{
			Description: hash(t.Description), InputHash: hash(t.Input), OutputHash: hash(t.Output),
			Input: propertiesOf(t.Input), Output: propertiesOf(t.Output),
		}
	}
	c.digest = c.sum()
	return c
}

// Digest returns 32 hexadecimal digits that stand for the whole contract, whatever
// the order of the tools.
func (c Contract) Digest() string {
	if c.digest == "" {
		return c.sum()
	}
	return c.digest
}

// IsDigest is true for what Digest may return.
func IsDigest(text string) bool {
	return len(text) == digestLength && strings.Trim(text, "0123456789abcdef") == ""
}

// Len returns how many tools there are.
func (c Contract) Len() int { return len(c.tools) }

func (c Contract) sum() string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(c.tools)) {
		s := c.tools[name]
		// %q keeps a name from passing for what comes after it.
		_, _ = fmt.Fprintf(h, "%q %s %s %s\n", name, s.Description, s.InputHash, s.OutputHash)
	}
	return hex.EncodeToString(h.Sum(nil))[:digestLength]
}

// hash returns the hash of text or decoded JSON: encoding/json sorts the keys of
// objects, so their order does not count.
func hash(value any) string {
	if value == nil {
		return ""
	}
	text, err := json.Marshal(value)
	if err != nil {
		// No decoded JSON is without an encoding.
		text = []byte(err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])[:hashLength]
}

// shortened keeps a text if it is short, and its beginning and hash if it is not.
func shortened(text string, limit int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= limit {
		return text
	}
	end := limit - 1 - hashLength
	return strings.ToValidUTF8(text[:end], "") + "#" + hash(text)
}
