package span

import "strings"

// database are databases and caches, by the database conventions before and after
// 1.26. A cache is what names a system that is one, or says itself whether it has
// hit. The text of a query is looked at for its first word and never kept.
var database = dialect{
	name: "db",
	fields: []field{
		{"db.system.name", dbSystem, 0},
		{"db.system", dbSystem, 1},
		{"db.operation.name", dbOperation, 0},
		{"db.operation", dbOperation, 1},
		{"db.collection.name", dbTable, 0},
		{"db.sql.table", dbTable, 1},
		{"db.mongodb.collection", dbTable, 2},
		{"db.cassandra.table", dbTable, 3},
		{"db.query.summary", dbSummary, 0},
		{"db.query.text", dbText, 0},
		{"db.statement", dbText, 1},
		{"db.namespace", dbNamespace, 0},
		{"db.name", dbNamespace, 1},
		{"db.response.returned_rows", dbRows, 0},
		{"cache.hit", cacheHit, 0},
		{"cache.result", cacheResult, 0},
		{"cache.operation", cacheOperation, 0},
		{"cache.system", cacheSystem, 0},
		{"cache.type", cacheSystem, 1},
	},
	triggers: []slot{dbSystem, cacheHit, cacheResult},
	classify: classifyDatabase,
}

func classifyDatabase(s *Span, m *Meaning) bool {
	m.DBSystem = s.text(dbSystem)
	saysHit := s.has(cacheHit) || s.has(cacheResult)
	if m.DBSystem == "" && s.has(httpMethod) {
		return false // what was in a cache is the answer to a request
	}
	if saysHit {
		fill(&m.DBSystem, s.text(cacheSystem))
	}
	if !saysHit && !cacheDatabase(m.DBSystem) {
		m.Type = Database
		m.DBOperation = s.databaseOperation(sqlKeyword)
		m.DBTable = s.databaseTable(m.DBOperation)
		return true
	}
	m.Type = Cache
	m.DBOperation = conventionalKeyword(s.text(cacheOperation))
	fill(&m.DBOperation, s.databaseOperation(command))
	m.CacheResult = s.hitOrMiss(m.DBOperation)
	return true
}

// cacheDatabase knows the values of db.system.name that are caches first of all.
func cacheDatabase(system string) bool {
	switch system {
	case "redis", "memcached", "valkey", "dragonfly", "keydb", "hazelcast", "infinispan":
		return true
	}
	return false
}

// databaseOperation is the operation that is told, else the first word of what
// tells it: the summary, the query, the name of the span.
func (s *Span) databaseOperation(known func(string) string) string {
	if told := s.text(dbOperation); told != "" {
		return conventionalKeyword(firstWord(told))
	}
	for _, text := range [...]string{s.text(dbSummary), s.text(dbText), s.Name} {
		if op := known(firstWord(text)); op != "" {
			return op
		}
	}
	return ""
}

// databaseTable is the table that is told, else the one target of a summary or of a
// conventional span name, {operation} {target}. The target may be the database
// instead, and then there is no table.
func (s *Span) databaseTable(op string) string {
	if told := s.text(dbTable); told != "" {
		return told
	}
	for _, text := range [...]string{s.text(dbSummary), s.Name} {
		first, target, _ := strings.Cut(text, " ")
		if op == "" || conventionalKeyword(first) != op || target == "" || !identifier(target) {
			continue
		}
		namespace := s.text(dbNamespace)
		if target == namespace {
			continue
		}
		if namespace != "" {
			target = strings.TrimPrefix(target, namespace+".")
		}
		return target
	}
	return ""
}

// identifier reports whether the text is a table's name, perhaps with its schema,
// and nothing that could be a part of a query.
func identifier(text string) bool {
	for i := range len(text) {
		c := text[i]
		if c != '_' && c != '.' && c != '-' && (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return len(text) <= 128
}

// firstWord is the first word of a query, comments and brackets left out.
func firstWord(text string) string {
	for range 4 {
		text = strings.TrimLeft(text, " \t\r\n(;")
		switch {
		case strings.HasPrefix(text, "/*"):
			_, text, _ = strings.Cut(text, "*/")
			continue
		case strings.HasPrefix(text, "--"):
			_, text, _ = strings.Cut(text, "\n")
			continue
		}
		break
	}
	end := 0
	for end < len(text) && (text[end]|0x20 >= 'a' && text[end]|0x20 <= 'z' || text[end] == '_') {
		end++
	}
	return text[:end]
}

// sqlKeyword returns the word in upper case if it begins a statement, so that no
// part of a query without one is taken for an operation.
func sqlKeyword(word string) string {
	switch upper := conventionalKeyword(word); upper {
	case "SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "UPSERT", "REPLACE", "WITH", "CREATE", "ALTER", "DROP", "TRUNCATE",
		"BEGIN", "START", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "CALL", "EXEC", "EXECUTE", "EXPLAIN", "ANALYZE", "VACUUM", "COPY",
		"GRANT", "REVOKE", "SET", "SHOW", "LOCK", "DECLARE", "FETCH", "CLOSE", "PREPARE", "DEALLOCATE", "LISTEN", "NOTIFY", "USE",
		"PRAGMA", "FIND", "AGGREGATE", "MATCH":
		return upper
	}
	return ""
}

// command returns the word in upper case if it can be a command of a cache: these
// begin with it, and know too many to list.
func command(word string) string {
	if len(word) < 2 || len(word) > 16 {
		return ""
	}
	return conventionalKeyword(word)
}

// conventionalKeyword is the word in upper case, without a copy if it was.
func conventionalKeyword(word string) string {
	if len(word) > 32 {
		return ""
	}
	for i := range len(word) {
		if word[i] >= 'a' && word[i] <= 'z' {
			return strings.ToUpper(word)
		}
	}
	return word
}

// hitOrMiss is what the span says, in one of the forms in use, or what the number
// of returned rows says of a read.
func (s *Span) hitOrMiss(op string) string {
	if s.has(cacheHit) {
		if hit, ok := s.values[cacheHit].value.Bool(); ok {
			return hitIf(hit)
		}
	}
	switch s.text(cacheResult) {
	case "hit", "HIT", "Hit":
		return "hit"
	case "miss", "MISS", "Miss":
		return "miss"
	}
	if rows, ok := s.count(dbRows); ok && cacheRead(op) {
		return hitIf(rows > 0)
	}
	return ""
}

func hitIf(hit bool) string {
	if hit {
		return "hit"
	}
	return "miss"
}

// cacheRead knows the commands that look one thing up, of Redis and Memcached.
func cacheRead(op string) bool {
	switch op {
	case "GET", "GETEX", "GETDEL", "HGET", "GETS", "GAT", "GATS", "MGET", "HMGET", "EXISTS", "HEXISTS":
		return true
	}
	return false
}
