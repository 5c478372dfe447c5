package prometheus

import (
	"errors"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/watchkeeper/watchkeeper/internal/expo"
	"github.com/watchkeeper/watchkeeper/internal/series"
)

// handover is how long the resource that target_info shows for a job and
// instance must have been silent before another takes its place. Long enough
// that two live resources do not take turns, since each turn would be a new
// series; short enough that a restarted agent shows its new attributes soon.
const handover = time.Minute

// target is what target_info shows for a job and instance. There is one at a
// time: with two, every join on job and instance would fail.
type target struct {
	resource series.ID
	handle   expo.Handle
	shown    bool
	seen     time.Time
}

// describe keeps target_info of a resource exposed.
func (in *intake) describe(now time.Time, id series.ID, resource pcommon.Map) {
	job, instance := identity(resource)
	if job == "" && instance == "" {
		return
	}
	t, ok := in.targets.GetOrCreate(now, job+"\xff"+instance, func() *target { return &target{} })
	if !ok {
		return
	}
	if t.shown && t.resource != id {
		if now.Sub(t.seen) < handover {
			return
		}
		in.store.Remove(&t.handle)
		t.shown = false
	}
	t.resource, t.seen = id, now
	one := expo.Sample{Value: 1}
	if t.shown {
		if _, err := in.store.Set(now, &t.handle, &one); !errors.Is(err, expo.ErrGone) {
			return
		}
	}
	labels, renamed := in.naming.target(resource)
	t.handle = expo.Handle{}
	_, err := in.store.Open(now, &t.handle, expo.Description{Family: in.naming.targetFamily(), Labels: labels})
	if t.shown = err == nil; !t.shown {
		in.tell("a resource is missing from target_info: "+err.Error(), in.naming.targetFamily().Name)
		return
	}
	in.renamed += uint64(renamed)
	_, _ = in.store.Set(now, &t.handle, &one) // just opened, and a gauge
}
