package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/watchkeeper/watchkeeper/sdk"
)

// The parts of the chat completions API of OpenAI that the fleet uses.
type (
	chatRequest struct {
		Model    string        `json:"model"`
		Messages []chatMessage `json:"messages"`
		// User is "busy" in a request that the scripted model refuses.
		User string `json:"user,omitempty"`
	}
	chatMessage struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}
	chatResponse struct {
		ID      string       `json:"id"`
		Model   string       `json:"model"`
		Choices []chatChoice `json:"choices"`
		Usage   chatUsage    `json:"usage"`
	}
	chatChoice struct {
		Message      chatMessage `json:"message"`
		FinishReason string      `json:"finish_reason"`
	}
	chatUsage struct {
		Prompt     int64 `json:"prompt_tokens"`
		Completion int64 `json:"completion_tokens"`
		PromptMore struct {
			Cached int64 `json:"cached_tokens"`
		} `json:"prompt_tokens_details"`
		CompletionMore struct {
			Reasoning int64 `json:"reasoning_tokens"`
		} `json:"completion_tokens_details"`
	}
)

// maxBody bounds what is read of a request or an answer, in bytes.
const maxBody = 1 << 20

// charactersPerToken is how the scripted model counts.
const charactersPerToken = 4

// completions serves a model that answers by a script, with usage by the length of
// what it is asked.
func completions(o options) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in chatRequest
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&in); err != nil || len(in.Messages) == 0 {
			http.Error(w, `{"error":{"type":"invalid_request_error"}}`, http.StatusBadRequest)
			return
		}
		if in.User == "busy" {
			http.Error(w, `{"error":{"type":"rate_limit_exceeded"}}`, http.StatusTooManyRequests)
			return
		}
		prompt := 0
		for _, m := range in.Messages {
			prompt += len(m.Content)
		}
		last := in.Messages[len(in.Messages)-1].Content
		answer := "Considering: " + last[:min(len(last), 200)]
		out := chatResponse{ID: "chatcmpl-" + in.Model, Model: in.Model, Choices: []chatChoice{{
			Message: chatMessage{Role: "assistant", Content: answer}, FinishReason: "stop",
		}}}
		out.Usage.Prompt = int64((prompt + charactersPerToken - 1) / charactersPerToken)
		out.Usage.Completion = int64((len(answer) + charactersPerToken - 1) / charactersPerToken)
		if len(in.Messages) > 1 {
			out.Usage.PromptMore.Cached = out.Usage.Prompt / 2
		}
		if in.Model == "o3-mini" {
			out.Usage.CompletionMore.Reasoning = out.Usage.Completion
			out.Usage.Completion *= 2
		}
		pause(r.Context(), o.latency+o.latency*time.Duration(out.Usage.Completion)/100)
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(out)
	}
}

// refusal is an HTTP answer that tells of an error.
type refusal int

// Error returns the status.
func (r refusal) Error() string {
	return fmt.Sprintf("the answer is %d %s", int(r), http.StatusText(int(r)))
}

// ErrorType is the status, as the HTTP conventions have it.
func (r refusal) ErrorType() string { return fmt.Sprint(int(r)) }

// think asks a model, twice if it is busy, and returns its answer.
func (f *fleet) think(ctx context.Context, s *service, j job, prompts ...string) (string, error) {
	request := chatRequest{Model: j.Model, Messages: []chatMessage{{Role: "system", Content: "You are the agent " + s.name + "."}}}
	for _, p := range prompts {
		request.Messages = append(request.Messages, chatMessage{Role: "user", Content: p})
	}
	if j.BusyModel {
		request.User = "busy"
		if _, err := f.infer(ctx, s, request); err == nil {
			return "", fmt.Errorf("the busy model has answered")
		}
		pause(ctx, f.options.latency)
		request.User = ""
	}
	return f.infer(ctx, s, request)
}

// infer makes one call of a model.
func (f *fleet) infer(ctx context.Context, s *service, request chatRequest) (answer string, err error) {
	ctx, call := s.kit.StartInference(ctx, "openai", request.Model, sdk.WithAttributes(attribute.String("server.address", "127.0.0.1")))
	defer func() {
		f.truth.ended(f.truth.modelCalls, request.Model, err)
		call.End(err)
	}()
	var out chatResponse
	if err := post(ctx, s.client, f.modelURL+"/v1/chat/completions", request, &out); err != nil {
		return "", fmt.Errorf("asking model %q: %w", request.Model, err)
	}
	if len(out.Choices) == 0 {
		return "", fmt.Errorf("asking model %q: no choices", request.Model)
	}
	u := out.Usage
	call.SetResponse(sdk.Response{Model: out.Model, ID: out.ID, FinishReasons: []string{out.Choices[0].FinishReason}})
	call.SetUsage(sdk.Usage{Input: u.Prompt, Output: u.Completion, CacheRead: u.PromptMore.Cached, Reasoning: u.CompletionMore.Reasoning})
	for kind, n := range map[string]int64{
		"input": u.Prompt, "output": u.Completion, "cache_read": u.PromptMore.Cached, "reasoning": u.CompletionMore.Reasoning,
	} {
		if n > 0 {
			f.truth.add(f.truth.tokens, request.Model, kind, n)
		}
	}
	return out.Choices[0].Message.Content, nil
}

// post sends a value as JSON and reads the answer.
func post(ctx context.Context, client *http.Client, url string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body)) //nolint:gosec // servers of the fleet itself, and topics from a list
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request) //nolint:gosec // as above
	if err != nil {
		return err
	}
	defer func() {
		_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxBody))
		_ = response.Body.Close()
	}()
	if response.StatusCode >= http.StatusBadRequest {
		return refusal(response.StatusCode)
	}
	return json.NewDecoder(io.LimitReader(response.Body, maxBody)).Decode(out)
}

// pause waits, or until the context ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
