package check

// scored is how many forecasts a Score is the mean of.
const scored = 256

// Score is the mean of the squares by which forecasts missed what came, 0 or 1,
// over the last 256 runs: 0 is perfect, and who always says 1/2 has 1/4. See
// G. W. Brier, "Verification of forecasts expressed in terms of probability",
// Monthly Weather Review 78 (1950).
type Score struct {
	// Forecasts is the number of forecasts in the mean, zero if there was none.
	Forecasts int
	// Mixed is the score of FailureProbability.
	Mixed float64
	// BaseRate is that of a forecast that knows nothing but the share of runs that
	// have failed so far, weighted as in the chain. A forecast is worth something if
	// its score is lower than this.
	BaseRate float64
}

// scoring keeps the last scores.
type scoring struct {
	last ring[missed]
}

type missed struct{ mixed, base float32 }

func (s *scoring) add(mixed, base float64, failed bool) {
	if s.last.size == 0 {
		s.last = newRing[missed](scored)
	}
	came := 0.0
	if failed {
		came = 1
	}
	s.last.add(missed{square(mixed - came), square(base - came)})
}

func (s *scoring) score() Score {
	out := Score{Forecasts: s.last.len()}
	if out.Forecasts == 0 {
		return out
	}
	for _, m := range s.last.values {
		out.Mixed += float64(m.mixed)
		out.BaseRate += float64(m.base)
	}
	out.Mixed /= float64(out.Forecasts)
	out.BaseRate /= float64(out.Forecasts)
	return out
}

func square(x float64) float32 { return float32(x * x) }
