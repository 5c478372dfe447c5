//go:build !linux

package expo

// reserve has nothing but the heap to offer.
func reserve(int) []byte { return nil }

func unreserve([]byte) {}
