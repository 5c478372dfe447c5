package proctable

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/proctable/proctabletest"
)

func TestTwentyThousandProcesses(t *testing.T) {
	const n = 20_000
	tree := proctabletest.New(t)
	for pid := 1; pid <= n; pid++ {
		tree.SetBare(pid, proctabletest.Process{Comm: fmt.Sprintf("c%d", pid), Parent: pid / 2, Start: uint64(pid), User: uint64(pid), Pages: int64(pid), VSize: 1})
	}
	table := open(t, tree.Root)
	var images map[int]*Image
	for range 2 {
		got, _ := snapshot(t, table)
		require.Len(t, got, n)
		for pid, p := range got {
			want := Process{
				ID: ID{pid, uint64(pid)}, Image: p.Image, Parent: pid / 2, State: Sleeping, VSize: 1,
				RSS: int64(pid) * proctabletest.PageSize, UserTime: time.Duration(pid) * tick, CPUTime: time.Duration(pid) * tick,
				CPUKnown: p.CPUKnown,
			}
			if p != want || p.Image.Comm != fmt.Sprintf("c%d", pid) {
				require.Equal(t, want, p)
			}
		}
		if images == nil {
			images = map[int]*Image{}
			for pid, p := range got {
				images[pid] = p.Image
			}
		}
		for pid, p := range got {
			if images[pid] != p.Image {
				require.Same(t, images[pid], p.Image)
			}
		}
	}
	ids := make([]ID, 0, n)
	for _, p := range table.listed {
		ids = append(ids, p.ID)
	}
	table.Watch(ids)
	require.Equal(t, n, table.watch.watched)
	const left = n - 2000
	for pid := left + 1; pid <= n; pid++ {
		tree.Remove(pid)
	}
	got, _ := snapshot(t, table)
	require.Len(t, got, left)
	require.Len(t, table.records, left)
	require.Equal(t, left, table.watch.watched)
}
