package span

import "strings"

// dialect is the table of one way of telling what agents do. A new one is a table
// in a file of its own, a line in allDialects, and a golden file.
type dialect struct {
	name string
	// namespaces are prefixes of keys that programs without agents do not use.
	namespaces []string
	// scopes are prefixes of the instrumentation scopes that speak the dialect.
	scopes []string
	// agentic says that these scopes speak of agents only, attributes or not.
	agentic bool
	// fields are the span attributes that are read, events those of span events.
	fields []field
	events []eventField
	// triggers are the slots of which one must be filled, or the scope must be one of
	// the dialect's, for classify to be called; a dialect with always is asked anyhow.
	triggers []slot
	always   bool
	// classify says what the span is, and fills in what only this dialect can know. It
	// returns false to leave the span to the next dialect. A table without it only adds
	// keys.
	classify func(s *Span, m *Meaning) bool
	// content are the keys with content in them; one that ends in a star is a prefix.
	content []string
}

// field is a key that fills a slot. Of several that fill the same slot, the lowest
// rank wins.
type field struct {
	key  string
	slot slot
	rank uint8
}

type eventField struct {
	event, key string
	slot       slot
	rank       uint8
}

type eventKey struct{ event, key string }

// place is where a key belongs.
type place struct {
	slot slot
	rank uint8
}

// dialects is a set of them, by their index in allDialects.
type dialects uint32

// allDialects stand in the order in which they are asked.
var allDialects = [...]*dialect{
	&crewAI, &a2aPython, // these scopes are noise first of all
	&mcp,
	&traceloop, // before otel: its workflows say that they are invoke_agent
	&vercel, &genkit, &mastra, &adk, &agentFramework, &autogen, &strands, &openLIT, &pydanticAI,
	&langSmith, // before otel: its operation may be the raw type of a run
	&a2a,
	&otel,
	&openInference,
	&sdk,
	&names,
	&database, &network,
}

// What follows is made from the tables once and never written to again.
var (
	spanFields, eventFields                       = indexFields()
	contentKeys, contentPrefixes, contentInitials = indexContent()
	slotDialects, alwaysAsked, everAsked          = indexTriggers()
	agentNamespaces, agentScopes                  = indexAgentic()
)

func indexFields() (*keyTable, map[eventKey]place) {
	span, event := make(map[string]place), make(map[eventKey]place)
	for _, d := range allDialects {
		for _, f := range d.fields {
			span[f.key] = place{f.slot, f.rank}
		}
		for _, f := range d.events {
			event[eventKey{f.event, f.key}] = place{f.slot, f.rank}
		}
	}
	return newKeyTable(span), event
}

func indexContent() (exact map[string]struct{}, prefixes []string, initials [256]bool) {
	exact = make(map[string]struct{})
	for _, d := range allDialects {
		for _, key := range d.content {
			if prefix, ok := strings.CutSuffix(key, "*"); ok {
				prefixes = append(prefixes, prefix)
				initials[prefix[0]] = true
			} else {
				exact[key] = struct{}{}
			}
		}
	}
	return exact, prefixes, initials
}

// indexTriggers says which dialects a slot triggers, which are asked always, and
// which can be asked at all.
func indexTriggers() (bySlot [slotCount]dialects, always, ever dialects) {
	for i, d := range allDialects {
		if d.classify == nil {
			continue
		}
		ever |= 1 << i
		if d.always {
			always |= 1 << i
		}
		for _, s := range d.triggers {
			bySlot[s] |= 1 << i
		}
	}
	return bySlot, always, ever
}

func indexAgentic() (namespaces, scopes []string) {
	for _, d := range allDialects {
		namespaces = append(namespaces, d.namespaces...)
		if d.agentic {
			scopes = append(scopes, d.scopes...)
		}
	}
	return namespaces, scopes
}

// marks says which dialects the scope of the span is known for.
func (s *Span) marks() dialects {
	if s.Scope == s.scopeSeen {
		return s.scopeMarks
	}
	s.scopeSeen, s.scopeMarks = s.Scope, 0
	for i, d := range allDialects {
		if hasPrefix(s.Scope, d.scopes) {
			s.scopeMarks |= 1 << i
		}
	}
	return s.scopeMarks
}

func hasPrefix(s string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}
