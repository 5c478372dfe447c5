package sdk

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
)

// part is what a context knows of the work that it is part of. The spans of one
// process repeat it, so that a single span found by a search tells where it belongs.
type part struct {
	workflowID, conversation, agent string
}

type partKey struct{}

func partOf(ctx context.Context) part {
	p, _ := ctx.Value(partKey{}).(part)
	return p
}

func (p part) with(ctx context.Context) context.Context { return context.WithValue(ctx, partKey{}, p) }

func (p part) append(attributes []attribute.KeyValue) []attribute.KeyValue {
	attributes = appendKnown(attributes, keyWorkflowID, p.workflowID)
	attributes = appendKnown(attributes, keyConversation, p.conversation)
	return appendKnown(attributes, keyAgent, p.agent)
}
