package agenthealth

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configauth"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configtls"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"

	"github.com/watchkeeper/watchkeeper/internal/check/mcp"
	"github.com/watchkeeper/watchkeeper/internal/check/system"
)

// load returns the configuration at key of testdata/config.yaml, and the error
// that a user would see.
func load(t *testing.T, key string) (*Config, error) {
	t.Helper()
	all, err := confmaptest.LoadConf(filepath.Join("testdata", "config.yaml"))
	require.NoError(t, err)
	require.Contains(t, all.ToStringMap(), key)
	conf, err := all.Sub(key)
	require.NoError(t, err)
	cfg := NewFactory().CreateDefaultConfig().(*Config)
	if err := conf.Unmarshal(cfg); err != nil {
		return cfg, err
	}
	return cfg, confmap.Validate(cfg)
}

func TestEveryKeyReachesTheConfiguration(t *testing.T) {
	cfg, err := load(t, "full")
	require.NoError(t, err)
	require.Equal(t, 30*time.Second, cfg.CollectionInterval)
	require.Equal(t, 4, cfg.MaxConcurrentChecks)
	require.Equal(t, 2, cfg.MaxConcurrentPerHost)
	require.Equal(t, 1000, cfg.HistorySize)
	require.Equal(t, "file_storage/health", cfg.Storage.String())
	require.True(t, cfg.AllowExec)
	require.Equal(t, "localhost:9999", cfg.HeartbeatServer.NetAddr.Endpoint)
	require.False(t, cfg.Metrics.AgentHealthPredictedFailure.Enabled)
	require.True(t, cfg.Metrics.AgentHealthStatus.Enabled)
	require.False(t, cfg.Events.AgentHealthTransition.Enabled)
	require.False(t, cfg.ResourceAttributes.HostName.Enabled)

	db := cfg.Checks["database_connectivity"]
	require.True(t, db.Critical)
	require.Equal(t, 3*time.Second, db.Timeout)
	require.Equal(t, 3, db.FailuresToUnhealthy)
	require.Equal(t, 2, db.SuccessesToHealthy)
	require.Equal(t, []string{"system_resources"}, db.DependsOn)
	require.True(t, db.AllowLinkLocal)
	require.Equal(t, time.Minute, db.Interval)
	insecure := configtls.NewDefaultClientConfig()
	insecure.Insecure = true
	require.Equal(t, PostgresConfig{
		Endpoint: "db:5432", Username: "monitor", Password: "not-for-logs", Database: "postgres", TLS: insecure,
		MaxResponseTime: 2 * time.Second, MaxActiveConnections: 0, MaxConnectionsRatio: 0.5,
		MaxWaitingConnections: 9, MaxTransactionAge: time.Hour, MaxReplicationLag: time.Minute,
	}, *db.Postgres.Get())

	ca := configtls.NewDefaultClientConfig()
	ca.CAFile = "ca.pem"
	cache := cfg.Checks["redis_connectivity"]
	require.Equal(t, RedisConfig{
		Endpoint: "cache:6379", Username: "monitor", Password: "not-for-logs", TLS: configoptional.Some(ca), MaxResponseTime: 100 * time.Millisecond,
		RoundTrip: true, MaxMemoryRatio: 0.5, MaxEvictionRate: 10,
	}, *cache.Redis.Get())

	tools := cfg.Checks["tools"]
	require.Equal(t, MCPConfig{
		ClientConfig: ClientConfig{
			Endpoint: "http://localhost:3001/mcp",
			Headers:  configopaque.MapList{{Name: "Authorization", Value: "Bearer not-for-logs"}},
		},
		Protocol:        "2025-06-18",
		Canary:          configoptional.Some(MCPCanaryConfig{Tool: "echo", Arguments: map[string]any{"text": "hi", "times": 2}, Expect: "^hi"}),
		Contract:        MCPContractConfig{AcceptChanges: "manual", Accepted: strings.Repeat("0a", 16)},
		MaxResponseTime: time.Second, MaxTools: 10, MinCertificateValidity: time.Hour, MinTokenValidity: time.Minute,
	}, *tools.MCP.Get())
	child := cfg.Checks["child"]
	require.Equal(t, []string{"/usr/bin/node", "server.js"}, child.MCP.Get().Command)
	require.Equal(t, configopaque.MapList{{Name: "TOKEN", Value: "not-for-logs"}}, child.MCP.Get().Env)
	require.Equal(t, "/srv", child.MCP.Get().Dir)

	planner := cfg.Checks["planner"]
	require.Equal(t, A2AConfig{
		ClientConfig:    ClientConfig{Endpoint: "http://localhost:9999"},
		Canary:          configoptional.Some(A2ACanaryConfig{Message: "ping", Expect: "pong"}),
		CheckInterfaces: true, AllowOtherHosts: true, MaxResponseTime: time.Second, MinCertificateValidity: time.Hour,
	}, *planner.A2A.Get())

	rpc := cfg.Checks["rpc"]
	require.Equal(t, GRPCConfig{
		SocketConfig: SocketConfig{Endpoint: "localhost:50051", TLS: configoptional.Some(ca), MaxResponseTime: 2 * time.Second, MinCertificateValidity: time.Hour},
		Service:      "planner", Headers: configopaque.MapList{{Name: "authorization", Value: "not-for-logs"}},
	}, *rpc.GRPC.Get())

	port := cfg.Checks["port"]
	require.Equal(t, TCPConfig{
		SocketConfig: SocketConfig{Endpoint: "localhost:25", TLS: configoptional.Default(configtls.NewDefaultClientConfig()), MaxResponseTime: 2 * time.Second},
		Send:         "EHLO x\r\n", Expect: "^220",
	}, *port.TCP.Get())

	worker := cfg.Checks["worker"]
	require.Equal(t, HeartbeatConfig{
		Every: 30 * time.Second, DeadAfter: 4, WedgedAfter: 0,
		Service: "worker", Attributes: map[string]string{"deployment.environment.name": "prod"},
		Signal: "traces", WorkInterval: 10 * time.Minute, MinInstances: 2, MaxInstances: 50,
	}, *worker.Heartbeat.Get())

	skip := configtls.ClientConfig{InsecureSkipVerify: true}
	api := cfg.Checks["api"]
	require.Equal(t, HTTPConfig{
		ClientConfig: ClientConfig{
			Endpoint: "https://localhost:8080/healthz", TLS: skip,
			Headers: configopaque.MapList{{Name: "X-Key", Value: "not-for-logs"}},
			Auth:    configoptional.Some(configauth.Config{AuthenticatorID: component.MustNewID("bearertokenauth")}),
		},
		Method: "POST", ExpectedStatus: []Status{"204", "3xx", "418"}, BodyContains: "ok", BodyRegex: "^o", MaxResponseTime: time.Second,
		JSON: configoptional.Some(JSONConfig{Path: "$.status", Value: "ok"}), MaxRedirects: 3, MinCertificateValidity: time.Hour,
	}, *api.HTTP.Get())

	host := cfg.Checks["system_resources"]
	require.Equal(t, SystemConfig{
		RootPath: "/host", DiskPath: "/data", MaxCPU: 1, MaxMemory: 2, MaxDisk: 3, CriticalMemory: 4, CriticalDisk: 5,
		MaxLoad: 6, MaxOpenFiles: 7, MaxCPUPressure: 8, MaxMemoryPressure: 9, MaxIOPressure: 10,
	}, *host.System.Get())
}

