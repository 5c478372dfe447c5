package detect

import "math"

const (
	bins = 32
	// margin is how far a stretched range reaches past the value that stretched
	// it, as a share of the range: a slow ramp should not stretch at every point.
	margin = 0.2
	// growth bounds how much one value may stretch a range that means something, so
	// that one absurd value does not press all that is usual into a single bin.
	growth = 16
	// memory is the number of values after which every count is halved. The weight
	// of a value therefore halves every memory/2 values.
	memory = 8192
	// relativeFloor is the share of a value below which differences are taken for
	// rounding errors.
	relativeFloor = 1e-9
	// smallest keeps bins of a finite width around zero.
	smallest = 1e-300
	// distanceWeight is what each doubling of the distance from the range adds to
	// the surprise at a value outside of it. Without a term that goes on growing,
	// all that was never seen would look alike.
	distanceWeight = 0.8
	// farthest bounds the distance, in ranges, so that the surprise is finite.
	farthest = 1e18
	// unscaled is the distance that is assumed of a first move, when nothing tells
	// how far it is.
	unscaled = 7
)

// histogram says how rare a value is among the values before it. Its bins are
// linear and of equal width over the range seen so far: on data with a heavy tail
// they become coarse by themselves, and repeated spikes stop being news.
type histogram struct {
	low, width float64
	total      uint16
	// scaled is true once the range means something: two different values were
	// seen, or there is a floor.
	scaled bool
	counts [bins]uint16
}

// surprise is the decimal logarithm of how much rarer than certain x is, before
// x itself is learned. It is at least 0.
func (h *histogram) surprise(x float64) float64 {
	if h.total == 0 {
		return 0
	}
	d := h.distance(x)
	if d > 0 {
		d = min(d, farthest)
		if !h.scaled {
			d = unscaled
		}
		return math.Log10(2*float64(h.total)) + distanceWeight*math.Log2(1+d)
	}
	i := h.bin(x)
	mass := 0.5 + float64(h.counts[i])
	if i > 0 {
		mass += float64(h.counts[i-1]) / 2
	}
	if i < bins-1 {
		mass += float64(h.counts[i+1]) / 2
	}
	return max(0, math.Log10(float64(h.total)/mass))
}

// learn counts x, which may be wrong by rounding. The range is never narrower than
// that and than floor, if there is one; bounded limits how far x may stretch it.
func (h *histogram) learn(x, floor, rounding float64, bounded bool) {
	least := max(floor, rounding, math.Abs(x)*relativeFloor, smallest)
	if h.total == 0 {
		h.low, h.width = x-least/2, least/bins
		h.scaled = floor == least
	}
	if h.distance(x) > 0 {
		x = h.stretch(x, bounded && h.scaled)
		h.scaled = true
	}
	h.counts[h.bin(x)]++
	if h.total++; h.total >= memory {
		h.forget(least)
	}
}

// distance is how far x lies outside of the range, in ranges; 0 inside.
func (h *histogram) distance(x float64) float64 {
	size := h.width * bins
	switch high := h.low + size; {
	case x < h.low:
		return (h.low - x) / size
	case x > high:
		return (x - high) / size
	default:
		return 0
	}
}

func (h *histogram) bin(x float64) int {
	return min(max(int((x-h.low)/h.width), 0), bins-1)
}

// stretch widens the range towards x and returns the value to count in its place:
// x, or the new end of the range if x is beyond what one value may do.
func (h *histogram) stretch(x float64, bounded bool) float64 {
	low, high := h.low, h.low+h.width*bins
	if x > high {
		if bounded {
			x = min(x, low+growth*(high-low))
		}
		high = x + margin*(x-low)
	} else {
		if bounded {
			x = max(x, high-growth*(high-low))
		}
		low = x - margin*(high-x)
	}
	h.rebin(low, high)
	return x
}

// rebin moves the counts to bins over another range. A count is spread evenly over
// its old bin; what was counted outside of the new range goes to the bins at its
// ends, and no count is lost.
func (h *histogram) rebin(low, high float64) {
	old := *h
	h.low, h.width = low, (high-low)/bins
	below, done := 0.0, uint16(0) // counted below the edge at hand; handed out so far
	i := 0                        // the first old bin not wholly below the edge
	for j := range h.counts {
		share := float64(h.total)
		if j < bins-1 {
			edge := (h.low + float64(j+1)*h.width - old.low) / old.width
			for ; i < bins && float64(i+1) <= edge; i++ {
				below += float64(old.counts[i])
			}
			share = below
			if i < bins && edge > float64(i) {
				share += (edge - float64(i)) * float64(old.counts[i])
			}
		}
		upTo := uint16(math.Round(share))
		h.counts[j] = upTo - done
		done = upTo
	}
}

// forget halves every count, so that what happened once is forgotten, and draws
// the range in to what is left, though not below least, if that is much smaller.
func (h *histogram) forget(least float64) {
	h.total = 0
	first, last := bins, -1
	for i := range h.counts {
		h.counts[i] /= 2
		h.total += h.counts[i]
		if h.counts[i] > 0 {
			first, last = min(first, i), i
		}
	}
	if occupied := last - first + 1; occupied <= bins/2 {
		size := float64(occupied) * h.width
		middle := h.low + float64(first)*h.width + size/2
		size = max(size*(1+2*margin), least, math.Abs(middle)*relativeFloor)
		h.rebin(middle-size/2, middle+size/2)
	}
}
