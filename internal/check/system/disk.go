package system

import (
	"context"
	"errors"

	"github.com/shirou/gopsutil/v4/disk"
)

var errDiskHangs = errors.New("the file system still does not answer an earlier run")

// diskUsage asks one file system how full it is. A dead network mount blocks the
// question for ever, so it is asked in the background, and not again before it is
// answered.
type diskUsage struct {
	path    string
	pending chan diskAnswer
}

type diskAnswer struct {
	percent float64
	err     error
}

func (d *diskUsage) percent(ctx context.Context) (float64, error) {
	if d.pending != nil {
		select {
		case <-d.pending:
		default:
			return 0, errDiskHangs
		}
	}
	pending := make(chan diskAnswer, 1)
	d.pending = pending
	go func() {
		usage, err := disk.UsageWithContext(ctx, d.path)
		if err != nil {
			pending <- diskAnswer{err: err}
			return
		}
		pending <- diskAnswer{percent: usage.UsedPercent}
	}()
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case a := <-pending:
		d.pending = nil
		return a.percent, a.err
	}
}
