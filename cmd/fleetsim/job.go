package main

import (
	"math/rand/v2"
)

// The types of workflows.
const (
	researchReport = "research_report"
	supportTicket  = "support_ticket"
	dataRefresh    = "data_refresh"
)

var (
	kinds      = []string{researchReport, supportTicket, dataRefresh}
	priorities = []string{"low", "normal", "high"}
	tiers      = map[string]string{researchReport: "complex", supportTicket: "simple", dataRefresh: "moderate"}
	topics     = []string{"tides", "lighthouses", "buoys", "radar", "knots", "charts", "ferries", "harbours"}
	models     = []string{"gpt-4o-mini", "gpt-4o", "o3-mini"}
)

// job is one workflow to run, with all that chance decides about it.
type job struct {
	Kind, Priority, Topic, Model string
	// Searches is the number of searches, each with a query of its own.
	Searches int
	// FlakySearch has the first search fail once, BusyModel the first model call;
	// both are tried again. BadPublish has the workflow fail.
	FlakySearch, BusyModel, BadPublish bool
}

// newJob returns the job of this number: the same for the same seed, whatever else
// runs.
func newJob(seed uint64, number int, failures float64) job {
	chance := rand.New(rand.NewPCG(seed, uint64(number))) //nolint:gosec // a repeatable mix is what it is for
	return job{
		Kind:        kinds[chance.IntN(len(kinds))],
		Priority:    priorities[chance.IntN(len(priorities))],
		Topic:       topics[chance.IntN(len(topics))],
		Model:       models[chance.IntN(len(models))],
		Searches:    1 + chance.IntN(3),
		FlakySearch: chance.Float64() < 0.1,
		BusyModel:   chance.Float64() < 0.05,
		BadPublish:  chance.Float64() < failures,
	}
}
