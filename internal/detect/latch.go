package detect

// Levels of a Latch.
type Levels struct {
	// Enter is the score at or above which the state is entered after EnterPoints
	// points in a row.
	Enter       float64
	EnterPoints int
	// Leave is the score below which the state is left after LeavePoints points in
	// a row. It should be lower than Enter.
	Leave       float64
	LeavePoints int
}

// Latch turns scores into a state that does not flap. The zero value is not in
// the state. A Latch is not safe for concurrent use.
//
// A level that stays ends the state by itself as it becomes part of the history
// of the Detector. With Enter 0.62, Leave 0.31 and LeavePoints 5 that takes 15 to
// 60 points after a history of 60, up to 100 after 500, up to 180 after 2,000 and
// never more than 300.
type Latch struct {
	active bool
	run    uint16
}

// Observe takes the score of the next point. It reports whether the point entered
// the state.
func (l *Latch) Observe(s Levels, score float64) (entered bool) {
	towards, needed := score >= s.Enter, s.EnterPoints
	if l.active {
		towards, needed = score < s.Leave, s.LeavePoints
	}
	if !towards {
		l.run = 0
		return false
	}
	if l.run++; int(l.run) < needed {
		return false
	}
	l.active, l.run = !l.active, 0
	return l.active
}

// Active tells whether the latch is in the state.
func (l *Latch) Active() bool { return l.active }
