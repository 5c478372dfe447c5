package a2a

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/a2aproject/a2a-go/v2/a2a"

	"github.com/watchkeeper/watchkeeper/internal/check"
)

// maxInterfaces is how many interfaces of a card are looked at.
const maxInterfaces = 64

var (
	errNoCard      = errors.New("the card is not valid JSON of the protocol's types")
	errNoName      = errors.New("the card names no agent")
	errNoInterface = errors.New("the card names no interface that has a URL, a binding and a version")
)

// card is what we read of an agent's card, of whatever version.
type card struct {
	interfaces []*a2a.AgentInterface
	skills     int
	// lacks names the required fields that are missing.
	lacks []string
}

// oldCard is the form of a card that protocol 1.0 has replaced (A2A 0.2 and 0.3,
// "AgentCard").
type oldCard struct {
	Name               string                `json:"name"`
	Description        string                `json:"description"`
	Version            string                `json:"version"`
	ProtocolVersion    a2a.ProtocolVersion   `json:"protocolVersion"`
	URL                string                `json:"url"`
	PreferredTransport a2a.TransportProtocol `json:"preferredTransport"`
	Others             []struct {
		URL       string                `json:"url"`
		Transport a2a.TransportProtocol `json:"transport"`
	} `json:"additionalInterfaces"`
	DefaultInputModes  []string `json:"defaultInputModes"`
	DefaultOutputModes []string `json:"defaultOutputModes"`
	Skills             []struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"skills"`
}

// parseCard reads a card in the form of protocol 1.0 by the types of the official
// SDK, and an older one by ours. Its errors hold nothing of the text.
func parseCard(text []byte) (card, error) {
	var outline struct {
		Interfaces []json.RawMessage `json:"supportedInterfaces"`
	}
	if json.Unmarshal(text, &outline) != nil {
		return card{}, errNoCard
	}
	if len(outline.Interfaces) == 0 {
		return parseOldCard(text)
	}
	var c a2a.AgentCard
	if json.Unmarshal(text, &c) != nil {
		return card{}, errNoCard
	}
	out := card{skills: len(c.Skills)}
	out.require(c.Description != "", "description")
	out.require(c.Version != "", "version")
	out.require(c.DefaultInputModes != nil, "defaultInputModes")
	out.require(c.DefaultOutputModes != nil, "defaultOutputModes")
	out.require(c.Skills != nil, "skills")
	for _, s := range c.Skills {
		if s.ID == "" || s.Name == "" {
			out.require(false, "the id or name of a skill")
			break
		}
	}
	return out, out.take(c.Name, c.SupportedInterfaces)
}

func parseOldCard(text []byte) (card, error) {
	var c oldCard
	if json.Unmarshal(text, &c) != nil {
		return card{}, errNoCard
	}
	out := card{skills: len(c.Skills)}
	out.require(c.Description != "", "description")
	out.require(c.Version != "", "version")
	out.require(c.ProtocolVersion != "", "protocolVersion")
	out.require(c.DefaultInputModes != nil, "defaultInputModes")
	out.require(c.DefaultOutputModes != nil, "defaultOutputModes")
	out.require(c.Skills != nil, "skills")
	version := c.ProtocolVersion
	if version == "" {
		// The field came with 0.2.6.
		version = "0.2"
	}
	if c.PreferredTransport == "" {
		c.PreferredTransport = a2a.TransportProtocolJSONRPC
	}
	interfaces := []*a2a.AgentInterface{{URL: c.URL, ProtocolBinding: c.PreferredTransport, ProtocolVersion: version}}
	for _, other := range c.Others {
		// The main one is to be listed again.
		if other.URL != c.URL || other.Transport != c.PreferredTransport {
			interfaces = append(interfaces, &a2a.AgentInterface{URL: other.URL, ProtocolBinding: other.Transport, ProtocolVersion: version})
		}
	}
	return out, out.take(c.Name, interfaces)
}

func (c *card) require(there bool, what string) {
	if !there {
		c.lacks = append(c.lacks, what)
	}
}

// take keeps the interfaces that can be used. Without any, or without a name,
// there is no agent.
func (c *card) take(name string, interfaces []*a2a.AgentInterface) error {
	for _, i := range interfaces {
		if i == nil || i.URL == "" || i.ProtocolBinding == "" || i.ProtocolVersion == "" {
			continue
		}
		if len(c.interfaces) < maxInterfaces {
			c.interfaces = append(c.interfaces, i)
		}
	}
	switch {
	case name == "":
		return errNoName
	case len(c.interfaces) == 0:
		return errNoInterface
	}
	c.require(len(c.interfaces) == min(len(interfaces), maxInterfaces), "the URL, binding or version of an interface")
	return nil
}

func (c *card) measurements(size int) []check.Measurement {
	out := []check.Measurement{
		{Name: "a2a.agent.card.size", Value: float64(size)},
		{Name: "a2a.agent.skills", Value: float64(c.skills)},
	}
	type kind struct{ version, binding string }
	at := map[kind]int{}
	for _, i := range c.interfaces {
		k := kind{versionOf(i), bindingOf(i)}
		if _, ok := at[k]; !ok {
			at[k] = len(out)
			out = append(out, check.Measurement{
				Name: "a2a.agent.interfaces", Attributes: map[string]string{"a2a.protocol.version": k.version, "a2a.protocol.binding": k.binding},
			})
		}
		out[at[k]].Value++
	}
	return out
}

// versionOf returns the version of the protocol without its patch level, "other"
// for one that we do not know.
func versionOf(i *a2a.AgentInterface) string {
	parts := strings.SplitN(string(i.ProtocolVersion), ".", 3)
	if len(parts) >= 2 {
		switch version := parts[0] + "." + parts[1]; version {
		case "0.1", "0.2", "0.3", "1.0":
			return version
		}
	}
	return "other"
}

func bindingOf(i *a2a.AgentInterface) string {
	switch i.ProtocolBinding {
	case a2a.TransportProtocolJSONRPC:
		return "jsonrpc"
	case a2a.TransportProtocolGRPC:
		return "grpc"
	case a2a.TransportProtocolHTTPJSON:
		return "http_json"
	default:
		return "other"
	}
}
