package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"time"

	"github.com/a2aproject/a2a-go/v2/a2a"
	"github.com/a2aproject/a2a-go/v2/a2asrv"

	"github.com/watchkeeper/watchkeeper/sdk"
)

// loopLength is how often a looping researcher asks the same.
const loopLength = 12

// errNoProgress is how a loop ends.
var errNoProgress = failure{"no_progress", errors.New("asked the same again and again")}

// failure is an error with a type for telemetry.
type failure struct {
	kind string
	error
}

// ErrorType is the kind.
func (f failure) ErrorType() string { return f.kind }

// runJob runs one workflow, from the planner's point of view.
func (f *fleet) runJob(ctx context.Context, j job) {
	s := f.planner
	ctx, workflow := s.kit.StartWorkflow(ctx, j.Kind, sdk.WithPriority(j.Priority), sdk.WithComplexityTier(tiers[j.Kind]))
	err := f.plan(ctx, j)
	f.truth.ended(f.truth.workflows, j.Kind, err)
	workflow.End(err)
}

func (f *fleet) plan(ctx context.Context, j job) (err error) {
	s := f.planner
	ctx, agent := s.kit.StartAgent(ctx, s.name)
	defer agent.Done(&err)
	plan, err := f.think(ctx, s, j, "Plan a "+j.Kind+" about "+j.Topic+".")
	if err != nil {
		return err
	}
	j.BusyModel = false
	if j.Kind == supportTicket {
		if err := f.usePersistently(ctx, s, "lookup", j.Topic, j.FlakySearch); err != nil {
			return err
		}
	} else {
		var found findings
		if err := post(ctx, s.client, f.researcherURL+"/research/"+j.Topic, j, &found); err != nil {
			return fmt.Errorf("asking the researcher: %w", err)
		}
		plan += found.Summary
	}
	if j.Kind == researchReport {
		if plan, err = f.commission(ctx, j, plan); err != nil {
			return err
		}
	}
	if _, err := f.think(ctx, s, j, "Conclude.", plan); err != nil {
		return err
	}
	return f.use(ctx, s, "publish", j.Topic, j.BadPublish)
}

// commission has the writer write, over A2A.
func (f *fleet) commission(ctx context.Context, j job, text string) (string, error) {
	order, err := json.Marshal(j)
	if err != nil {
		return "", err
	}
	f.truth.add(f.truth.a2aMessages, "SendMessage", "sent", 1)
	result, err := f.writerClient.SendMessage(ctx, &a2a.SendMessageRequest{
		Message: a2a.NewMessage(a2a.MessageRoleUser, a2a.NewTextPart(string(order)), a2a.NewTextPart(text)),
	})
	if err != nil {
		return "", fmt.Errorf("asking the writer: %w", err)
	}
	task, ok := result.(*a2a.Task)
	if !ok || task.Status.State != a2a.TaskStateCompleted || task.Status.Message == nil || len(task.Status.Message.Parts) == 0 {
		return "", failure{"task_failed", errors.New("the writer has not written")}
	}
	return task.Status.Message.Parts[0].Text(), nil
}

// findings are what a researcher answers.
type findings struct {
	Summary string `json:"summary"`
}

// research serves POST /research/{topic}.
func (f *fleet) research(w http.ResponseWriter, r *http.Request) {
	var j job
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&j); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	found, err := f.investigate(r.Context(), j)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(found)
}

func (f *fleet) investigate(ctx context.Context, j job) (found findings, err error) {
	s := f.researcher
	ctx, agent := s.kit.StartAgent(ctx, s.name)
	defer agent.Done(&err)
	if err := f.faults.wait(ctx, faultStall); err != nil {
		return found, err
	}
	if cached, err := f.stores.recall(ctx, j.Topic); err != nil {
		return found, err
	} else if cached != "" {
		found.Summary = cached
	}
	if f.faults.on(faultLoop) {
		for range loopLength {
			if err := f.use(ctx, s, "search", j.Topic, false); err != nil {
				return found, err
			}
			if _, err := f.think(ctx, s, j, "What next about "+j.Topic+"?"); err != nil {
				return found, err
			}
		}
		return found, errNoProgress
	}
	for i := range j.Searches {
		if err := f.usePersistently(ctx, s, "search", fmt.Sprintf("%s %d", j.Topic, i), j.FlakySearch && i == 0); err != nil {
			return found, err
		}
	}
	if found.Summary, err = f.think(ctx, s, j, "Sum up what was found about "+j.Topic+".", found.Summary); err != nil {
		return found, err
	}
	return found, f.stores.keep(ctx, j.Topic, found.Summary)
}

// writing is the writer's side of A2A.
type writing struct{ *fleet }

// Execute writes what a message asks for.
func (f writing) Execute(ctx context.Context, execution *a2asrv.ExecutorContext) iter.Seq2[a2a.Event, error] {
	return func(yield func(a2a.Event, error) bool) {
		f.truth.add(f.truth.a2aMessages, "SendMessage", "received", 1)
		if !yield(a2a.NewSubmittedTask(execution, execution.Message), nil) ||
			!yield(a2a.NewStatusUpdateEvent(execution, a2a.TaskStateWorking, nil), nil) {
			return
		}
		text, err := f.write(ctx, execution.Message.Parts)
		state := a2a.TaskStateCompleted
		if err != nil {
			state, text = a2a.TaskStateFailed, err.Error()
		}
		answer := a2a.NewMessageForTask(a2a.MessageRoleAgent, execution, a2a.NewTextPart(text))
		yield(a2a.NewStatusUpdateEvent(execution, state, answer), nil)
	}
}

// Cancel is not asked for by anybody in the fleet.
func (writing) Cancel(_ context.Context, execution *a2asrv.ExecutorContext) iter.Seq2[a2a.Event, error] {
	return func(yield func(a2a.Event, error) bool) {
		yield(a2a.NewStatusUpdateEvent(execution, a2a.TaskStateCanceled, nil), nil)
	}
}

func (f writing) write(ctx context.Context, parts a2a.ContentParts) (text string, err error) {
	s := f.writer
	ctx, agent := s.kit.StartAgent(ctx, s.name)
	defer agent.Done(&err)
	var j job
	if len(parts) < 2 {
		return "", failure{"bad_order", errors.New("an order has two parts")}
	}
	if err := json.Unmarshal([]byte(parts[0].Text()), &j); err != nil {
		return "", fmt.Errorf("reading the order: %w", err)
	}
	if text, err = f.think(ctx, s, j, "Write about "+j.Topic+".", parts[1].Text()); err != nil {
		return "", err
	}
	return text, f.criticise(ctx, j, text)
}

// criticise is an agent within the writer's process.
func (f writing) criticise(ctx context.Context, j job, text string) (err error) {
	ctx, agent := f.writer.kit.StartAgent(ctx, "critic")
	defer agent.Done(&err)
	words := f.count(ctx, f.writer, text)
	_, err = f.think(ctx, f.writer, j, fmt.Sprintf("Is a text of %d words enough?", words))
	return err
}

// gap is the time between the beginnings of workflows.
func (o options) gap() time.Duration {
	if o.rate == 0 {
		return 0
	}
	return time.Duration(float64(time.Second) / o.rate)
}
