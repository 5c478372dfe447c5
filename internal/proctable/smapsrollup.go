package proctable

import "bytes"

// parsePSS returns the bytes of the "Pss:" line of /proc/PID/smaps_rollup: the
// private memory of the process and its share of what it shares.
func parsePSS(b []byte) (int64, error) {
	for len(b) > 0 {
		line := b
		if end := bytes.IndexByte(b, '\n'); end >= 0 {
			line, b = b[:end], b[end+1:]
		} else {
			b = nil
		}
		value, ok := bytes.CutPrefix(line, []byte("Pss:"))
		if !ok {
			continue
		}
		value, ok = bytes.CutSuffix(bytes.TrimLeft(value, " \t"), []byte(" kB"))
		if !ok {
			break
		}
		kB, ok := decimal(value)
		if !ok || kB > 1<<52 {
			break
		}
		return int64(kB) << 10, nil
	}
	return 0, errMalformed
}
