package sdk

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// Inference is one call of a model, from its start to End.
type Inference struct{ *Operation }

// Usage are the tokens of one call. Input includes CacheRead and CacheWrite, and
// Output includes Reasoning, as the GenAI conventions count; providers that report
// cached tokens apart must be added up by the caller.
type Usage struct {
	Input, Output, CacheRead, CacheWrite, Reasoning int64
}

// Response is what a model's answer says of itself. Empty fields are left out.
type Response struct {
	Model, ID     string
	FinishReasons []string
}

// StartInference begins one call of a model of a provider: "openai", "anthropic",
// "aws.bedrock", …, the names of gen_ai.provider.name. End it.
func StartInference(ctx context.Context, provider, model string, options ...Option) (context.Context, *Inference) {
	return Kit{}.StartInference(ctx, provider, model, options...)
}

// SetUsage tells the tokens that the call has used. Input and output are always
// written, the others when they are not 0.
func (i *Inference) SetUsage(u Usage) {
	attributes := append(make([]attribute.KeyValue, 0, 5),
		attribute.Int64("gen_ai.usage.input_tokens", u.Input),
		attribute.Int64("gen_ai.usage.output_tokens", u.Output))
	for _, more := range []struct {
		key   string
		count int64
	}{
		{"gen_ai.usage.cache_read.input_tokens", u.CacheRead},
		{"gen_ai.usage.cache_write.input_tokens", u.CacheWrite},
		{"gen_ai.usage.reasoning.output_tokens", u.Reasoning},
	} {
		if more.count != 0 {
			attributes = append(attributes, attribute.Int64(more.key, more.count))
		}
	}
	i.span.SetAttributes(attributes...)
}

// SetResponse tells what the answer says of itself.
func (i *Inference) SetResponse(r Response) {
	attributes := appendKnown(nil, "gen_ai.response.model", r.Model)
	attributes = appendKnown(attributes, "gen_ai.response.id", r.ID)
	if len(r.FinishReasons) > 0 {
		attributes = append(attributes, attribute.StringSlice("gen_ai.response.finish_reasons", r.FinishReasons))
	}
	i.span.SetAttributes(attributes...)
}

func startInference(ctx context.Context, tracer trace.Tracer, provider, model string, options []Option) (context.Context, *Inference) {
	s := read(options)
	operation := orElse(s.operation, "chat")
	attributes := partOf(ctx).append([]attribute.KeyValue{
		keyOperation.String(operation), attribute.String("gen_ai.provider.name", provider),
	})
	attributes = appendKnown(attributes, "gen_ai.request.model", model)
	ctx, o := start(ctx, tracer, operation, model, trace.SpanKindClient, attributes, s)
	return ctx, &Inference{o}
}
