package proctable

import "bytes"

// parsePSS adds up the "Pss:" and "SwapPss:" lines of /proc/PID/smaps_rollup, in
// bytes: the private memory of the process and its share of what it shares, in
// memory and in swap. Kernels before 4.3 have no SwapPss.
func parsePSS(b []byte) (int64, error) {
	memory, ok := kilobytes(b, "\nPss:")
	if !ok {
		return 0, errMalformed
	}
	if !bytes.Contains(b, []byte("\nSwapPss:")) {
		return memory, nil
	}
	swap, ok := kilobytes(b, "\nSwapPss:")
	if !ok {
		return 0, errMalformed
	}
	return memory + swap, nil
}

// kilobytes returns the number, in bytes, behind a name that is told in kB.
func kilobytes(b []byte, name string) (int64, bool) {
	_, value, ok := bytes.Cut(b, []byte(name))
	if !ok {
		return 0, false
	}
	value, _, _ = bytes.Cut(value, []byte{'\n'})
	value, ok = bytes.CutSuffix(bytes.TrimLeft(value, " \t"), []byte(" kB"))
	if !ok {
		return 0, false
	}
	kB, ok := decimal(value)
	return int64(kB) << 10, ok && kB <= 1<<51
}
