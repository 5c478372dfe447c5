package span

import (
	"math"
	"strconv"
	"strings"
)

// ValueKind says what a Value holds.
type ValueKind uint8

// The kinds of values.
const (
	NoValue ValueKind = iota
	StringValue
	IntValue
	FloatValue
	BoolValue
	JSONValue // a list or map, as JSON text
)

// Value is the value of an attribute. It is comparable, holds no pointer of its
// own but that of its text, and its zero value is no value at all.
type Value struct {
	kind ValueKind
	num  uint64
	text string
}

// StringOf returns a text, which is shared and not copied.
func StringOf(s string) Value { return Value{kind: StringValue, text: s} }

// IntOf returns an integer.
func IntOf(i int64) Value { return Value{kind: IntValue, num: uint64(i)} }

// FloatOf returns a floating-point number.
func FloatOf(f float64) Value { return Value{kind: FloatValue, num: math.Float64bits(f)} }

// BoolOf returns a truth value.
func BoolOf(b bool) Value {
	v := Value{kind: BoolValue}
	if b {
		v.num = 1
	}
	return v
}

// JSONOf returns a list or map of which text is the JSON. The text is shared and
// not checked.
func JSONOf(text string) Value { return Value{kind: JSONValue, text: text} }

// StringsOf returns a list of texts. It allocates the JSON that it keeps: ask
// Known before calling it for every attribute.
func StringsOf(list ...string) Value {
	text := make([]byte, 0, 64)
	text = append(text, '[')
	for i, s := range list {
		if i > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendQuote(text, strings.ToValidUTF8(s, "\uFFFD"))
	}
	return JSONOf(string(append(text, ']')))
}

// Kind says what the value holds.
func (v Value) Kind() ValueKind { return v.kind }

// Text returns the text of a string, list or map, and nothing for other kinds.
func (v Value) Text() string { return v.text }

// Int returns the number of an integer, of a whole floating-point number in the
// range of 64 bits, and of a text in decimal digits; several emitters write
// numbers as texts.
func (v Value) Int() (int64, bool) {
	switch v.kind {
	case IntValue:
		return int64(v.num), true
	case FloatValue:
		f := math.Float64frombits(v.num)
		if f == math.Trunc(f) && f >= -1<<63 && f < 1<<63 {
			return int64(f), true
		}
	case StringValue:
		if len(v.text) > 0 && len(v.text) < 20 {
			i, err := parseInt(v.text)
			return i, err
		}
	}
	return 0, false
}

// parseInt is strconv.ParseInt without the error that it allocates: much of what
// is asked for is no number.
func parseInt(s string) (int64, bool) {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || len(digits) > 18 {
		return 0, false
	}
	var n int64
	for i := range len(digits) {
		c := digits[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if len(digits) != len(s) {
		n = -n
	}
	return n, true
}

// Float returns the number of an integer, of a floating-point number that is
// neither infinite nor NaN, and of a text.
func (v Value) Float() (float64, bool) {
	switch v.kind {
	case IntValue:
		return float64(int64(v.num)), true
	case FloatValue:
		f := math.Float64frombits(v.num)
		return f, !math.IsNaN(f) && !math.IsInf(f, 0)
	case StringValue:
		f, err := strconv.ParseFloat(v.text, 64)
		return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
	}
	return 0, false
}

// Bool returns the truth of a truth value or of the texts true and false.
func (v Value) Bool() (value, ok bool) {
	switch v.kind {
	case BoolValue:
		return v.num != 0, true
	case StringValue:
		switch v.text {
		case "true", "True", "TRUE":
			return true, true
		case "false", "False", "FALSE":
			return false, true
		}
	}
	return false, false
}
