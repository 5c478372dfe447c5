package agentprocess

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/watchkeeper/watchkeeper/internal/proctable"
	"github.com/watchkeeper/watchkeeper/internal/proctable/lineage"
	"github.com/watchkeeper/watchkeeper/receivers/agentprocess/internal/metadata"
)

// processScraper looks at all processes once a collection. The controller calls it
// from one goroutine at a time.
type processScraper struct {
	matcher   matcher
	table     *proctable.Table
	forest    *lineage.Forest
	groups    *groups
	meter     meter
	failures  failures
	telemetry *metadata.TelemetryBuilder
	// recorder is nil when nobody wants metrics, exits when nobody wants events.
	recorder *recorder
	exits    *exits
	emit     func(event) // nil when nobody wants events

	pass    uint64
	last    time.Time // of the previous collection, at first of the start
	refused uint64    // by the forest so far
	tracked map[proctable.ID]*tracked
	members []*member
	orphans []tree

	listed  []lineage.Process // memory for one collection
	entries []*tracked
	ids     []proctable.ID
	ended   []proctable.ID
}

// tree is an orphaned tree with what the forest does not know of it.
type tree struct {
	lineage.Tree
	top    *member
	memory int64
}

func (s *processScraper) scrape(ctx context.Context) (pmetric.Metrics, error) {
	snapshot, err := s.table.Snapshot()
	var faults proctable.Faults
	if err != nil && !errors.As(err, &faults) {
		return pmetric.NewMetrics(), err
	}
	now := time.Now()
	s.pass++
	s.groups.begin()
	s.track(snapshot.Processes, &faults)
	if s.exits != nil {
		s.ended = s.exits.taken(s.ended[:0])
	}
	places, trees := s.forest.Step(now, s.listed, s.ended)
	s.enlist(snapshot.Processes, places)
	s.forget()
	s.watch(now, &faults)
	if overBudget := s.meter.measure(now, snapshot.Elapsed, s.members, &faults); overBudget > 0 {
		s.failures.count(ctx, "smaps_rollup", "budget", overBudget)
	}
	s.gather(places, trees)
	s.overflow(ctx)
	s.failures.report(ctx, faults)
	for _, t := range s.orphans {
		if t.New && s.emit != nil {
			s.emit(event{what: orphaned, at: now, subject: t.top.subject(), size: t.Processes, memory: t.memory})
		}
	}
	metrics := pmetric.NewMetrics()
	if s.recorder != nil {
		metrics = s.recorder.record(ctx, now, snapshot.Elapsed, s.groups.list, s.orphans, s.members)
	}
	s.groups.end(now) // after its zeros were shown once
	s.last = now
	return metrics, nil
}

// track finds out what each process is, once for each program that it runs.
func (s *processScraper) track(processes []proctable.Process, faults *proctable.Faults) {
	s.listed, s.entries = s.listed[:0], s.entries[:0]
	for i := range processes {
		p := &processes[i]
		t := s.tracked[p.ID]
		if t == nil {
			t = &tracked{first: s.pass}
			s.tracked[p.ID] = t
		}
		if t.image != p.Image {
			t.image = s.classify(t, p, faults)
		}
		t.pass = s.pass
		s.entries = append(s.entries, t)
		s.listed = append(s.listed, lineage.Process{
			ID: p.ID, Parent: p.Parent, Group: t.kind.group, Role: t.kind.role,
			Dead: p.State == proctable.Zombie, Init: isInit(p), Stdio: t.kind.stdio,
		})
	}
}

// classify returns the image that the kind was found from, nil if something was
// missing, so that it is tried again.
func (s *processScraper) classify(t *tracked, p *proctable.Process, faults *proctable.Faults) *proctable.Image {
	f := facts{source: s.table, id: p.ID, image: p.Image, faults: faults}
	t.kind = s.matcher.match(&f)
	if f.failed {
		return nil
	}
	return p.Image
}

// enlist makes members of the processes that are in a group.
func (s *processScraper) enlist(processes []proctable.Process, places []lineage.Place) {
	s.members = s.members[:0]
	for i := range processes {
		p, place, t := &processes[i], &places[i], s.entries[i]
		if place.Group == "" {
			t.member = nil
			continue
		}
		m := t.member
		if m == nil {
			m = &member{started: s.table.StartTime(p.ID), born: p.CPUKnown && t.first == s.pass}
			t.member = m
		}
		m.Process, m.place, m.pass = *p, *place, s.pass
		m.group = s.groups.of(place.Group, place.Role, s.last)
		s.members = append(s.members, m)
	}
}

// forget drops the processes that are gone. The kernel adds what a process read
// and wrote to what its parent did when the parent asks how it ended.
func (s *processScraper) forget() {
	for id, t := range s.tracked {
		if t.pass == s.pass {
			continue
		}
		delete(s.tracked, id)
		gone := t.member
		if gone == nil || gone.io == (proctable.IO{}) {
			continue
		}
		for _, m := range s.members {
			if m.ID.PID == gone.Parent && m.ID.Start <= gone.ID.Start {
				m.credit.ReadBytes += gone.io.ReadBytes
				m.credit.WriteBytes += gone.io.WriteBytes
			}
		}
	}
}

// watch tells the table, and what listens for exits, which processes matter.
func (s *processScraper) watch(now time.Time, faults *proctable.Faults) {
	s.ids = s.ids[:0]
	for _, m := range s.members {
		s.ids = append(s.ids, m.ID)
	}
	s.table.Watch(s.ids)
	if s.exits != nil {
		faults.Add("pidfd", s.exits.watch(now, s.pass, s.members, s.tracked))
	}
}

// gather adds up the orphaned trees.
func (s *processScraper) gather(places []lineage.Place, trees []lineage.Tree) {
	s.orphans = s.orphans[:0]
	for _, t := range trees {
		s.orphans = append(s.orphans, tree{Tree: t, top: s.entries[t.Top].member})
	}
	for i := range places {
		if t := places[i].Tree; t != lineage.None && s.entries[i].member != nil {
			s.orphans[t].memory += s.entries[i].member.memory
		}
	}
}

// overflow counts the processes that there was no room for.
func (s *processScraper) overflow(ctx context.Context) {
	refused := s.forest.Refused()
	for _, full := range []struct {
		what string
		n    int64
	}{{"groups", int64(s.groups.turned)}, {"processes", int64(refused - s.refused)}} {
		if full.n > 0 {
			s.telemetry.ReceiverAgentProcessOverflow.Add(ctx, full.n, metric.WithAttributes(attribute.String("of", full.what)))
			s.failures.full(full.what)
		}
	}
	s.refused = refused
}
