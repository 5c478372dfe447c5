package redis

import (
	"strconv"
	"strings"
)

// info is what we read of the answer to INFO. What the server does not say stays
// zero.
type info struct {
	clients   float64
	memory    float64
	maxMemory float64
	cluster   bool
	// linkDown is true for a replica that is not connected to its primary.
	linkDown bool
}

// parseInfo reads lines of "field:value"; sections, empty lines and unknown fields
// are passed over. Of a field that occurs twice the last one counts.
func parseInfo(text string) info {
	var in info
	for line := range strings.Lines(text) {
		field, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		if !ok {
			continue
		}
		switch field {
		case "connected_clients":
			in.clients = number(value)
		case "used_memory":
			in.memory = number(value)
		case "maxmemory":
			in.maxMemory = number(value)
		case "redis_mode":
			in.cluster = value == "cluster"
		case "master_link_status":
			in.linkDown = value == "down"
		}
	}
	return in
}

// number reads a count; anything else is 0.
func number(text string) float64 {
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0
	}
	return float64(n)
}
