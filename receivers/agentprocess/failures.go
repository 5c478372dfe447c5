package agentprocess

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/watchkeeper/watchkeeper/internal/proctable"
)

// quiet is how long a failure must have been absent before it is told again.
const quiet = time.Hour

// failures counts what could not be read, each time, and tells it once.
type failures struct {
	logger  *zap.Logger
	counter metric.Int64Counter
	seen    map[failure]time.Time // last occurrence; both parts come from closed lists
}

type failure struct {
	file   string
	reason proctable.Reason
}

// count adds n readings of file that failed for reason.
func (f *failures) count(ctx context.Context, file string, reason proctable.Reason, n int) {
	f.counter.Add(ctx, int64(n), metric.WithAttributes(
		attribute.String("file", file), attribute.String("reason", string(reason))))
}

// report counts faults and writes one line about those that are news. It is no
// error of the collection: a collector without rights to every process is an
// ordinary one, and what it may read is right.
func (f *failures) report(ctx context.Context, faults proctable.Faults) {
	now := time.Now()
	var news proctable.Faults
	for _, fault := range faults {
		f.count(ctx, fault.File, fault.Reason, fault.Count)
		key := failure{fault.File, fault.Reason}
		if last, known := f.seen[key]; !known || now.Sub(last) >= quiet {
			news = append(news, fault)
		}
		f.seen[key] = now
	}
	if err := news.Err(); err != nil {
		f.logger.Warn("Some processes are measured in part; this is told once and counted from now on", zap.Error(err))
	}
}
