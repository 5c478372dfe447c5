package postgres

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/watchkeeper/watchkeeper/internal/check"
)

// statistics is what the server says of itself.
type statistics struct {
	// active is how many connections other than ours run a query now; it means
	// something only if activeKnown.
	active      int
	activeKnown bool
	// connections is how many clients are connected, ours included, and limit how
	// many there may be that are not reserved for administrators.
	connections int
	limit       int
	// size is the size of our database in bytes.
	size float64
	// waiting is how many connections other than ours wait for a lock, and oldest
	// how many seconds the oldest transaction of theirs has lasted. They mean
	// something only if activeKnown.
	waiting int
	oldest  float64
	// lag is how many seconds the data is behind the primary; it means something
	// only if lagKnown: a replica that has replayed no transaction since it started
	// cannot tell.
	lagKnown bool
	lag      float64
}

// statisticsQuery counts clients in pg_stat_activity. Of other users' sessions a
// user without pg_read_all_stats sees neither state nor backend_type, which are
// null then; datid, which it does see, tells clients from the server's own
// processes well enough. reserved_connections came with PostgreSQL 16.
//
// A replica that has replayed all it got, and still gets more, is not behind,
// however long the primary has had nothing to say. One that gets nothing may be as
// far behind as its last transaction is old (PostgreSQL manual, 9.27.4, 27.2.9).
const statisticsQuery = `
SELECT count(*) FILTER (WHERE state = 'active' AND pid <> pg_backend_pid()),
       coalesce(bool_and(backend_type IS NOT NULL), true),
       count(*),
       current_setting('max_connections')::int
         - current_setting('superuser_reserved_connections')::int
         - coalesce(nullif(current_setting('reserved_connections', true), '')::int, 0),
       pg_database_size(current_database()),
       count(*) FILTER (WHERE state = 'active' AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()),
       coalesce(extract(epoch FROM max(clock_timestamp() - xact_start) FILTER (WHERE pid <> pg_backend_pid())), 0),
       CASE WHEN NOT pg_is_in_recovery() THEN NULL
            WHEN EXISTS (SELECT FROM pg_stat_wal_receiver WHERE coalesce(status, 'streaming') = 'streaming')
                 AND pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
            ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END
  FROM pg_stat_activity
 WHERE datid IS NOT NULL AND coalesce(backend_type, 'client backend') = 'client backend'`

func readStatistics(ctx context.Context, conn *pgconn.PgConn) (statistics, error) {
	row, err := queryRow(ctx, conn, timeoutStatement(ctx)+statisticsQuery)
	if err != nil {
		return statistics{}, err
	}
	return parseStatistics(row)
}

func parseStatistics(row [][]byte) (st statistics, err error) {
	if len(row) != 8 {
		return st, errNoStatistics
	}
	st.activeKnown = string(row[1]) == "t"
	var errs [7]error
	st.active, errs[0] = strconv.Atoi(string(row[0]))
	st.connections, errs[1] = strconv.Atoi(string(row[2]))
	st.limit, errs[2] = strconv.Atoi(string(row[3]))
	st.size, errs[3] = strconv.ParseFloat(string(row[4]), 64)
	st.waiting, errs[4] = strconv.Atoi(string(row[5]))
	st.oldest, errs[5] = seconds(row[6])
	if st.lagKnown = len(row[7]) > 0; st.lagKnown {
		st.lag, errs[6] = seconds(row[7])
	}
	if errors.Join(errs[:]...) != nil {
		return statistics{}, errNoStatistics
	}
	return st, nil
}

// seconds reads a time span. That of clocks which disagree may be below zero.
func seconds(text []byte) (float64, error) {
	n, err := strconv.ParseFloat(string(text), 64)
	if math.IsNaN(n) || math.IsInf(n, 0) {
		return 0, errNoStatistics
	}
	return max(n, 0), err
}

// timeoutStatement has the server give up when we do. LOCAL ends with the implicit
// transaction of the message that it is sent in, so nothing sticks to a connection
// that a pooler lends to others next.
func timeoutStatement(ctx context.Context) string {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ""
	}
	return fmt.Sprintf("SET LOCAL statement_timeout = %d;", max(time.Until(deadline).Milliseconds(), 1))
}

// queryRow sends sql by the simple protocol, which leaves no prepared statement
// behind and so works through any pooler, and returns the first row of the last
// statement in text format.
func queryRow(ctx context.Context, conn *pgconn.PgConn, sql string) ([][]byte, error) {
	var row [][]byte
	results := conn.Exec(ctx, sql)
	for results.NextResult() {
		reader := results.ResultReader()
		row = nil
		for reader.NextRow() {
			if row != nil {
				continue
			}
			for _, value := range reader.Values() {
				row = append(row, append([]byte{}, value...))
			}
		}
		if _, err := reader.Close(); err != nil {
			break
		}
	}
	return row, results.Close()
}

func (st statistics) ratio() float64 {
	if st.limit <= 0 {
		return 0
	}
	return float64(st.connections) / float64(st.limit)
}

func (st statistics) measurements(endpoint string) []check.Measurement {
	var out []check.Measurement
	add := func(name string, value float64) {
		out = append(out, check.Measurement{
			Name: name, Value: value, Attributes: map[string]string{"server.address": endpoint},
		})
	}
	if st.activeKnown {
		add("database.connection_pool.active", float64(st.active))
	}
	add("database.connection_pool.utilization", st.ratio())
	add("database.size", st.size)
	if st.activeKnown {
		add("database.connection_pool.waiting", float64(st.waiting))
		add("database.transaction.oldest_age", st.oldest)
	}
	if st.lagKnown {
		add("database.replication.lag", st.lag)
	}
	return out
}
