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

// full is the reason for what is left out on purpose, to stay within bounds.
const full proctable.Reason = "full"

// count adds n readings of file that failed for reason.
func (f *failures) count(ctx context.Context, file string, reason proctable.Reason, n int) {
	f.counter.Add(ctx, int64(n), metric.WithAttributes(
		attribute.String("file", file), attribute.String("reason", string(reason))))
}

// report counts faults and writes one line about those that are news. It is no
// error of the collection: a collector without rights to every process is an
// ordinary one, and what it may read is right.
func (f *failures) report(ctx context.Context, faults proctable.Faults) {
	var news proctable.Faults
	for _, fault := range faults {
		f.count(ctx, fault.File, fault.Reason, fault.Count)
		if f.news(fault.File, fault.Reason) {
			news = append(news, fault)
		}
	}
	if err := news.Err(); err != nil {
		f.logger.Warn("Some processes are measured in part; this is told once and counted from now on", zap.Error(err))
	}
}

// full tells that there is no more room for something.
func (f *failures) full(what string) {
	if f.news(what, full) {
		f.logger.Warn("There is no room for more; this is told once and counted from now on", zap.String("of", what), zap.String("setting", "max_"+what))
	}
}

// host counts, and tells once, what could not be read of the host.
func (f *failures) host(ctx context.Context, file string, err error) {
	var faults proctable.Faults
	faults.Add(file, err)
	for _, fault := range faults {
		f.count(ctx, file, fault.Reason, 1)
		if f.news(file, fault.Reason) {
			f.logger.Warn("The host is measured in part; this is told once and counted from now on", zap.String("file", file), zap.Error(err))
		}
	}
}

// news tells whether a failure has not occurred for long, and notes that it did.
func (f *failures) news(file string, reason proctable.Reason) bool {
	now, key := time.Now(), failure{file, reason}
	last, known := f.seen[key]
	f.seen[key] = now
	return !known || now.Sub(last) >= quiet
}
