package lineage

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/proctable"
)

// start is that of a process by its pid: later ones have higher pids here.
func id(pid int) proctable.ID { return proctable.ID{PID: pid, Start: uint64(pid)} }

func plain(pid, parent int) Process { return Process{ID: id(pid), Parent: parent} }

func matched(pid, parent int, group string, role Role) Process {
	return Process{ID: id(pid), Parent: parent, Group: group, Role: role}
}

func first() Process { return Process{ID: id(1), Init: true} }

// host is a Forest with its time and what it is shown.
type host struct {
	*Forest
	now    time.Time
	places map[int]Place
	trees  []Tree
	shown  []Process
}

func newHost(grace time.Duration) *host {
	return &host{Forest: New(100, grace), now: time.Unix(1000, 0)}
}

// after shows processes some time later.
func (h *host) after(d time.Duration, processes ...Process) *host {
	h.now = h.now.Add(d)
	places, trees := h.Step(h.now, processes, nil)
	h.trees, h.shown, h.places = trees, processes, map[int]Place{}
	for i, p := range places {
		h.places[processes[i].ID.PID] = p
	}
	return h
}

// orphans lists the trees as top, processes, and whether they are new.
func (h *host) orphans() (trees []string) {
	for _, t := range h.trees {
		trees = append(trees, fmt.Sprintf("%d+%d since %v new=%v", h.shown[t.Top].ID.PID, t.Processes-1, h.now.Sub(t.Since), t.New))
	}
	return trees
}

func TestProcessIsInTheSessionOfTheNearestAgentAboveIt(t *testing.T) {
	h := newHost(0).after(0, first(),
		matched(10, 1, "planner", Agent),
		plain(11, 10),
		matched(12, 11, "files", Server),
		plain(13, 12),
		matched(20, 13, "coder", Agent),
		plain(21, 20),
		plain(30, 1),
		matched(31, 30, "search", Tool))
	require.Equal(t, map[int]Place{
		1:  {Role: Other, Tree: None},
		10: {Session: id(10), Group: "planner", Role: Agent, Tree: None},
		11: {Session: id(10), Group: "planner", Role: Other, Tree: None},
		12: {Session: id(10), Group: "files", Role: Server, Tree: None},
		13: {Session: id(10), Group: "planner", Role: Other, Tree: None},
		20: {Session: id(20), Group: "coder", Role: Agent, Tree: None},
		21: {Session: id(20), Group: "coder", Role: Other, Tree: None},
		30: {Role: Other, Tree: None},
		31: {Group: "search", Role: Tool, Tree: None},
	}, h.places)
}

func TestOrderOfTheProcessesDoesNotMatter(t *testing.T) {
	forward := []Process{first(), matched(10, 1, "a", Agent), plain(11, 10), plain(12, 11), matched(13, 12, "s", Server)}
	backward := []Process{forward[4], forward[3], forward[2], forward[1], forward[0]}
	require.Equal(t, newHost(0).after(0, forward...).places, newHost(0).after(0, backward...).places)
}

func TestAgentThatWasAShellWhenItsChildWasSeen(t *testing.T) {
	h := newHost(0).after(0, first(), plain(10, 1), plain(11, 10))
	require.Empty(t, h.places[11].Group)
	h.after(0, first(), matched(10, 1, "a", Agent), plain(11, 10))
	require.Equal(t, Place{Session: id(10), Group: "a", Role: Other, Tree: None}, h.places[11])
}

func TestSessionOutlivesReparentingToAnotherAgent(t *testing.T) {
	h := newHost(0).after(0, first(), matched(5, 1, "outer", Agent), matched(10, 5, "inner", Agent), plain(11, 10))
	h.after(0, first(), matched(5, 1, "outer", Agent), plain(11, 5))
	require.Equal(t, id(10), h.places[11].Session)
	require.Equal(t, "inner", h.places[11].Group)
}

func TestParentThatIsUnknownAtFirstIsLearntLater(t *testing.T) {
	h := newHost(0).after(0, first(), plain(11, 10))
	h.after(0, first(), matched(10, 1, "a", Agent), plain(11, 10))
	require.Equal(t, id(10), h.places[11].Session)
}

func TestReusedPIDOfTheParentIsNotTheParent(t *testing.T) {
	late := matched(10, 1, "a", Agent)
	late.ID.Start = 500
	h := newHost(0).after(0, first(), plain(11, 10), late)
	require.Equal(t, Place{Role: Other, Tree: None}, h.places[11])
}

func TestRingOfParentsEnds(t *testing.T) {
	ring := []Process{matched(10, 11, "s", Server), plain(11, 10)}
	ring[1].ID.Start = 10
	require.Len(t, newHost(0).after(0, ring...).places, 2)
}

