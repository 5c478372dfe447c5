// Package a2a makes spans of the messages of the official A2A SDK for Go
// (github.com/a2aproject/a2a-go/v2), with the names that are proposed for the
// semantic conventions of OpenTelemetry: CLIENT where a request is sent and SERVER
// where it is handled, named by the method of protocol version 1.0, such as
// "SendMessage". The trace goes from one to the other in the service parameters,
// which the JSON-RPC and REST bindings send as HTTP headers.
//
//	client, err := a2aclient.NewFromCard(ctx, card, a2aclient.WithCallInterceptors(a2a.Client()))
//	handler := a2asrv.NewHandler(executor, a2asrv.WithCallInterceptors(a2a.Server()))
//
// A span of a stream lasts until the stream has told of its end: a message, a task
// that has ended or waits for input, or an error. The interceptors are not told when
// a caller turns away before that; such a span ends with its context.
package a2a
