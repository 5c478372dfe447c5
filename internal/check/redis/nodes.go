package redis

import (
	"errors"
	"strings"
)

var errNotNodes = errors.New("the list of cluster nodes cannot be read")

// nodeCounts is how many nodes of a cluster are in which state, as one node sees
// it: pfail is its own suspicion, fail is what the majority agreed on.
type nodeCounts struct {
	ok, pfail, fail int
	// own are the slots of the node itself.
	own []slotRange
}

// parseNodes reads the answer to CLUSTER NODES: a line for each node,
// "<id> <address> <flags> <primary> …", with flags joined by commas (Redis
// documentation of the command). Nodes in handshake are no members yet and do not
// count.
func parseNodes(text string) (nodeCounts, error) {
	var counts nodeCounts
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		// A node that serves no slots has eight fields.
		if len(fields) < 8 {
			return nodeCounts{}, errNotNodes
		}
		if strings.Contains(","+fields[2]+",", ",myself,") {
			counts.own = parseSlots(fields[8:])
		}
		switch flags := "," + fields[2] + ","; {
		case strings.Contains(flags, ",handshake,"):
		case strings.Contains(flags, ",fail,"):
			counts.fail++
		case strings.Contains(flags, ",fail?,"):
			counts.pfail++
		default:
			counts.ok++
		}
	}
	if counts.ok+counts.pfail+counts.fail == 0 {
		return nodeCounts{}, errNotNodes
	}
	return counts, nil
}