func TestOrphans(t *testing.T) {
	agent := matched(10, 1, "a", Agent)
	for name, test := range map[string]struct {
		before, after []Process
		ended         []proctable.ID
		want          []string
	}{
		"server under init": {
			before: []Process{first(), agent, matched(11, 10, "s", Server)},
			after:  []Process{first(), matched(11, 1, "s", Server)},
			want:   []string{"11+0 since 0s new=true"},
		},
		"server under a first process that is hidden": {
			before: []Process{agent, matched(11, 10, "s", Server)},
			after:  []Process{matched(11, 1, "s", Server)},
			want:   []string{"11+0 since 0s new=true"},
		},
		"server under a subreaper": {
			before: []Process{first(), plain(2, 1), matched(10, 2, "a", Agent), matched(11, 10, "s", Server)},
			after:  []Process{first(), plain(2, 1), matched(11, 2, "s", Server)},
			want:   []string{"11+0 since 0s new=true"},
		},
		"chain of npx is one tree": {
			before: []Process{first(), agent, matched(11, 10, "s", Server), matched(12, 11, "s", Server), matched(13, 12, "s", Server)},
			after:  []Process{first(), matched(11, 1, "s", Server), matched(12, 11, "s", Server), matched(13, 12, "s", Server)},
			want:   []string{"11+2 since 0s new=true"},
		},
		"what a server started goes with it": {
			before: []Process{first(), agent, matched(11, 10, "s", Server), plain(12, 11), plain(13, 12)},
			after:  []Process{first(), matched(11, 1, "s", Server), plain(12, 11), plain(13, 12)},
			want:   []string{"11+2 since 0s new=true"},
		},
		"nameless shell between agent and server": {
			before: []Process{first(), agent, plain(11, 10), matched(12, 11, "s", Server)},
			after:  []Process{first(), plain(11, 1), matched(12, 11, "s", Server)},
			want:   []string{"12+0 since 0s new=true"},
		},
		"two servers are two trees": {
			before: []Process{first(), agent, matched(11, 10, "s", Server), matched(12, 10, "t", Tool)},
			after:  []Process{first(), matched(11, 1, "s", Server), matched(12, 1, "t", Tool)},
			want:   []string{"11+0 since 0s new=true", "12+0 since 0s new=true"},
		},
		"agent that is a zombie": {
			before: []Process{first(), agent, matched(11, 10, "s", Server)},
			after:  []Process{first(), {ID: id(10), Parent: 1, Group: "a", Role: Agent, Dead: true}, matched(11, 1, "s", Server)},
			want:   []string{"11+0 since 0s new=true"},
		},
		"agent that was heard to end": {
			before: []Process{first(), agent, matched(11, 10, "s", Server)},
			after:  []Process{first(), agent, matched(11, 1, "s", Server)},
			ended:  []proctable.ID{id(10)},
			want:   []string{"11+0 since 0s new=true"},
		},
		"pid of the agent belongs to another agent": {
			before: []Process{first(), agent, matched(11, 10, "s", Server)},
			after:  []Process{first(), {ID: proctable.ID{PID: 10, Start: 99}, Parent: 1, Group: "a", Role: Agent}, matched(11, 1, "s", Server)},
			want:   []string{"11+0 since 0s new=true"},
		},
		"agent of a dead agent is none": {
			before: []Process{first(), agent, matched(11, 10, "b", Agent), matched(12, 11, "s", Server)},
			after:  []Process{first(), matched(11, 1, "b", Agent), matched(12, 11, "s", Server)},
		},
		"agent below an orphan keeps its own": {
			before: []Process{first(), agent, matched(11, 10, "s", Server), matched(12, 11, "b", Agent), matched(13, 12, "s", Server)},
			after:  []Process{first(), matched(11, 1, "s", Server), matched(12, 11, "b", Agent), matched(13, 12, "s", Server)},
			want:   []string{"11+0 since 0s new=true"},
		},
		"server that left its agent while it lives": {
			before: []Process{first(), agent, matched(11, 10, "s", Server)},
			after:  []Process{first(), agent, matched(11, 1, "s", Server)},
		},
		"server that another agent took over": {
			before: []Process{first(), matched(5, 1, "outer", Agent), matched(10, 5, "a", Agent), matched(11, 10, "s", Server)},
			after:  []Process{first(), matched(5, 1, "outer", Agent), matched(11, 5, "s", Server)},
		},
		"agent that could not be read": {
			before: []Process{first(), agent, matched(11, 10, "s", Server)},
			after:  []Process{first(), matched(11, 10, "s", Server)},
		},
		"agent that could not be read, above a shell": {
			before: []Process{first(), agent, plain(11, 10), matched(12, 11, "s", Server)},
			after:  []Process{first(), plain(11, 10), matched(12, 11, "s", Server)},
		},
		"agent whose first thread ended": {
			before: []Process{first(), agent, matched(11, 10, "s", Server)},
			after:  []Process{first(), {ID: id(10), Parent: 1, Group: "a", Role: Agent, Dead: true}, matched(11, 10, "s", Server)},
		},
		"what has no name of its own may be meant to stay": {
			before: []Process{first(), agent, plain(11, 10)},
			after:  []Process{first(), plain(11, 1)},
		},
		"server that is a zombie": {
			before: []Process{first(), agent, matched(11, 10, "s", Server)},
			after:  []Process{first(), {ID: id(11), Parent: 1, Group: "s", Role: Server, Dead: true}},
		},
		"server that never had an agent": {
			before: []Process{first(), plain(10, 1), matched(11, 10, "s", Server)},
			after:  []Process{first(), matched(11, 1, "s", Server)},
		},
		"stdio server first seen under init": {
			after: []Process{first(), {ID: id(11), Parent: 1, Group: "s", Role: Server, Stdio: true}, plain(12, 11)},
			want:  []string{"11+1 since 0s new=true"},
		},
		"stdio server below something else": {
			after: []Process{first(), plain(2, 1), {ID: id(11), Parent: 2, Group: "s", Role: Server, Stdio: true}},
		},
		"server of the network first seen under init": {
			after: []Process{first(), matched(11, 1, "s", Server)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(0).after(0, test.before...)
			require.Empty(t, h.orphans())
			_, h.trees = h.Step(h.now, test.after, test.ended)
			h.shown = test.after
			require.Equal(t, test.want, h.orphans())
		})
	}
}

