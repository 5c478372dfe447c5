package redis

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// clusterSlots is how many slots the keys of every cluster are spread over.
const clusterSlots = 16384

var errNotCluster = errors.New("the state of the cluster cannot be read")

// slots is how well the slots of a cluster are served, as one node sees it.
type slots struct {
	// ok is false when the node serves no key because of what others lack.
	ok bool
	// uncovered is how many slots nobody has or only nodes that failed.
	uncovered int
}

func readCluster(ctx context.Context, client *redis.Client) (n nodeCounts, s slots, err error) {
	text, err := client.ClusterNodes(ctx).Result()
	if err != nil {
		return n, s, err
	}
	if n, err = parseNodes(text); err != nil {
		return n, s, err
	}
	if text, err = client.ClusterInfo(ctx).Result(); err != nil {
		return n, s, err
	}
	s, err = parseClusterInfo(text)
	return n, s, err
}

// parseClusterInfo reads lines of "field:value" (Redis documentation, "CLUSTER
// INFO").
func parseClusterInfo(text string) (slots, error) {
	fields := map[string]string{"cluster_state": "", "cluster_slots_assigned": "", "cluster_slots_fail": ""}
	for line := range strings.Lines(text) {
		field, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		if _, ok := fields[field]; ok {
			fields[field] = value
		}
	}
	assigned, err := strconv.Atoi(fields["cluster_slots_assigned"])
	failed, failedErr := strconv.Atoi(fields["cluster_slots_fail"])
	state := fields["cluster_state"]
	if errors.Join(err, failedErr) != nil || assigned < 0 || assigned > clusterSlots || failed < 0 || failed > assigned || state == "" {
		return slots{}, errNotCluster
	}
	return slots{ok: state == "ok", uncovered: clusterSlots - assigned + failed}, nil
}

// slotRange is a range of slots, both ends included.
type slotRange struct{ first, last int }

// parseSlots reads what a node of CLUSTER NODES serves: "7" or "0-5460"; slots on
// the move, in brackets, are passed over.
func parseSlots(fields []string) []slotRange {
	var out []slotRange
	for _, field := range fields {
		from, to, isRange := strings.Cut(field, "-")
		first, err := strconv.Atoi(from)
		last := first
		if isRange && err == nil {
			last, err = strconv.Atoi(to)
		}
		if err == nil && 0 <= first && first <= last && last < clusterSlots {
			out = append(out, slotRange{first, last})
		}
	}
	return out
}

// slotOf returns the slot of a key without a hash tag: CRC16 of the XMODEM kind
// (Redis cluster specification, "Key distribution model").
func slotOf(key string) int {
	var crc uint16
	for i := range len(key) {
		crc ^= uint16(key[i]) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return int(crc) % clusterSlots
}
