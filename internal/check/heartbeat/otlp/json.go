package otlp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/watchkeeper/watchkeeper/internal/check/guard"
)

// maxDepth is how many objects and lists of a request in JSON may be open at once. A
// request without nested attribute values needs 14.
const maxDepth = 64

// keys are those under which a request in JSON holds its parts.
type keys struct{ batches, scopes, items string }

func (s Signal) keys() keys {
	switch s {
	case Metrics:
		return keys{"resourceMetrics", "scopeMetrics", "metrics"}
	case Logs:
		return keys{"resourceLogs", "scopeLogs", "logRecords"}
	default:
		return keys{"resourceSpans", "scopeSpans", "spans"}
	}
}

// JSON walks a request in the JSON encoding, token by token.
func (r *Reader) JSON(signal Signal, body []byte) error {
	limits := guard.Limits{Bytes: len(body), Depth: maxDepth, Values: len(body) + 1}
	d := json.NewDecoder(guard.JSON(bytes.NewReader(body), limits))
	d.UseNumber()
	w := walker{d}
	at := signal.keys()
	err := w.object(func(key string) error {
		if key != at.batches {
			return w.skip()
		}
		return w.list(func() error { return r.batch(w, at) })
	})
	if err == nil {
		err = w.end()
	}
	if err != nil && !errors.Is(err, ErrMalformed) {
		err = fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return err
}

func (r *Reader) batch(w walker, at keys) error {
	r.begin()
	err := w.object(func(key string) error {
		switch key {
		case "resource":
			return w.object(func(key string) error {
				if key != "attributes" {
					return w.skip()
				}
				return w.list(func() error { return r.jsonAttribute(w) })
			})
		case at.scopes:
			return w.list(func() error {
				return w.object(func(key string) error {
					if key != at.items {
						return w.skip()
					}
					return w.list(func() error { return r.jsonItem(w) })
				})
			})
		}
		return w.skip()
	})
	if err == nil {
		r.end()
	}
	return err
}

// jsonItem reads a span, metric or record. No other item than a span has the key.
func (r *Reader) jsonItem(w walker) error {
	var ended uint64
	err := w.object(func(key string) error {
		if key != "endTimeUnixNano" {
			return w.skip()
		}
		text, _, err := w.text()
		if err != nil || text == "" {
			return err
		}
		if ended, err = strconv.ParseUint(text, 10, 64); err != nil {
			return fmt.Errorf("%w: endTimeUnixNano is no number", ErrMalformed)
		}
		return nil
	})
	r.item(ended)
	return err
}

func (r *Reader) jsonAttribute(w walker) error {
	var name, value string
	var told bool
	err := w.object(func(key string) (err error) {
		switch key {
		case "key":
			name, _, err = w.text()
			return err
		case "value":
			return w.object(func(key string) (err error) {
				if key != "stringValue" {
					return w.skip()
				}
				value, told, err = w.text()
				return err
			})
		}
		return w.skip()
	})
	if err == nil && told && len(value) <= maxValue && r.Wanted[name] {
		r.resource.Attributes[name] = value
	}
	return err
}

// walker reads JSON without keeping it. What it walks is no deeper than its source
// lets it be.
type walker struct{ d *json.Decoder }

// object calls f for each key of an object, which must read the value. A null is an
// empty object.
func (w walker) object(f func(key string) error) error {
	return w.inside('{', func() error {
		key, err := w.d.Token()
		if err != nil {
			return err
		}
		return f(key.(string)) // the decoder has no other keys
	})
}

// list calls f for each element of a list, which must read it. A null is an empty
// list.
func (w walker) list(f func() error) error { return w.inside('[', f) }

func (w walker) inside(open json.Delim, each func() error) error {
	token, err := w.d.Token()
	if err != nil {
		return err
	}
	switch token {
	case nil:
		return nil
	case open:
	default:
		return fmt.Errorf("%w: want %s, got %T", ErrMalformed, open, token)
	}
	for w.d.More() {
		if err := each(); err != nil {
			return err
		}
	}
	_, err = w.d.Token()
	return err
}

// text reads a string or a number; ok is false for anything else.
func (w walker) text() (text string, ok bool, err error) {
	if !w.d.More() {
		return "", false, io.ErrUnexpectedEOF
	}
	token, err := w.d.Token()
	switch value := token.(type) {
	case string:
		return value, true, err
	case json.Number:
		return value.String(), true, err
	case json.Delim:
		return "", false, w.leave(1)
	}
	return "", false, err
}

// skip reads one value of any kind.
func (w walker) skip() error {
	token, err := w.d.Token()
	if _, nested := token.(json.Delim); nested && err == nil {
		return w.leave(1)
	}
	return err
}

// leave reads up to the end of the depth-th list or object around.
func (w walker) leave(depth int) error {
	for depth > 0 {
		token, err := w.d.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
	}
	return nil
}

// end makes sure that nothing follows.
func (w walker) end() error {
	switch _, err := w.d.Token(); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("%w: there is more than one value", ErrMalformed)
}
