package http

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/ohler55/ojg/jp"

	"github.com/watchkeeper/watchkeeper/internal/check"
)

// JSONExpectation is what a body of JSON must say.
type JSONExpectation struct {
	// Path is a JSONPath (RFC 9535), such as "$.checks[*].status". It must find
	// something. Scripts are refused.
	Path string
	// Value is what everything found must be: a string, a boolean, or a number of
	// any type. With nil it may be anything.
	Value any
}

// Validate checks the path and the type of the value.
func (e JSONExpectation) Validate() error {
	_, err := e.compile()
	return err
}

// jsonMatcher is a JSONExpectation that is ready for use.
type jsonMatcher struct {
	path  jp.Expr
	value any // nil, a string, a bool or a float64
}

func (e JSONExpectation) compile() (*jsonMatcher, error) {
	if e.Path == "" {
		return nil, errors.New("the JSON path must not be empty")
	}
	path, err := jp.ParseString(e.Path)
	if err != nil {
		return nil, errors.New("the JSON path is malformed")
	}
	for _, fragment := range path {
		if _, ok := fragment.(*jp.Proc); ok {
			return nil, errors.New("the JSON path must not hold a script")
		}
	}
	m := &jsonMatcher{path: path}
	switch value := reflect.ValueOf(e.Value); {
	case e.Value == nil:
	case value.Kind() == reflect.String:
		m.value = value.String()
	case value.Kind() == reflect.Bool:
		m.value = value.Bool()
	case value.CanInt():
		m.value = float64(value.Int())
	case value.CanUint():
		m.value = float64(value.Uint())
	case value.CanFloat():
		m.value = value.Float()
	default:
		return nil, fmt.Errorf("the JSON value must be a string, a number or a boolean, got %T", e.Value)
	}
	return m, nil
}

// judge compares a body with what is expected. What it says holds nothing of the
// body.
func (m *jsonMatcher) judge(body []byte) (check.ErrorType, string) {
	var data any
	if json.Unmarshal(body, &data) != nil {
		return check.Protocol, "the body is not JSON"
	}
	found := m.path.Get(data)
	if len(found) == 0 {
		return check.Assertion, "the body has nothing at the JSON path"
	}
	for _, one := range found {
		switch one.(type) {
		case map[string]any, []any:
			if m.value != nil {
				return check.Assertion, "the body has no plain value at the JSON path"
			}
		default:
			if m.value != nil && one != m.value {
				return check.Assertion, "the body has another value at the JSON path than expected"
			}
		}
	}
	return check.None, ""
}
