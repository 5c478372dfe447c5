package sdk

import (
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// Option says more about what is started. An option that does not concern what it
// is given to does nothing.
type Option func(*settings)

// settings are what the options of one start say.
type settings struct {
	workflowID, priority, tier string
	agentID, conversation      string
	toolType, toolCallID       string
	operation                  string
	remote                     bool
	attributes                 []attribute.KeyValue
	links                      []trace.Link
}

func read(options []Option) (s settings) {
	for _, option := range options {
		option(&s)
	}
	return s
}

// WithWorkflowID gives a workflow the id that its caller knows it by, workflow.id.
// Without it, a random one is made.
func WithWorkflowID(id string) Option { return func(s *settings) { s.workflowID = id } }

// WithPriority gives a workflow its priority, workflow.priority: one of few words,
// such as "low", "normal" and "high". It becomes a label of metrics.
func WithPriority(priority string) Option { return func(s *settings) { s.priority = priority } }

// WithComplexityTier tells how much work a workflow is, workflow.complexity_tier:
// one of few words, such as "simple", "moderate" and "complex". It becomes a label
// of metrics. Without it Watchkeeper derives one from what the workflow does.
func WithComplexityTier(tier string) Option { return func(s *settings) { s.tier = tier } }

// WithAgentID gives an agent its stable id, gen_ai.agent.id: that of a hosted agent
// or deployment, not one of a run.
func WithAgentID(id string) Option { return func(s *settings) { s.agentID = id } }

// WithConversationID gives a workflow or agent the conversation, session or thread
// that it is part of, gen_ai.conversation.id. What is started in it repeats it.
func WithConversationID(id string) Option { return func(s *settings) { s.conversation = id } }

// WithToolType tells what a tool is, gen_ai.tool.type: "function", "extension" or
// "datastore". Without it a tool is a function.
func WithToolType(kind string) Option { return func(s *settings) { s.toolType = kind } }

// WithToolCallID gives a tool call the id that the model gave it,
// gen_ai.tool.call.id.
func WithToolCallID(id string) Option { return func(s *settings) { s.toolCallID = id } }

// WithOperation says what a model is called for, gen_ai.operation.name: "chat",
// which is what it is without this option, "text_completion", "generate_content" or
// "embeddings".
func WithOperation(name string) Option { return func(s *settings) { s.operation = name } }

// Remote says that an agent runs as a service elsewhere: its span is of kind CLIENT,
// not INTERNAL.
func Remote() Option { return func(s *settings) { s.remote = true } }

// WithAttributes adds attributes to a span.
func WithAttributes(attributes ...attribute.KeyValue) Option {
	return func(s *settings) { s.attributes = slices.Concat(s.attributes, attributes) }
}

// WithLinks adds links to a span, such as one from a workflow to the message of the
// queue that it was taken from.
func WithLinks(links ...trace.Link) Option {
	return func(s *settings) { s.links = slices.Concat(s.links, links) }
}
