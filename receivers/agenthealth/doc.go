// Package agenthealth is a receiver that runs health checks on what agents stand
// on: databases, caches, tool servers, HTTP services, the host. It sends metrics
// on every check in every interval, and an event the moment a state changes.
//
// Running the checks is the business of internal/check, and each kind of check
// that of a package below it. This package maps the configuration to them, owns
// TLS and authentication, and makes pdata of what they find.
package agenthealth

//go:generate go tool mdatagen metadata.yaml