func TestDefaults(t *testing.T) {
	cfg, err := load(t, "smallest")
	require.NoError(t, err)
	require.Equal(t, 15*time.Second, cfg.CollectionInterval)
	require.Equal(t, 64, cfg.MaxConcurrentChecks)
	require.Equal(t, 8, cfg.MaxConcurrentPerHost)
	require.Equal(t, 240, cfg.HistorySize)
	require.Nil(t, cfg.Storage)
	require.False(t, cfg.AllowExec)
	require.Equal(t, "localhost:8891", cfg.HeartbeatServer.NetAddr.Endpoint)
	require.True(t, cfg.ResourceAttributes.HostName.Enabled)
	c := cfg.Checks["redis"]
	require.False(t, c.Critical)
	require.Equal(t, 5*time.Second, c.Timeout)
	require.Zero(t, c.Interval)
	require.Equal(t, 1, c.FailuresToUnhealthy)
	require.Equal(t, 1, c.SuccessesToHealthy)
	require.False(t, c.AllowLinkLocal)
	require.False(t, c.Redis.Get().TLS.HasValue(), "Redis speaks plaintext unless told otherwise")
	require.Equal(t, 500*time.Millisecond, c.Redis.Get().MaxResponseTime)

	const week = 7 * 24 * time.Hour
	cfg, err = load(t, "defaults")
	require.NoError(t, err)
	web, tools, db, cache := cfg.Checks["http"], cfg.Checks["mcp"], cfg.Checks["postgres"], cfg.Checks["redis_tls"]
	require.Equal(t, HTTPConfig{ClientConfig: ClientConfig{Endpoint: "http://localhost"}, Method: "GET", MaxResponseTime: 5 * time.Second, MinCertificateValidity: week}, *web.HTTP.Get())
	require.Equal(t, MCPConfig{
		ClientConfig: ClientConfig{Endpoint: "http://localhost/mcp"}, Protocol: "auto", Contract: MCPContractConfig{AcceptChanges: "auto"},
		MaxResponseTime: 5 * time.Second, MaxTools: 1000, MinCertificateValidity: week,
	}, *tools.MCP.Get())
	plain := SocketConfig{Endpoint: "localhost:1", TLS: configoptional.Default(configtls.NewDefaultClientConfig()), MaxResponseTime: time.Second, MinCertificateValidity: week}
	agent, rpc, port, worker := cfg.Checks["a2a"], cfg.Checks["grpc"], cfg.Checks["tcp"], cfg.Checks["heartbeat"]
	require.Equal(t, A2AConfig{ClientConfig: ClientConfig{Endpoint: "http://localhost"}, MaxResponseTime: 2 * time.Second, MinCertificateValidity: week}, *agent.A2A.Get())
	require.Equal(t, GRPCConfig{SocketConfig: plain}, *rpc.GRPC.Get())
	require.Equal(t, TCPConfig{SocketConfig: plain}, *port.TCP.Get())
	require.Equal(t, HeartbeatConfig{Every: time.Minute, DeadAfter: 3, WedgedAfter: 5, Signal: "any", MaxInstances: 100}, *worker.Heartbeat.Get())
	require.Equal(t, PostgresConfig{
		Endpoint: "localhost:5432", Username: "monitor", Database: "postgres", TLS: configtls.NewDefaultClientConfig(),
		MaxResponseTime: time.Second, MaxActiveConnections: 80, MaxConnectionsRatio: 0.9,
	}, *db.Postgres.Get())
	require.True(t, cache.Redis.Get().TLS.HasValue())
	for _, name := range []string{"system", "system_null"} {
		host := cfg.Checks[name]
		require.Equal(t, SystemConfig(system.DefaultSettings()), *host.System.Get())
	}
}

