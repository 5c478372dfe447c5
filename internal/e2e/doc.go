// Package e2e holds the end-to-end tests: they build the binary, run it with the
// shipped configurations between real servers on loopback, and ask those servers,
// through their own interfaces, what they got from us.
package e2e
