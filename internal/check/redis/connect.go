package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"net"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

var errDialedTwice = errors.New("the connection is gone")

// connect dials, and gives the connection to a client that has no other. The
// client could dial itself, but does so in the background, regardless of ctx, and
// keeps at it after a failure; a probe wants one attempt and its error.
func (p *Probe) connect(ctx context.Context) error {
	conn, err := p.settings.Dial(ctx, "tcp", p.settings.Endpoint)
	if err != nil {
		return err
	}
	if p.settings.TLS != nil {
		secure := tls.Client(conn, p.settings.TLS)
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return err
		}
		conn = secure
	}
	p.limiter = &limiter{Conn: conn}
	given := false
	p.client = redis.NewClient(&redis.Options{
		Addr:     p.settings.Endpoint,
		Username: p.settings.Username,
		Password: p.settings.Password,
		Dialer: func(context.Context, string, string) (net.Conn, error) {
			if given {
				return nil, errDialedTwice
			}
			given = true
			return p.limiter, nil
		},
		// RESP2 has no messages that the server sends unasked.
		Protocol:                 2,
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		ContextTimeoutEnabled:    true,
		ReadTimeout:              -1,
		WriteTimeout:             -1,
		MaxRetries:               -1,
		DialerRetries:            1,
		PoolSize:                 1,
		PipelinePoolSize:         -1,
		ConnMaxIdleTime:          -1,
		ReadBufferSize:           4 << 10,
		WriteBufferSize:          4 << 10,
	})
	return nil
}

// drop ends the connection.
func (p *Probe) drop() {
	if p.client == nil {
		return
	}
	if p.unwatch != nil {
		p.unwatch()
	}
	_ = p.client.Close()
	_ = p.limiter.Close()
	p.client, p.limiter = nil, nil
}
