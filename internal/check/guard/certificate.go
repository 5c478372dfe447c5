package guard

import (
	"crypto/x509"
	"time"
)

// DefaultCertificateValidity is how much longer certificates must be valid unless
// somebody wants otherwise: time enough to renew one, over a weekend.
const DefaultCertificateValidity = 7 * 24 * time.Hour

// ExpiresSoon is true when a certificate is valid for less than limit from now on,
// or for less than a third of its whole life if that is shorter: certificates that
// are made for hours are renewed in their last hours. A limit of zero is off.
func ExpiresSoon(c *x509.Certificate, now time.Time, limit time.Duration) bool {
	third := c.NotAfter.Sub(c.NotBefore) / 3
	return limit > 0 && c.NotAfter.Sub(now) < min(limit, third)
}
