package a2a

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/a2aproject/a2a-go/v2/a2a"
	"github.com/a2aproject/a2a-go/v2/a2aclient"
)

var (
	errNoWay      = errors.New("the card names no interface on this host that the canary can take: want jsonrpc or http_json")
	errFailed     = errors.New("the agent failed at the canary")
	errUnfinished = errors.New("the agent has not finished the canary")
	errWantsAuth  = errors.New("the agent wants credentials for the canary")
	errUnexpected = errors.New("the answer to the canary does not match the expected pattern")
)

// outcome is how an agent dealt with a message.
type outcome struct {
	// state is that of the task, empty for an answer without one.
	state a2a.TaskState
	text  strings.Builder
}

// canary sends the message by the first usable interface, the newest protocol
// first.
func (p *Probe) canary(ctx context.Context, c card) error {
	var modern, old []*a2a.AgentInterface
	for _, i := range c.interfaces {
		switch binding := bindingOf(i); {
		case !p.permits(i):
		case strings.HasPrefix(string(i.ProtocolVersion), "1.") && (binding == "jsonrpc" || binding == "http_json"):
			modern = append(modern, i)
		case strings.HasPrefix(string(i.ProtocolVersion), "0.") && binding == "jsonrpc":
			old = append(old, i)
		}
	}
	var got outcome
	var err error
	switch {
	case len(modern) > 0:
		err = p.send(ctx, modern, &got)
	case len(old) > 0:
		err = p.sendOld(ctx, old[0].URL, &got)
	default:
		return errNoWay
	}
	if err != nil {
		return err
	}
	return p.settings.Canary.judge(&got)
}

func (c *Canary) judge(got *outcome) error {
	switch got.state {
	case a2a.TaskStateFailed, a2a.TaskStateRejected, a2a.TaskStateCanceled:
		return errFailed
	case a2a.TaskStateAuthRequired:
		return errWantsAuth
	case a2a.TaskStateSubmitted, a2a.TaskStateWorking:
		return errUnfinished
	}
	if c.Expect != nil && !c.Expect.MatchString(got.text.String()) {
		return errUnexpected
	}
	return nil
}

// send speaks protocol 1.0 with the official SDK.
func (p *Probe) send(ctx context.Context, interfaces []*a2a.AgentInterface, got *outcome) error {
	strict := *p.client
	strict.Transport = successes{strict.Transport}
	client, err := a2aclient.NewFactory(
		a2aclient.WithDefaultsDisabled(),
		a2aclient.WithJSONRPCTransport(&strict),
		a2aclient.WithRESTTransport(&strict),
	).CreateFromEndpoints(ctx, interfaces)
	if err != nil {
		return err
	}
	defer func() { _ = client.Destroy() }()
	message := a2a.NewMessage(a2a.MessageRoleUser, a2a.NewTextPart(p.settings.Canary.Message))
	result, err := client.SendMessage(ctx, &a2a.SendMessageRequest{Message: message})
	if err != nil {
		return err
	}
	switch result := result.(type) {
	case *a2a.Message:
		got.add(result.Parts)
	case *a2a.Task:
		got.state = result.Status.State
		if result.Status.Message != nil {
			got.add(result.Status.Message.Parts)
		}
		for _, artifact := range result.Artifacts {
			if artifact != nil {
				got.add(artifact.Parts)
			}
		}
	}
	return nil
}

func (o *outcome) add(parts a2a.ContentParts) {
	for _, part := range parts {
		if part != nil {
			o.text.WriteString(part.Text())
			o.text.WriteByte('\n')
		}
	}
}

// successes is a transport that makes an error of every answer without success:
// the SDK tells the status in its error's text alone.
type successes struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t successes) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		_ = response.Body.Close()
		return nil, statusError(response.StatusCode)
	}
	return response, nil
}
