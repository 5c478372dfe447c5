package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// stored is the form in which a contract outlives us.
type stored struct {
	Digest string               `json:"digest"`
	Tools  map[string]signature `json:"tools"`
}

// MarshalJSON encodes the contract, its digest included.
func (c Contract) MarshalJSON() ([]byte, error) {
	return json.Marshal(stored{Digest: c.Digest(), Tools: c.tools})
}

// UnmarshalJSON decodes what MarshalJSON returned. It fails when the tools are not
// those of the digest.
func (c *Contract) UnmarshalJSON(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var s stored
	if err := decoder.Decode(&s); err != nil {
		return fmt.Errorf("decoding a contract: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return errors.New("decoding a contract: there is more than one value")
	}
	decoded := Contract{tools: s.Tools}
	if decoded.digest = decoded.sum(); decoded.digest != s.Digest {
		return errors.New("decoding a contract: the tools are not those of the digest")
	}
	*c = decoded
	return nil
}

// Hashes returns the contract without what it takes to tell what breaks: any change
// of a schema is then of the kind schema.
func (c Contract) Hashes() Contract {
	hashes := Contract{tools: make(map[string]signature, len(c.tools)), digest: c.digest}
	for name, s := range c.tools {
		s.Input, s.Output = nil, nil
		hashes.tools[name] = s
	}
	return hashes
}
