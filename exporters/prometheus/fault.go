package prometheus

import (
	"time"

	"go.uber.org/zap"
)

// A reason says why a point is not exposed.
type reason uint8

const (
	conflicting reason = iota
	overLimit
	malformed
	nameless
	late
	temporality
	reasons
)

func (r reason) String() string {
	return [reasons]string{"conflict", "limit", "malformed", "name", "out_of_order", "temporality"}[r]
}

// advice is what is logged, once a metric, for a reason that someone can mend.
var advice = [reasons]string{
	conflicting: "dropping points: another metric has the same name and another type, or writes lines of that name",
	overLimit:   "dropping points of new series: max_series is reached",
	malformed:   "dropping points that contradict themselves or have no value",
	nameless:    "dropping points: no character of the metric's name can be used",
	temporality: "dropping points: temporality is unspecified, or delta and delta_temporality is drop",
}

func (b *batch) drop(r reason, points int) {
	b.outcome.dropped[r] += int64(points)
	if advice[r] != "" && points > 0 {
		b.tell(advice[r], b.metric.Name())
	}
}

func (in *intake) tell(message, metric string) {
	key := message
	if message != advice[overLimit] { // a full store is one fault, whatever meets it
		key += metric
	}
	if _, known := in.told.Get(key); known {
		return
	}
	if _, ok := in.told.GetOrCreate(time.Time{}, key, func() struct{} { return struct{}{} }); ok {
		in.logger.Warn(message, zap.String("metric", metric))
	}
}
