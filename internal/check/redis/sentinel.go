package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/watchkeeper/watchkeeper/internal/check"
)

// maxMasters is how many masters a sentinel is asked about.
const maxMasters = 100

var errNotMasters = errors.New("the list of masters cannot be read")

// masters is how many masters a sentinel takes for what: sdown is its own opinion,
// odown what enough sentinels agreed on (Redis documentation, "High availability
// with Redis Sentinel").
type masters struct {
	ok, sdown, odown int
	// noQuorum is how many lack the sentinels that it takes to fail over.
	noQuorum int
}

func readMasters(ctx context.Context, client *redis.Client) (m masters, err error) {
	answer, err := client.Do(ctx, "SENTINEL", "MASTERS").Slice()
	if err != nil {
		return m, err
	}
	m, names, err := parseMasters(answer)
	if err != nil {
		return m, err
	}
	for _, name := range names[:min(len(names), maxMasters)] {
		switch err := client.Do(ctx, "SENTINEL", "CKQUORUM", name).Err(); {
		case err == nil:
		case answered(err) && strings.HasPrefix(err.Error(), "NOQUORUM"):
			m.noQuorum++
		default:
			return m, err
		}
	}
	return m, nil
}

// parseMasters reads the answer to SENTINEL MASTERS: for each master a list of
// names and values in turn.
func parseMasters(answer []any) (m masters, names []string, err error) {
	for _, one := range answer {
		list, ok := one.([]any)
		if !ok {
			return masters{}, nil, errNotMasters
		}
		var name, flags string
		for i := 0; i+1 < len(list); i += 2 {
			value, _ := list[i+1].(string)
			switch list[i] {
			case "name":
				name = value
			case "flags":
				flags = value
			}
		}
		if name == "" || flags == "" {
			return masters{}, nil, errNotMasters
		}
		names = append(names, name)
		switch flags := "," + flags + ","; {
		case strings.Contains(flags, ",o_down,"):
			m.odown++
		case strings.Contains(flags, ",s_down,"):
			m.sdown++
		default:
			m.ok++
		}
	}
	return m, names, nil
}

func (m masters) judge(sentinel bool, say func(check.State, string, ...any)) {
	all := m.ok + m.sdown + m.odown
	switch {
	case !sentinel:
		return
	case all == 0:
		say(check.Degraded, "the sentinel watches no master")
	case m.odown > 0:
		say(check.Unhealthy, "%s down", share(m.odown, all))
	case m.sdown > 0:
		say(check.Degraded, "%s suspected to be down", share(m.sdown, all))
	}
	if m.noQuorum > 0 {
		say(check.Degraded, "%s without the sentinels that a failover takes", share(m.noQuorum, all))
	}
}

func share(some, all int) string {
	verb := "are"
	if some == 1 {
		verb = "is"
	}
	return fmt.Sprintf("%d of %d masters %s", some, all, verb)
}
