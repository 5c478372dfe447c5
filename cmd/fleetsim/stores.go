package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/watchkeeper/watchkeeper/sdk"
)

// cacheTime is how long an answer is kept.
const cacheTime = 10 * time.Second

// connections is how many connections to the database there are.
const connections = 4

// stores are the database and the cache of the researcher. Either may be missing.
// It is safe for concurrent use.
type stores struct {
	truth *truth
	// database holds the connections that nobody uses; nil without a database.
	database chan *pgx.Conn
	cache    *redis.Client
}

func openStores(ctx context.Context, o options, s *service, t *truth) (_ *stores, err error) {
	all := &stores{truth: t}
	tracer := s.tracers.Tracer("fleetsim")
	if o.postgres != "" {
		if err := all.openDatabase(ctx, o.postgres, tracer); err != nil {
			return nil, errors.Join(fmt.Errorf("--postgres: %w", err), all.close())
		}
	}
	if o.redis != "" {
		all.cache = redis.NewClient(&redis.Options{Addr: o.redis, DisableIdentity: true, Protocol: 2})
		if err := all.cache.Ping(ctx).Err(); err != nil {
			return nil, errors.Join(fmt.Errorf("--redis %q: %w", o.redis, err), all.close())
		}
		all.cache.AddHook(commands{tracer, o.redis})
	}
	return all, nil
}

func (s *stores) openDatabase(ctx context.Context, url string, tracer trace.Tracer) error {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return err
	}
	// What prepares the demonstration is no part of it, and has no spans.
	first, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	_, err = first.Exec(ctx, `CREATE TABLE IF NOT EXISTS fleet_documents (topic text PRIMARY KEY, body text NOT NULL, version bigint NOT NULL)`)
	if err := errors.Join(err, first.Close(ctx)); err != nil {
		return fmt.Errorf("making a table: %w", err)
	}
	config.Tracer = queries{tracer, config.Host, int(config.Port)}
	s.database = make(chan *pgx.Conn, connections)
	for range connections {
		conn, err := pgx.ConnectConfig(ctx, config)
		if err != nil {
			return err
		}
		s.database <- conn
	}
	return nil
}

// query hands a connection to a function, which counts as one operation.
func (s *stores) query(ctx context.Context, operation string, do func(*pgx.Conn) error) error {
	select {
	case conn := <-s.database:
		defer func() { s.database <- conn }()
		s.truth.add(s.truth.database, operation, "fleet_documents", 1)
		return do(conn)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// recall returns what is known of a topic, empty if nothing is.
func (s *stores) recall(ctx context.Context, topic string) (body string, err error) {
	if s.cache != nil {
		body, err = s.cache.Get(ctx, "fleetsim:"+topic).Result()
		switch {
		case err == nil:
			s.truth.add(s.truth.cache, "GET", "hit", 1)
			return body, nil
		case !errors.Is(err, redis.Nil):
			s.truth.add(s.truth.cache, "GET", "failed", 1)
			return "", fmt.Errorf("reading the cache: %w", err)
		}
		s.truth.add(s.truth.cache, "GET", "miss", 1)
	}
	if s.database == nil {
		return "", nil
	}
	err = s.query(ctx, "SELECT", func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, `SELECT body FROM fleet_documents WHERE topic = $1`, topic).Scan(&body)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading the database: %w", err)
	}
	return body, nil
}

// keep stores what is known of a topic.
func (s *stores) keep(ctx context.Context, topic, body string) error {
	if s.database != nil {
		err := s.query(ctx, "INSERT", func(conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, `INSERT INTO fleet_documents (topic, body, version) VALUES ($1, $2, 1)
				ON CONFLICT (topic) DO UPDATE SET body = excluded.body, version = fleet_documents.version + 1`, topic, body)
			return err
		})
		if err != nil {
			return fmt.Errorf("writing the database: %w", err)
		}
	}
	if s.cache != nil {
		s.truth.add(s.truth.cache, "SET", "ok", 1)
		if err := s.cache.Set(ctx, "fleetsim:"+topic, body, cacheTime).Err(); err != nil {
			return fmt.Errorf("writing the cache: %w", err)
		}
	}
	return nil
}

// close closes what is open; nothing may be in use.
func (s *stores) close() error {
	var errs []error
	for range len(s.database) {
		errs = append(errs, (<-s.database).Close(context.Background()))
	}
	if s.cache != nil {
		errs = append(errs, s.cache.Close())
	}
	return errors.Join(errs...)
}

// queries makes a span of each query: what otelpgx would do, with no more than the
// fleet needs.
type queries struct {
	tracer trace.Tracer
	host   string
	port   int
}

// TraceQueryStart begins the span of a query.
func (q queries) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	operation, _, _ := strings.Cut(strings.TrimSpace(data.SQL), " ")
	ctx, _ = q.tracer.Start(ctx, operation+" fleet_documents", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("db.system.name", "postgresql"), attribute.String("db.operation.name", operation),
		attribute.String("db.collection.name", "fleet_documents"),
		attribute.String("server.address", q.host), attribute.Int("server.port", q.port)))
	return ctx
}

// TraceQueryEnd ends it.
func (queries) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	end(trace.SpanFromContext(ctx), data.Err)
}

// commands makes a span of each command to Redis: what redisotel would do, and
// whether the cache had it.
type commands struct {
	tracer  trace.Tracer
	address string
}

// DialHook leaves connections alone.
func (commands) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook makes the span of a command.
func (c commands) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	host, _, _ := net.SplitHostPort(c.address)
	return func(ctx context.Context, command redis.Cmder) error {
		operation := strings.ToUpper(command.Name())
		if operation == "HELLO" {
			// A new connection's greeting is nobody's operation.
			return next(ctx, command)
		}
		ctx, span := c.tracer.Start(ctx, operation, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
			attribute.String("db.system.name", "redis"), attribute.String("db.operation.name", operation),
			attribute.String("server.address", host)))
		err := next(ctx, command)
		failed := err
		if operation == "GET" && (err == nil || errors.Is(err, redis.Nil)) {
			span.SetAttributes(attribute.Bool("cache.hit", err == nil))
			failed = nil
		}
		end(span, failed)
		return err
	}
}

// ProcessPipelineHook leaves pipelines alone: the fleet uses none.
func (commands) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func end(span trace.Span, err error) {
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		span.SetAttributes(attribute.String("error.type", sdk.ErrorType(err)))
		span.SetStatus(codes.Error, err.Error())
	}
	span.End()
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }
