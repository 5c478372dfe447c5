// Package detect finds unusual points in one series at a time, as they come.
//
// A Detector asks two questions of a point: how rare is its value among the
// values before it, and how rare is its difference from the value a few points
// earlier? Each is answered by a histogram over the range seen so far, as the
// negative logarithm of the share of earlier points that were alike; a value
// outside of the range counts as rarer the farther out it lies. The larger answer
// and a part of the other, less a bar that rises with the length of the history,
// is the score.
//
// A Counter makes a series of rates or means from a stream that counts, and a
// Latch makes a state from scores. What a series is called, where its points come
// from and how many series there may be is left to the caller.
package detect
