//go:build !race

package proctable

const raceDetector = false
