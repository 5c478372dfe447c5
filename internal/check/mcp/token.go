package mcp

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// maxToken is how long an Authorization header may be to be looked at, in bytes.
const maxToken = 16 << 10

// latestExpiry is the last second of the year 9999: what is later is no date.
const latestExpiry = 253402300799

// tokenExpiry returns when the JWT in an Authorization header expires, its claim
// "exp" (RFC 7519, section 4.1.4); false if the header holds none that says so.
// The token is not verified.
func tokenExpiry(authorization string) (time.Time, bool) {
	scheme, token, _ := strings.Cut(authorization, " ")
	if len(authorization) > maxToken || !strings.EqualFold(scheme, "bearer") {
		return time.Time{}, false
	}
	parts := strings.Split(strings.TrimSpace(token), ".")
	if len(parts) != 3 {
		return time.Time{}, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return time.Time{}, false
	}
	var claims struct {
		// A NumericDate may have a fraction.
		Expiry *float64 `json:"exp"`
	}
	if json.Unmarshal(payload, &claims) != nil || claims.Expiry == nil || *claims.Expiry <= 0 || *claims.Expiry > latestExpiry {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(*claims.Expiry * 1000)), true
}
