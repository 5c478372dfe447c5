package jaeger

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/watchkeeper/watchkeeper/exporters/jaeger/internal/metadata"
	"github.com/watchkeeper/watchkeeper/internal/boundedmap"
)

const (
	// maxMessages bounds the messages of partial successes that are remembered. A
	// server that has a new one for each request is not logged beyond it.
	maxMessages = 100
	// messageSilence is how long a message must have been away to be logged again.
	messageSilence = time.Hour
)

// partialSuccesses counts the spans that a server rejected from requests that it
// took, and logs each of its messages once. It is safe for concurrent use.
type partialSuccesses struct {
	logger    *zap.Logger
	telemetry *metadata.TelemetryBuilder

	mu sync.Mutex
	// messages are those that have been logged.
	messages *boundedmap.Map[string, struct{}]
}

func newPartialSuccesses(logger *zap.Logger, telemetry *metadata.TelemetryBuilder) *partialSuccesses {
	return &partialSuccesses{
		logger: logger, telemetry: telemetry,
		messages: boundedmap.New[string, struct{}](maxMessages, messageSilence),
	}
}

// observe takes in what an answer to a request of so many spans said. A message
// without rejected spans is a warning: OTLP specification, "Partial Success".
func (p *partialSuccesses) observe(ctx context.Context, now time.Time, answer ptraceotlp.ExportPartialSuccess, spans int) {
	// A counter must not believe a number that cannot be.
	rejected := max(0, min(answer.RejectedSpans(), int64(spans)))
	if rejected == 0 && answer.ErrorMessage() == "" {
		return
	}
	if rejected > 0 {
		p.telemetry.ExporterJaegerRejectedSpans.Add(ctx, rejected)
	}
	message := shorten(answer.ErrorMessage())
	if p.isNew(now, message) {
		p.logger.Warn("Jaeger took the request but has something to say about it",
			zap.Int64("rejected_spans", rejected), zap.Int("sent_spans", spans), zap.String("message", message))
	}
}

func (p *partialSuccesses) isNew(now time.Time, message string) (isNew bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.messages.Expire(now)
	p.messages.GetOrCreate(now, message, func() struct{} {
		isNew = true
		return struct{}{}
	})
	return isNew
}
