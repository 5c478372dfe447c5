package mcp

import (
	"context"
	"maps"
	"reflect"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// carry returns the request with the current trace in its _meta. What the caller
// has handed over is not changed: it may use the same parameters for several calls
// at once.
func (m *middleware) carry(ctx context.Context, method string, request mcp.Request) mcp.Request {
	params := request.GetParams()
	if isNil(params) {
		if params = emptyParams(method); params == nil {
			return request
		}
	}
	trace := make(carrier, 3)
	m.propagator.Inject(ctx, trace)
	if len(trace) == 0 {
		return request
	}
	value := reflect.ValueOf(params)
	if value.Kind() != reflect.Pointer || value.Elem().Kind() != reflect.Struct {
		return request
	}
	copied := reflect.New(value.Type().Elem())
	copied.Elem().Set(value.Elem())
	own := copied.Interface().(mcp.Params)
	meta := make(map[string]any, len(params.GetMeta())+len(trace))
	maps.Copy(meta, params.GetMeta())
	maps.Copy(meta, trace)
	own.SetMeta(meta)
	return withParams(request, own)
}

// emptyParams returns new parameters for a method that may be called without any.
func emptyParams(method string) mcp.Params {
	switch method {
	case "ping":
		return &mcp.PingParams{}
	case "tools/list":
		return &mcp.ListToolsParams{}
	case "prompts/list":
		return &mcp.ListPromptsParams{}
	case "resources/list":
		return &mcp.ListResourcesParams{}
	case "resources/templates/list":
		return &mcp.ListResourceTemplatesParams{}
	}
	return nil
}

// withParams returns the request with other parameters.
func withParams(request mcp.Request, params mcp.Params) mcp.Request {
	value := reflect.ValueOf(request)
	if value.Kind() != reflect.Pointer || value.Elem().Kind() != reflect.Struct {
		return request
	}
	copied := reflect.New(value.Type().Elem())
	copied.Elem().Set(value.Elem())
	field := copied.Elem().FieldByName("Params")
	if !field.IsValid() || !field.CanSet() || !reflect.TypeOf(params).AssignableTo(field.Type()) {
		return request
	}
	field.Set(reflect.ValueOf(params))
	return copied.Interface().(mcp.Request)
}

func metaOf(request mcp.Request) map[string]any {
	params := request.GetParams()
	if isNil(params) {
		return nil
	}
	return params.GetMeta()
}

// carrier is _meta as a propagator sees it.
type carrier map[string]any

// Get returns the text under a key.
func (c carrier) Get(key string) string {
	text, _ := c[key].(string)
	return text
}

// Set puts a text under a key.
func (c carrier) Set(key, value string) { c[key] = value }

// Keys returns every key.
func (c carrier) Keys() []string {
	keys := make([]string, 0, len(c))
	for key := range c {
		keys = append(keys, key)
	}
	return keys
}
