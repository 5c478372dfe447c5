package workflow

import (
	"cmp"
	"slices"
	"time"
)

// detectors in the order of their bits in flow.found.
var detectors = [...]FindingKind{
	LoopRepeat, LoopCycle, LoopStuck, Stalled, RunawayTokens, RunawayCost, RunawayContext, RunawayChain,
}

// findings appends what was found in f.
func (f *flow) findings(out []FindingKind) []FindingKind {
	for bit, kind := range detectors {
		if f.found&(1<<bit) != 0 {
			out = append(out, kind)
		}
	}
	return out
}

// isNew reports whether a kind was not found in f before, and notes it.
func (f *flow) isNew(kind FindingKind) bool {
	bit := uint16(1) << slices.Index(detectors[:], kind)
	if f.found&bit != 0 || f.afterwards {
		return false
	}
	f.found |= bit
	return true
}

// detect looks for what goes wrong in the calls of f that have settled.
func (a *Assembler) detect(f *flow) {
	l := &a.look
	if steps := a.steps(f); a.settings.Runaway.ChainLength > 0 && steps > a.settings.Runaway.ChainLength {
		a.found(f, none, Finding{
			Kind: RunawayChain, Count: steps, Value: float64(steps), Limit: float64(a.settings.Runaway.ChainLength),
		})
	}
	for from := 0; from < len(l.sorted); {
		agent := l.units[l.sorted[from]].agent
		l.tools, l.models = l.tools[:0], l.models[:0]
		to := from
		for ; to < len(l.sorted) && l.units[l.sorted[to]].agent == agent; to++ {
			switch u := &l.units[l.sorted[to]]; {
			case !u.told:
			case u.kind == ToolCall:
				l.tools = append(l.tools, l.sorted[to])
			case u.kind == ModelCall:
				l.models = append(l.models, l.sorted[to])
			}
		}
		a.repeats(f)
		a.cycles(f)
		a.stuck(f, l.sorted[from:to])
		a.context(f)
		from = to
	}
	a.velocity(f)
}

func (a *Assembler) steps(f *flow) int {
	n := f.over.tools + f.over.models + f.over.sent
	for k := range a.look.units {
		switch u := &a.look.units[k]; u.kind {
		case ToolCall, ModelCall, A2ASent:
			if u.told {
				n++
			}
		}
	}
	return n
}

// found reports a finding, evidenced last by unit k, once.
func (a *Assembler) found(f *flow, k int32, finding Finding) {
	if !f.isNew(finding.Kind) {
		return
	}
	finding.TraceID = f.traces[0]
	finding.Workflow, finding.Agent = a.typeOf(f), a.names.text[f.agent.name]
	finding.Priority = a.names.text[f.priority.name]
	if k != none {
		u := &a.look.units[k]
		finding.TraceID, finding.SpanID = f.traces[f.records[u.at].trace], f.ids[u.at]
		if agent := a.agentOf(u.at); agent != 0 {
			finding.Agent = a.names.text[agent]
		}
	}
	a.sink.Found(&finding)
}

// tell adds a tool call to the evidence.
func (a *Assembler) tell(finding *Finding, k int32) {
	u := &a.look.units[k]
	tool, args := "", uint64(0)
	if u.nameBy != none {
		tool = a.names.text[a.look.flow.detailOf(u.nameBy).a]
	}
	if u.argsBy != none {
		args = a.look.flow.detailOf(u.argsBy).args
	}
	finding.Tools, finding.Arguments = append(finding.Tools, tool), append(finding.Arguments, args)
}

// same reports whether two tool calls have the same tool and arguments that are
// told.
func (l *look) same(i, j int32) bool {
	x, y := &l.units[i], &l.units[j]
	return x.argsBy != none && y.argsBy != none && x.key == y.key
}

// repeats looks for one tool called with the same arguments in a row.
func (a *Assembler) repeats(f *flow) {
	l, limit := &a.look, a.settings.Loop.Repeats
	if limit == 0 {
		return
	}
	run, retries := 1, 0
	for k := 1; k < len(l.tools); k++ {
		before, u := l.tools[k-1], l.tools[k]
		switch {
		case !l.same(before, u):
			run, retries = 1, 0
			continue
		case l.units[before].failed && retries < limit:
			retries++
		default:
			run++
		}
		if run >= limit {
			finding := Finding{Kind: LoopRepeat, Count: run + retries, Period: 1}
			a.tell(&finding, u)
			a.found(f, u, finding)
			return
		}
	}
}

// cycles looks for a sequence of different tool calls gone through again and
// again.
func (a *Assembler) cycles(f *flow) {
	l, s := &a.look, &a.settings.Loop
	if s.MaxPeriod < 2 {
		return
	}
	for period := 2; period <= s.MaxPeriod && period*s.Cycles <= len(l.tools); period++ {
		// run is how many calls in a row equal the one a period before.
		run := 0
		for k := period; k < len(l.tools); k++ {
			if !l.same(l.tools[k-period], l.tools[k]) {
				run = 0
				continue
			}
			if run++; run < period*(s.Cycles-1) {
				continue
			}
			once := l.tools[k-period+1 : k+1]
			if !l.differ(once) {
				continue // one call again and again is not a circle
			}
			finding := Finding{Kind: LoopCycle, Count: run/period + 1, Period: period}
			for _, u := range once {
				a.tell(&finding, u)
			}
			a.found(f, l.tools[k], finding)
			return
		}
	}
}

