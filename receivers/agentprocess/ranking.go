package agentprocess

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/watchkeeper/watchkeeper/receivers/agentprocess/internal/metadata"
)

// ranking shows the processes that take most, and all others as one.
type ranking struct {
	length int // 0 for none
	sorted []*member
}

// rest is the rank of the processes that have none of their own.
const rest = "rest"

func (r *ranking) record(m *metadata.MetricsBuilder, at pcommon.Timestamp, elapsed time.Duration, members []*member) {
	if r.length == 0 {
		return
	}
	r.sorted = append(r.sorted[:0], members...)
	r.by(func(p *member) int64 { return p.memory }, func(rank, group, command string, memory int64) {
		m.RecordAgentProcessTopMemoryUsageDataPoint(at, memory, rank, group, command)
	}, m, at, metadata.AttributeKindMemory)
	if elapsed <= 0 {
		return
	}
	r.by(func(p *member) int64 {
		if !p.CPUKnown {
			return 0
		}
		return int64(p.CPUUsed)
	}, func(rank, group, command string, used int64) {
		m.RecordAgentProcessTopCPUUsageDataPoint(at, 100*time.Duration(used).Seconds()/elapsed.Seconds(), rank, group, command)
	}, m, at, metadata.AttributeKindCPU)
	r.by(func(p *member) int64 { return int64(p.diskMoved) }, func(rank, group, command string, moved int64) {
		m.RecordAgentProcessTopDiskIoDataPoint(at, float64(moved)/elapsed.Seconds(), rank, group, command)
	}, m, at, metadata.AttributeKindDiskIo)
}

// by ranks by one measure. What takes nothing has no rank, and what takes the same
// keeps its order from one collection to the next.
func (r *ranking) by(measure func(*member) int64, show func(rank, group, command string, value int64), m *metadata.MetricsBuilder, at pcommon.Timestamp, kind metadata.AttributeKind) {
	slices.SortFunc(r.sorted, func(a, b *member) int {
		return cmp.Or(cmp.Compare(measure(b), measure(a)), cmp.Compare(a.ID.Start, b.ID.Start), cmp.Compare(a.ID.PID, b.ID.PID))
	})
	var others int64
	for i, p := range r.sorted {
		value := measure(p)
		if i >= r.length || value == 0 {
			others += value
			continue
		}
		rank := strconv.Itoa(i + 1)
		show(rank, p.group.name, strings.ToValidUTF8(p.Image.Comm, "�"), value)
		m.RecordAgentProcessTopPidDataPoint(at, int64(p.ID.PID), kind, rank)
	}
	show(rest, "", "", others)
}
