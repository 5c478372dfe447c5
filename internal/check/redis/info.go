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
	// evicts is true when the server makes room for new keys by dropping old ones,
	// of which it has dropped evicted.
	evicts  bool
	evicted float64
	// sentinel and cluster tell the mode of the server; neither is true for one that
	// stands alone.
	sentinel bool
	cluster  bool
	// replica is true for a server that follows another, and replicas is how many
	// follow this one.
	replica  bool
	replicas float64
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
		case "maxmemory_policy":
			in.evicts = value != "noeviction"
		case "evicted_keys":
			in.evicted = number(value)
		case "redis_mode":
			in.cluster, in.sentinel = value == "cluster", value == "sentinel"
		case "role":
			in.replica = value == "slave" || value == "replica"
		case "connected_slaves":
			in.replicas = number(value)
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
