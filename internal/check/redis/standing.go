package redis

import (
	"fmt"
	"time"

	"github.com/watchkeeper/watchkeeper/internal/check"
)

// standing is what a server says of itself.
type standing struct {
	info
	nodes   nodeCounts
	slots   slots
	masters masters
}

// writable is false where a round trip cannot work by nature.
func (st standing) writable() bool {
	return !st.replica && !st.sentinel && (!st.cluster || st.slots.ok && len(st.nodes.own) > 0)
}

// judge gives the verdict on a server that answers, and the reasons for it.
func (p *Probe) judge(steps []check.Step, st standing, now time.Time) (check.State, []string) {
	state := check.Healthy
	var reasons []string
	say := func(s check.State, format string, arguments ...any) {
		state = max(state, s)
		reasons = append(reasons, fmt.Sprintf(format, arguments...))
	}
	s := p.settings
	for _, step := range steps {
		what, ok := map[string]string{"ping": "PING", "round_trip": "the round trip"}[step.Name]
		if ok && s.MaxResponseTime > 0 && step.Duration > s.MaxResponseTime {
			say(check.Degraded, "%s took %v, more than %v", what, step.Duration.Round(time.Millisecond), s.MaxResponseTime)
		}
	}
	if s.MaxMemoryRatio > 0 && !st.evicts && st.maxMemory > 0 && st.memory > s.MaxMemoryRatio*st.maxMemory {
		say(check.Degraded, "%.1f %% of the memory is used, more than a share of %v, and nothing is evicted", 100*st.memory/st.maxMemory, s.MaxMemoryRatio)
	}
	rate := p.evictions.rate(st.evicted, now)
	if s.MaxEvictionRate > 0 && rate > s.MaxEvictionRate {
		say(check.Degraded, "%.1f keys are evicted a second, more than %v", rate, s.MaxEvictionRate)
	}
	if n := st.nodes; n.fail > 0 {
		say(check.Degraded, "%d of %d cluster nodes failed", n.fail, n.ok+n.pfail+n.fail)
	}
	switch {
	case st.cluster && !st.slots.ok:
		say(check.Unhealthy, "the cluster is down, %d of %d slots are not covered", st.slots.uncovered, clusterSlots)
	case st.cluster && st.slots.uncovered > 0:
		say(check.Degraded, "%d of %d slots of the cluster are not covered", st.slots.uncovered, clusterSlots)
	}
	if st.linkDown {
		say(check.Degraded, "the replica has lost its primary")
	}
	st.masters.judge(st.sentinel, say)
	switch {
	case !s.RoundTrip || st.writable() || state == check.Unhealthy:
	case st.replica:
		say(check.Degraded, "no round trip: the server is a replica and takes no writes")
	case st.sentinel:
		say(check.Degraded, "no round trip: the server is a sentinel and holds no keys")
	default:
		say(check.Degraded, "no round trip: the node serves no slots")
	}
	return state, reasons
}

func (st standing) measurements() []check.Measurement {
	var out []check.Measurement
	add := func(name string, value float64) { out = append(out, check.Measurement{Name: name, Value: value}) }
	each := func(name string, ok, suspected, failed check.Measurement) {
		for _, m := range []check.Measurement{ok, suspected, failed} {
			m.Name = name
			out = append(out, m)
		}
	}
	status := func(status string, count int) check.Measurement {
		return check.Measurement{Value: float64(count), Attributes: map[string]string{"status": status}}
	}
	add("redis.clients.connected", st.clients)
	if st.sentinel {
		each("redis.sentinel.masters", status("ok", st.masters.ok), status("sdown", st.masters.sdown), status("odown", st.masters.odown))
		add("redis.sentinel.quorum_missing", float64(st.masters.noQuorum))
		return out
	}
	add("redis.memory.used", st.memory)
	if st.maxMemory > 0 {
		add("redis.memory.utilization", st.memory/st.maxMemory)
	}
	add("redis.keys.evicted", st.evicted)
	if st.replica {
		add("redis.replication.link_up", one(!st.linkDown))
	} else {
		add("redis.replicas.connected", st.replicas)
	}
	if st.cluster {
		each("redis.cluster.nodes", status("ok", st.nodes.ok), status("pfail", st.nodes.pfail), status("fail", st.nodes.fail))
		add("redis.cluster.slots_uncovered", float64(st.slots.uncovered))
		add("redis.cluster.state", one(st.slots.ok))
	}
	return out
}

func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// evictions turns a count into a rate.
type evictions struct {
	count float64
	at    time.Time
}

// rate is that since the last call; 0 where there was none, and after the server
// has begun to count anew.
func (e *evictions) rate(count float64, now time.Time) float64 {
	last := *e
	e.count, e.at = count, now
	passed := now.Sub(last.at).Seconds()
	if last.at.IsZero() || count < last.count || passed <= 0 {
		return 0
	}
	return (count - last.count) / passed
}