// differ reports whether not all of the calls are the same.
func (l *look) differ(units []int32) bool {
	for _, u := range units[1:] {
		if l.units[u].key != l.units[units[0]].key {
			return true
		}
	}
	return false
}

// stuck looks for model calls that come out the same each time, with the same
// tools in between: nothing has come of them.
func (a *Assembler) stuck(f *flow, sequence []int32) {
	l, limit := &a.look, a.settings.Loop.Stuck
	if limit == 0 {
		return
	}
	run, tools, before := 0, uint64(0), uint64(0)
	called, calledBefore := 0, 0
	last := none
	for _, k := range sequence {
		u := &l.units[k]
		if !u.told {
			continue
		}
		switch u.kind {
		case ToolCall:
			if u.nameBy != none {
				tools += uint64(f.detailOf(u.nameBy).a) * 0x9e3779b97f4a7c15
			}
			called++
			continue
		case ModelCall:
		default:
			continue
		}
		switch {
		case last != none && called > 0 && l.sameUsage(last, k) && (run == 1 || tools == before && called == calledBefore):
			run++
		default:
			run = 1
		}
		last, before, calledBefore = k, tools, called
		tools, called = 0, 0
		if run >= limit {
			a.found(f, k, Finding{Kind: LoopStuck, Count: run})
			return
		}
	}
}

// sameUsage reports whether two model calls had the same model and, told, the same
// tokens.
func (l *look) sameUsage(i, j int32) bool {
	x, okX := l.usage(&l.units[i])
	y, okY := l.usage(&l.units[j])
	if !okX || !okY || l.units[i].key != l.units[j].key {
		return false
	}
	u, v := l.flow.detailOf(x).usage, l.flow.detailOf(y).usage
	return u[0] == v[0] && u[1] == v[1] && u[0] > 0 && u[1] > 0
}

// context looks for an input that grows from call to call.
func (a *Assembler) context(f *flow) {
	l, s := &a.look, &a.settings.Runaway
	if s.ContextGrowth <= 0 {
		return
	}
	var first, before int64
	n := 0
	for _, k := range l.models {
		at, ok := l.usage(&l.units[k])
		if !ok || l.flow.detailOf(at).usage[0] == 0 {
			continue
		}
		input := int64(l.flow.detailOf(at).usage[0])
		if n == 0 || input < before {
			first, n = input, 0
		}
		n++
		before = input
		factor := float64(input) / float64(first)
		if n >= s.ContextCalls && input >= s.ContextMin && factor >= s.ContextGrowth {
			a.found(f, k, Finding{Kind: RunawayContext, Count: n, Value: factor, Limit: s.ContextGrowth})
			return
		}
	}
}

// velocity looks for too many tokens or dollars within any minute.
func (a *Assembler) velocity(f *flow) {
	l, s := &a.look, &a.settings.Runaway
	if s.TokensPerMinute == 0 && s.CostPerMinute == 0 {
		return
	}
	l.models = l.models[:0]
	for k := range l.units {
		if u := &l.units[k]; u.kind == ModelCall && u.told {
			l.models = append(l.models, int32(k))
		}
	}
	slices.SortFunc(l.models, func(i, j int32) int {
		return cmp.Or(cmp.Compare(l.units[i].end, l.units[j].end), l.compare(l.units[i].at, l.units[j].at))
	})
	l.spent = l.spent[:0]
	var tokens int64
	var cost float64
	for to, from := 0, 0; to < len(l.models); to++ {
		a.call = Call{Cost: -1}
		a.fillModel(&l.units[l.models[to]])
		now := spent{a.call.Tokens.Input + a.call.Tokens.Output, max(a.call.Cost, 0)}
		l.spent = append(l.spent, now)
		tokens, cost = tokens+now.tokens, cost+now.cost
		for l.units[l.models[to]].end-l.units[l.models[from]].end >= int64(time.Minute) {
			tokens, cost = tokens-l.spent[from].tokens, cost-l.spent[from].cost
			from++
		}
		if s.TokensPerMinute > 0 && tokens > s.TokensPerMinute {
			a.found(f, l.models[to], Finding{
				Kind: RunawayTokens, Count: to - from + 1, Value: float64(tokens), Limit: float64(s.TokensPerMinute),
			})
		}
		if s.CostPerMinute > 0 && cost > s.CostPerMinute {
			a.found(f, l.models[to], Finding{Kind: RunawayCost, Count: to - from + 1, Value: cost, Limit: s.CostPerMinute})
		}
	}
}

type spent struct {
	tokens int64
	cost   float64
}

// stall notes that f has stalled.
func (a *Assembler) stall(now time.Time, f *flow) {
	a.look.at(a, f)
	if !a.isWorkflow(f) {
		return
	}
	f.stalled = true
	a.found(f, none, Finding{
		Kind: Stalled, Count: len(f.ids), Value: now.Sub(f.last).Seconds(), Limit: a.settings.StallTimeout.Seconds(),
	})
}