func TestConfigurationErrorsNameKeyRuleAndValue(t *testing.T) {
	const url = `checks::a::http: endpoint: must be an absolute URL that begins with http:// or https://`
	for key, want := range map[string]string{
		"no_checks":                     `checks: there must be at least one`,
		"collection_interval":           `collection_interval: must be at least 100ms, got 99ms`,
		"max_concurrent_checks":         `max_concurrent_checks: must be at least 1, got 0`,
		"name_empty":                    `checks: the name "" is empty`,
		"name_long":                     `checks: the name "` + strings.Repeat("a", 128) + `" is longer than 128 bytes`,
		"name_unprintable":              `checks: the name "a\nb" holds a character that cannot be printed`,
		"max_concurrent_per_host":       `max_concurrent_per_host: must not be negative, got -1`,
		"history_size":                  `history_size: must be from 20 to 100000, got 19`,
		"failures_to_unhealthy":         `checks::a: failures_to_unhealthy: must be at least 1, got 0`,
		"successes_to_healthy":          `checks::a: successes_to_healthy: must be at least 1, got -1`,
		"depends_on_unknown":            `checks: depends_on: check "a": depends on "b", and there is no check of this name`,
		"depends_on_itself":             `checks: depends_on: check "a": depends on itself: a → b → a`,
		"allow_exec":                    `checks::a::mcp: command: starts a program, which needs allow_exec: true in the receiver`,
		"a2a_endpoint":                  `checks::a::a2a: endpoint: must be set`,
		"a2a_thresholds":                "checks::a::a2a: max_response_time: must not be negative, got -1s\nmin_certificate_validity: must not be negative, got -1s",
		"a2a_canary":                    "checks::a::a2a: canary: message: must be set\nexpect: error parsing regexp: missing closing ): `(`",
		"grpc_endpoint":                 `checks::a::grpc: endpoint: must be host:port, got "localhost"`,
		"tcp_endpoint":                  `checks::a::tcp: endpoint: the port must be a number from 1 to 65535, got "0"`,
		"tcp_expect":                    "checks::a::tcp: expect: error parsing regexp: missing closing ): `(`",
		"tcp_thresholds":                "checks::a::tcp: max_response_time: must not be negative, got -1s\nmin_certificate_validity: must not be negative, got -1s",
		"heartbeat":                     "checks::a::heartbeat: every: must be above zero, got 0s\ndead_after: must be at least 1, got 0\nwedged_after: must not be negative, got -1",
		"http_json_path":                `checks::a::http: json: path: must be set`,
		"http_max_redirects":            `checks::a::http: max_redirects: must not be negative, got -1`,
		"http_min_certificate_validity": `checks::a::http: min_certificate_validity: must not be negative, got -1s`,
		"mcp_command":                   `checks::a::mcp: command: must be an absolute path, got "node"`,
		"mcp_command_endpoint":          `checks::a::mcp: command: cannot be together with endpoint, headers or auth`,
		"mcp_env":                       `checks::a::mcp: env, dir: are for a command, and there is none`,
		"mcp_dir":                       `checks::a::mcp: dir: must be an absolute path, got "srv"`,
		"mcp_protocol":                  `checks::a::mcp: protocol: must be auto or one of ` + strings.Join(mcp.Versions(), ", ") + `, got "1999-12-31"`,
		"mcp_canary":                    "checks::a::mcp: canary: tool: must be set\nexpect: error parsing regexp: missing closing ): `(`",
		"mcp_contract":                  `checks::a::mcp: contract: accept_changes: must be auto or manual, got "never"` + "\n" + `accepted: must be a digest of 32 hexadecimal digits, got "A"`,
		"mcp_validity":                  "checks::a::mcp: min_certificate_validity: must not be negative, got -1s\nmin_token_validity: must not be negative, got -1s",
		"postgres_more":                 "checks::a::postgres: max_waiting_connections: must not be negative, got -1\nmax_transaction_age: must not be negative, got -1s\nmax_replication_lag: must not be negative, got -1s",
		"redis_more":                    "checks::a::redis: max_memory_ratio: must be from 0 to 1, got 90\nmax_eviction_rate: must not be negative, got -1",
		"system_more":                   "checks::a::system: max_open_files: must be a percentage from 0 to 100, got 101\nmax_cpu_pressure: must be a percentage from 0 to 100, got -1\nmax_memory_pressure: must be a percentage from 0 to 100, got -1\nmax_io_pressure: must be a percentage from 0 to 100, got -1\nmax_load: must not be negative, got -1",
		"heartbeat_instances":           "checks::a::heartbeat: min_instances: must be from 0 to max_instances, which is 100, got 101",
		"heartbeat_instances_none":      "checks::a::heartbeat: max_instances: must be from 1 to 100000, got 0\nmin_instances: must be from 0 to max_instances, which is 0, got -1",
		"heartbeat_service":             "checks::a::heartbeat: attributes: needs service, the service.name in the telemetry, got map[a:b] without it\nsignal: needs service, the service.name in the telemetry, got logs without it\nwork_interval: needs service, the service.name in the telemetry, got 1m0s without it\nmin_instances: needs service, the service.name in the telemetry, got 1 without it",
		"heartbeat_signal":              "checks::a::heartbeat: signal: must be any, call, traces, metrics or logs, got \"spans\"\nwork_interval: must not be negative, got -1s",
		"block_none":                    `checks::a: exactly one of a2a, grpc, heartbeat, http, mcp, postgres, redis, system, tcp must be set, got none`,
		"block_two":                     `checks::a: exactly one of a2a, grpc, heartbeat, http, mcp, postgres, redis, system, tcp must be set, got redis and system`,
		"timeout":                       `checks::a: timeout: must be above zero, got 0s`,
		"interval":                      `checks::a: interval: must be at least 100ms, or 0 for the receiver's collection_interval, got 1ms`,
		"http_endpoint_missing":         `checks::a::http: endpoint: must be set`,
		"http_endpoint_scheme":          url,
		"http_endpoint_relative":        url,
		"http_endpoint_broken":          url,
		"http_endpoint_credentials":     `checks::a::http: endpoint: must not hold a user or password; use headers or auth`,
		"http_method":                   `checks::a::http: method: must be an HTTP method, got "GET /"`,
		"http_expected_status":          `checks::a::http: expected_status: must hold codes from 100 to 599 and classes such as 2xx, got "20x"`,
		"http_expected_status_high":     `checks::a::http: expected_status: must hold codes from 100 to 599 and classes such as 2xx, got "600"`,
		"http_body_regex":               "checks::a::http: body_regex: error parsing regexp: missing closing ): `(`",
		"http_max_response_time":        `checks::a::http: max_response_time: must not be negative, got -1s`,
		"mcp_endpoint":                  `checks::a::mcp: endpoint: must be an absolute URL that begins with http:// or https://`,
		"mcp_max_response_time":         `checks::a::mcp: max_response_time: must not be negative, got -1s`,
		"mcp_max_tools":                 `checks::a::mcp: max_tools: must be at least 1, got 0`,
		"postgres_endpoint":             `checks::a::postgres: endpoint: must be host:port, got "localhost"`,
		"postgres_port":                 `checks::a::postgres: endpoint: the port must be a number from 1 to 65535, got "postgres"`,
		"postgres_required":             "checks::a::postgres: username: must be set\ndatabase: must be set",
		"postgres_thresholds": "checks::a::postgres: max_response_time: must not be negative, got -1s\n" +
			"max_active_connections: must not be negative, got -1\n" +
			"max_connections_ratio: must be from 0 to 1, got 80",
		"redis_endpoint":          `checks::a::redis: endpoint: must be host:port, got ":6379"`,
		"redis_max_response_time": `checks::a::redis: max_response_time: must not be negative, got -1s`,
		"system_paths":            "checks::a::system: root_path: must be an absolute path, got \"host\"\ndisk_path: must be an absolute path, got \"\"",
		"system_thresholds": "checks::a::system: max_cpu: must be a percentage from 0 to 100, got -1\n" +
			"max_memory: must be a percentage from 0 to 100, got 101\n" +
			"max_disk: must be a percentage from 0 to 100, got NaN\n" +
			"critical_memory: must be a percentage from 0 to 100, got 1000\n" +
			"critical_disk: must be a percentage from 0 to 100, got -0.5",
	} {
		t.Run(key, func(t *testing.T) {
			_, err := load(t, key)
			require.EqualError(t, err, want)
		})
	}
}

func TestUnknownKeysAreErrors(t *testing.T) {
	for key, want := range map[string]string{
		"unknown_key":               "has invalid keys: intervall",
		"unknown_check_key":         "has invalid keys: timout",
		"unknown_probe_key":         "has invalid keys: max_cpus",
		"http_expected_status_type": "must be a status code or a class such as 2xx, got true",
	} {
		t.Run(key, func(t *testing.T) {
			_, err := load(t, key)
			require.ErrorContains(t, err, want)
		})
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	cfg, err := load(t, "full")
	require.NoError(t, err)
	printed := confmap.New()
	require.NoError(t, printed.Marshal(cfg))
	require.Contains(t, fmt.Sprint(printed.ToStringMap()), "REDACTED")
	require.NotContains(t, fmt.Sprint(printed.ToStringMap()), "not-for-logs")
}

func TestExpectedStatusExpandsClasses(t *testing.T) {
	codes, err := expand([]Status{"204", "3xx"})
	require.NoError(t, err)
	require.Len(t, codes, 101)
	require.Equal(t, []int{204, 300, 301}, codes[:3])
	require.Equal(t, 399, codes[100])
	codes, err = expand(nil)
	require.NoError(t, err)
	require.Empty(t, codes)
}
