package otlp

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// Numbers of the fields that are walked. They are the same for the three signals:
// a request holds batches of a resource, a batch its resource and scopes, a scope its
// items.
const (
	requestBatches  = 1
	batchResource   = 1
	batchScopes     = 2
	scopeItems      = 2
	resourceAttrs   = 1
	keyValueKey     = 1
	keyValueValue   = 2
	anyValueString  = 1
	spanEndUnixNano = 8
)

// Protobuf walks a request in the binary encoding. Messages nest to a fixed depth
// here; what lies deeper is passed over by its length.
func (r *Reader) Protobuf(signal Signal, body []byte) error {
	return messages(body, requestBatches, func(batch []byte) error {
		r.begin()
		err := fields(batch, func(number protowire.Number, value []byte, _ uint64) error {
			switch number {
			case batchResource:
				return messages(value, resourceAttrs, r.attribute)
			case batchScopes:
				return messages(value, scopeItems, func(item []byte) error { return r.protobufItem(signal, item) })
			}
			return nil
		})
		if err == nil {
			r.end()
		}
		return err
	})
}

func (r *Reader) protobufItem(signal Signal, item []byte) error {
	var ended uint64
	err := fields(item, func(number protowire.Number, value []byte, fixed uint64) error {
		if signal == Traces && number == spanEndUnixNano && value == nil {
			ended = fixed
		}
		return nil
	})
	r.item(ended)
	return err
}

func (r *Reader) attribute(keyValue []byte) error {
	var key, text []byte
	err := fields(keyValue, func(number protowire.Number, value []byte, _ uint64) error {
		switch number {
		case keyValueKey:
			key = value
		case keyValueValue:
			return messages(value, anyValueString, func(s []byte) error {
				text = s
				return nil
			})
		}
		return nil
	})
	if err == nil && text != nil && len(text) <= maxValue && r.Wanted[string(key)] {
		r.resource.Attributes[string(key)] = string(text)
	}
	return err
}

// messages calls f for each value of one length-delimited field.
func messages(message []byte, number protowire.Number, f func([]byte) error) error {
	return fields(message, func(n protowire.Number, value []byte, _ uint64) error {
		if n != number || value == nil {
			return nil
		}
		return f(value)
	})
}

// fields calls f for each field of a message: with the bytes of one that has a length,
// never nil, or with the number that it is. Groups, which the protocol never had, are
// malformed here: they are what would nest without a length.
func fields(message []byte, f func(number protowire.Number, value []byte, fixed uint64) error) error {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return fmt.Errorf("%w: %w", ErrMalformed, protowire.ParseError(n))
		}
		message = message[n:]
		var value []byte
		var fixed uint64
		switch kind {
		case protowire.BytesType:
			value, n = protowire.ConsumeBytes(message)
			if value == nil {
				value = message[:0]
			}
		case protowire.VarintType:
			fixed, n = protowire.ConsumeVarint(message)
		case protowire.Fixed64Type:
			fixed, n = protowire.ConsumeFixed64(message)
		case protowire.Fixed32Type:
			var narrow uint32
			narrow, n = protowire.ConsumeFixed32(message)
			fixed = uint64(narrow)
		default:
			return fmt.Errorf("%w: field %d has wire type %d", ErrMalformed, number, kind)
		}
		if n < 0 {
			return fmt.Errorf("%w: field %d: %w", ErrMalformed, number, protowire.ParseError(n))
		}
		message = message[n:]
		if err := f(number, value, fixed); err != nil {
			return err
		}
	}
	return nil
}
