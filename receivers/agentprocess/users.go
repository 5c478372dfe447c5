package agentprocess

import (
	"bytes"
	"strconv"
)

// parsePasswd returns the numbers of the users in a passwd(5) file. Of a name
// that occurs twice, the first line counts, as it does for the C library. A line
// that is none is passed over.
func parsePasswd(b []byte) map[string]uint32 {
	users := map[string]uint32{}
	for line := range bytes.Lines(b) {
		fields := bytes.SplitN(line, []byte{':'}, 4)
		if len(fields) < 4 || len(fields[0]) == 0 {
			continue
		}
		uid, err := strconv.ParseUint(string(fields[2]), 10, 32)
		if err != nil {
			continue
		}
		if _, known := users[string(fields[0])]; !known {
			users[string(fields[0])] = uint32(uid)
		}
	}
	return users
}
