package a2a

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/a2aproject/a2a-go/v2/a2a"
)

var errNoAnswer = errors.New("the answer is not one of A2A")

// oldStates are the states of a task as protocol 0.3 and older write them.
var oldStates = map[string]a2a.TaskState{
	"auth-required":  a2a.TaskStateAuthRequired,
	"canceled":       a2a.TaskStateCanceled,
	"completed":      a2a.TaskStateCompleted,
	"failed":         a2a.TaskStateFailed,
	"input-required": a2a.TaskStateInputRequired,
	"rejected":       a2a.TaskStateRejected,
	"submitted":      a2a.TaskStateSubmitted,
	"working":        a2a.TaskStateWorking,
}

type oldParts []struct {
	Text string `json:"text"`
}

// sendOld speaks protocol 0.2 and 0.3 over JSON-RPC, which the official SDK does
// not any more: one request, "message/send", is all there is to it (A2A 0.3, 7.1).
func (p *Probe) sendOld(ctx context.Context, address string, got *outcome) error {
	body, err := json.Marshal(map[string]any{
		"jsonrpc": "2.0", "id": 1, "method": "message/send",
		"params": map[string]any{
			"message": map[string]any{
				"kind": "message", "messageId": a2a.NewMessageID(), "role": "user",
				"parts": []any{map[string]any{"kind": "text", "text": p.settings.Canary.Message}},
			},
			"configuration": map[string]any{"blocking": true, "acceptedOutputModes": []string{"text/plain"}},
		},
	})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return errNoInterface
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	response, err := p.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return statusError(response.StatusCode)
	}
	var answer struct {
		Error  *struct{} `json:"error"`
		Result *struct {
			Kind   string   `json:"kind"`
			Parts  oldParts `json:"parts"`
			Status struct {
				State   string `json:"state"`
				Message struct {
					Parts oldParts `json:"parts"`
				} `json:"message"`
			} `json:"status"`
			Artifacts []struct {
				Parts oldParts `json:"parts"`
			} `json:"artifacts"`
		} `json:"result"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return err
	}
	switch {
	case answer.Error != nil:
		return errFailed
	case answer.Result == nil:
		return errNoAnswer
	}
	result := answer.Result
	got.addOld(result.Parts)
	got.addOld(result.Status.Message.Parts)
	for _, artifact := range result.Artifacts {
		got.addOld(artifact.Parts)
	}
	if result.Status.State == "" && result.Kind != "task" {
		return nil
	}
	state, ok := oldStates[result.Status.State]
	if !ok {
		return errNoAnswer
	}
	got.state = state
	return nil
}

func (o *outcome) addOld(parts oldParts) {
	for _, part := range parts {
		o.text.WriteString(part.Text)
		o.text.WriteByte('\n')
	}
}
