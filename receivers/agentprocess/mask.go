package agentprocess

import (
	"math"
	"regexp"
	"strings"
)

// masked stands for a secret.
const masked = "***"

// mask replaces what looks like a secret in a command line: the value of what is
// named like one, the user part of a URL, what follows an authentication scheme,
// and words that look random. It rather hides too much than too little, and
// cannot know all there is: a password that is a word, given without a name, stays.
func mask(line string) string {
	line = strings.ToValidUTF8(line, "�")
	line = userInfo.ReplaceAllString(line, "${1}"+masked+"@")
	line = login.ReplaceAllString(line, "${1}"+masked)
	line = scheme.ReplaceAllString(line, "${1}"+masked)
	line = named.ReplaceAllString(line, "${1}"+masked)
	line = known.ReplaceAllString(line, masked)
	return word.ReplaceAllStringFunc(line, func(w string) string {
		if random(w) {
			return masked
		}
		return w
	})
}

// sensitive matches the end of names such as OPENAI_API_KEY, --client-secret and
// accessToken.
const sensitive = `[\w.-]*(?i:token|secret|passw(?:or)?d|passwd|passphrase|pass|pwd|api[-_.]?key|apikey|key|credentials?|auth|authorization|cookie|signature|dsn|jwt|bearer|connection[-_.]?string|sas|pat)(?i:s?)`

// value is all that belongs to a value: quoted text, or up to a space or the next
// parameter of a URL.
const value = `(?:"(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s&;"']+)`

var (
	userInfo = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)[^\s/?#"'@]*(?:@[^\s/?#"'@]*)*@`)
	login    = regexp.MustCompile(`((?:^|\s)(?:-u|--user|--proxy-user)[\s=]+[^\s:]+:)\S+`)
	scheme   = regexp.MustCompile(`((?i:\b(?:bearer|basic|digest|apikey|negotiate)(?:\s+|%20|\+)))[^\s"',;]+`)
	// A name and its value have a sign between, or only space after a flag.
	named = regexp.MustCompile(`((?:\b|--?|/)` + sensitive + `["']?(?:\s*[=:]\s*|%3[dD])|(?:^|\s)--?` + sensitive + `\s+)` + value)
	// The prefixes that makers give to their keys, so that they are found.
	known = regexp.MustCompile(`\b(?:sk|pk|rk|ghp|gho|ghu|ghs|ghr|github_pat|glpat|xox[abprs]|hf|npm|pypi|AKIA|ASIA|AIza|ya29|eyJ|whsec|shpat|SG|dop_v1|lsv2|pplx|gsk|xai|tvly|r8)[-_.]?[A-Za-z0-9][A-Za-z0-9_.-]{14,}`)
	word  = regexp.MustCompile(`[A-Za-z0-9_+.~-]{16,}={0,2}`)
)

// random tells whether a word is too disorderly to be a name: it has a piece
// without separators of at least 20 letters and digits, or 16 in both cases, that
// has at least 3 bits of information each.
func random(w string) bool {
	for piece := range strings.FieldsFuncSeq(w, func(r rune) bool { return strings.ContainsRune("-_.~", r) }) {
		var lower, upper, digit bool
		var count [256]int
		for i := range len(piece) {
			c := piece[i]
			count[c]++
			lower = lower || 'a' <= c && c <= 'z'
			upper = upper || 'A' <= c && c <= 'Z'
			digit = digit || '0' <= c && c <= '9'
		}
		long := len(piece) >= 20 && digit && (lower || upper) || len(piece) >= 16 && digit && lower && upper
		if long && entropy(&count, len(piece)) >= 3 {
			return true
		}
	}
	return false
}

// entropy returns the bits of information in each of n characters.
func entropy(count *[256]int, n int) (bits float64) {
	for _, c := range count {
		if c > 0 {
			p := float64(c) / float64(n)
			bits -= p * math.Log2(p)
		}
	}
	return bits
}
