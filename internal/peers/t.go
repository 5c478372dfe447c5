package peers

import "context"

// T is what the servers need of that which they are started for: every testing.TB
// is one, and a program that is no test may have its own. Fatal and Fatalf do not
// return. Cleanup functions run at the end, the last one first.
type T interface {
	Helper()
	Context() context.Context
	Cleanup(func())
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Failed() bool
}
