package proctable

// Finding is a thing that this process is not able to see of the others, and what
// would mend it.
type Finding struct {
	// Capability is what suffers, a word or two, such as "open file counts".
	Capability string
	// Missing is what is not there, and Remedy what to do about it: each a phrase
	// that fits on a line together with the rest.
	Missing, Remedy string
}

// String puts a finding on one line.
func (f Finding) String() string {
	return f.Capability + ": " + f.Missing + "; " + f.Remedy
}