func TestOrphanIsOneAfterTheGrace(t *testing.T) {
	agent, left := matched(10, 1, "a", Agent), matched(11, 1, "s", Server)
	h := newHost(10*time.Second).after(0, first(), agent, matched(11, 10, "s", Server))
	require.Empty(t, h.after(time.Second, first(), left).orphans())
	require.Empty(t, h.after(9*time.Second, first(), left).orphans())
	require.Equal(t, []string{"11+0 since 10s new=true"}, h.after(time.Second, first(), left).orphans())
	require.Equal(t, []string{"11+0 since 25s new=false"}, h.after(15*time.Second, first(), left).orphans())
}

func TestServerThatEndsWithinTheGraceWasNoOrphan(t *testing.T) {
	h := newHost(10*time.Second).after(0, first(), matched(10, 1, "a", Agent), matched(11, 10, "s", Server))
	h.after(time.Second, first(), matched(11, 1, "s", Server))
	require.Empty(t, h.after(20*time.Second, first()).orphans())
}

func TestRestOfATreeIsNoNewTree(t *testing.T) {
	h := newHost(0).after(0, first(), matched(10, 1, "a", Agent), matched(11, 10, "s", Server), matched(12, 11, "s", Server))
	require.Equal(t, []string{"11+1 since 0s new=true"}, h.after(0, first(), matched(11, 1, "s", Server), matched(12, 11, "s", Server)).orphans())
	// One more joins it, then the top ends.
	h.after(0, first(), matched(11, 1, "s", Server), matched(12, 11, "s", Server), matched(13, 11, "s", Server))
	require.Equal(t, []string{"12+0 since 2s new=false", "13+0 since 2s new=false"},
		h.after(2*time.Second, first(), matched(12, 1, "s", Server), matched(13, 1, "s", Server)).orphans())
}

func TestForestHoldsNoMoreThanItsCapacityNorThanWhatRuns(t *testing.T) {
	f := New(2, 0)
	places, _ := f.Step(time.Time{}, []Process{matched(10, 1, "a", Agent), plain(11, 10), plain(12, 10), matched(13, 10, "s", Server)}, nil)
	require.Equal(t, uint64(2), f.Refused())
	require.Equal(t, "a", places[1].Group)
	require.Empty(t, places[2].Group)
	require.Equal(t, Place{Group: "s", Role: Server, Tree: None}, places[3])
	f.Step(time.Time{}, nil, nil)
	require.Empty(t, f.nodes)
}

func BenchmarkStep(b *testing.B) {
	const n = 5000
	processes := []Process{first()}
	for pid := 2; pid < n; pid += 5 {
		processes = append(processes, matched(pid, 1, "a", Agent), plain(pid+1, pid), matched(pid+2, pid+1, "s", Server), plain(pid+3, pid+2), plain(pid+4, 1))
	}
	f, now := New(n*2, 0), time.Now()
	b.ReportAllocs()
	for b.Loop() {
		f.Step(now, processes, nil)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(processes)), "ns/process")
}
