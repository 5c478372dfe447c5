package contract

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	// maxProperties is how many properties of a schema are kept.
	maxProperties = 256
	// maxLevels is how deep a schema is followed.
	maxLevels = 8
	// maxPath and maxType are how much is kept of a path and of a type, in bytes.
	maxPath, maxType = 200, 64
)

// properties are those of a schema by their path: "filter.tags[]" is an element of
// the array tags of the object filter, "#/$defs/Point.x" one of a definition. The
// path of the value itself is empty.
type properties map[string]property

// property says which types and values it may have, sorted, and whether it is
// always there. A value is kept with its type, "string=\"asc\""; what cannot be
// compared, as a hash.
type property struct {
	Types    []string `json:"t"`
	Required bool     `json:"r,omitempty"`
}

// propertiesOf returns the properties of a schema, nil for none.
func propertiesOf(schema any) properties {
	if schema == nil {
		return nil
	}
	p := properties{}
	p.add("", schema, false, maxLevels)
	root, _ := schema.(map[string]any)
	for _, keyword := range []string{"$defs", "definitions"} {
		definitions, _ := root[keyword].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(definitions)) {
			p.add("#/"+keyword+"/"+name, definitions[name], false, maxLevels)
		}
	}
	return p
}

func (p properties) add(path string, schema any, required bool, levels int) {
	path = shortened(path, maxPath)
	known, again := p[path]
	if !again && len(p) == maxProperties {
		return
	}
	object, _ := schema.(map[string]any)
	types := typesOf(schema)
	if again && !slices.Equal(types, []string{"any"}) && !slices.Equal(known.Types, []string{"any"}) {
		// Both hold, as in allOf; that the set is too large is no matter, as the same
		// is done to what it is compared with.
		types = append(types, known.Types...)
	} else if again && slices.Equal(types, []string{"any"}) {
		types = known.Types
	}
	slices.Sort(types)
	p[path] = property{Types: slices.Compact(types), Required: required || known.Required}
	if levels == 0 {
		return
	}
	p.addMembers(path, object, levels)
	for _, part := range list(object["allOf"]) {
		p.add(path, part, required, levels-1)
	}
	if items, ok := object["items"]; ok {
		p.add(path+"[]", items, false, levels-1)
	}
}

// addMembers adds the properties of an object, and those that are required without
// being described.
func (p properties) addMembers(path string, object map[string]any, levels int) {
	members, _ := object["properties"].(map[string]any)
	names := slices.Collect(maps.Keys(members))
	required := map[string]bool{}
	for _, name := range list(object["required"]) {
		if name, ok := name.(string); ok && !required[name] {
			required[name] = true
			if _, described := members[name]; !described {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	for _, name := range names {
		child := name
		if path != "" {
			child = path + "." + name
		}
		member, described := members[name]
		if !described {
			member = true
		}
		p.add(child, member, required[name], levels-1)
	}
}

// typesOf returns the types and values that a schema allows, as far as it says so by
// itself.
func typesOf(schema any) []string {
	if allowed, ok := schema.(bool); ok && !allowed {
		return []string{"never"}
	}
	object, _ := schema.(map[string]any)
	if value, ok := object["const"]; ok {
		return []string{literal(value)}
	}
	if values := list(object["enum"]); len(values) > 0 {
		return each(values, literal)
	}
	var types []string
	if reference, ok := object["$ref"].(string); ok {
		types = append(types, shortened("ref "+reference, maxType))
	}
	switch named := object["type"].(type) {
	case string:
		types = append(types, shortened(named, maxType))
	case []any:
		types = append(types, each(named, func(name any) string { return shortened(fmt.Sprint(name), maxType) })...)
	}
	for _, keyword := range []string{"anyOf", "oneOf"} {
		for _, alternative := range list(object[keyword]) {
			types = append(types, alternativeOf(alternative)...)
		}
	}
	if len(types) == 0 {
		return []string{"any"}
	}
	return types
}

// alternativeOf returns the types of a schema that is one of several: those of one
// that is simple, and the hash of one that describes properties.
func alternativeOf(schema any) []string {
	object, _ := schema.(map[string]any)
	for _, keyword := range []string{"properties", "items", "allOf", "anyOf", "oneOf"} {
		if _, ok := object[keyword]; ok {
			return []string{"#" + hash(schema)}
		}
	}
	return typesOf(schema)
}

// literal returns a value with its type.
func literal(value any) string {
	kind := "object"
	switch value := value.(type) {
	case nil:
		return "null"
	case bool:
		kind = "boolean"
	case string:
		kind = "string"
	case float64:
		kind = "number"
		if value == float64(int64(value)) {
			kind = "integer"
		}
	case []any:
		kind = "array"
	}
	text, err := json.Marshal(value)
	if err != nil {
		text = []byte(hash(value))
	}
	return shortened(kind+"="+string(text), maxType)
}

// covers is true when a value of the type is one of the types.
func covers(types []string, member string) bool {
	kind, _, _ := strings.Cut(member, "=")
	return slices.Contains(types, member) || slices.Contains(types, "any") || slices.Contains(types, kind) ||
		kind == "integer" && slices.Contains(types, "number") || member == "never"
}

// allCovered is true when every value of some types is one of others.
func allCovered(types, others []string) bool {
	return !slices.ContainsFunc(types, func(member string) bool { return !covers(others, member) })
}

func list(value any) []any {
	values, _ := value.([]any)
	return values
}

func each(values []any, f func(any) string) []string {
	texts := make([]string, 0, len(values))
	for _, v := range values {
		texts = append(texts, f(v))
	}
	return texts
}
