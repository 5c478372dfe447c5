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
	require.False(t, cfg.Metrics.AgentHealthPredictedFailure.Enabled)
	require.True(t, cfg.Metrics.AgentHealthStatus.Enabled)
	require.False(t, cfg.Events.AgentHealthTransition.Enabled)
	require.False(t, cfg.ResourceAttributes.HostName.Enabled)

	db := cfg.Checks["database_connectivity"]
	require.True(t, db.Critical)
	require.Equal(t, 3*time.Second, db.Timeout)
	require.Equal(t, time.Minute, db.Interval)
	insecure := configtls.NewDefaultClientConfig()
	insecure.Insecure = true
	require.Equal(t, PostgresConfig{
		Endpoint: "db:5432", Username: "monitor", Password: "not-for-logs", Database: "postgres", TLS: insecure,
		MaxResponseTime: 2 * time.Second, MaxActiveConnections: 0, MaxConnectionsRatio: 0.5,
	}, *db.Postgres.Get())

	ca := configtls.NewDefaultClientConfig()
	ca.CAFile = "ca.pem"
	cache := cfg.Checks["redis_connectivity"]
	require.Equal(t, RedisConfig{
		Endpoint: "cache:6379", Username: "monitor", Password: "not-for-logs", TLS: configoptional.Some(ca), MaxResponseTime: 100 * time.Millisecond,
	}, *cache.Redis.Get())

	tools := cfg.Checks["tools"]
	require.Equal(t, MCPConfig{
		ClientConfig: ClientConfig{
			Endpoint: "http://localhost:3001/mcp",
			Headers:  configopaque.MapList{{Name: "Authorization", Value: "Bearer not-for-logs"}},
		},
		MaxResponseTime: time.Second, MaxTools: 10,
	}, *tools.MCP.Get())

	skip := configtls.ClientConfig{InsecureSkipVerify: true}
	api := cfg.Checks["api"]
	require.Equal(t, HTTPConfig{
		ClientConfig: ClientConfig{
			Endpoint: "https://localhost:8080/healthz", TLS: skip,
			Headers: configopaque.MapList{{Name: "X-Key", Value: "not-for-logs"}},
			Auth:    configoptional.Some(configauth.Config{AuthenticatorID: component.MustNewID("bearertokenauth")}),
		},
		Method: "POST", ExpectedStatus: []Status{"204", "3xx", "418"}, BodyContains: "ok", BodyRegex: "^o", MaxResponseTime: time.Second,
	}, *api.HTTP.Get())

	host := cfg.Checks["system_resources"]
	require.Equal(t, SystemConfig{
		RootPath: "/host", DiskPath: "/data", MaxCPU: 1, MaxMemory: 2, MaxDisk: 3, CriticalMemory: 4, CriticalDisk: 5,
	}, *host.System.Get())
}

func TestDefaults(t *testing.T) {
	cfg, err := load(t, "smallest")
	require.NoError(t, err)
	require.Equal(t, 15*time.Second, cfg.CollectionInterval)
	require.Equal(t, 16, cfg.MaxConcurrentChecks)
	require.True(t, cfg.ResourceAttributes.HostName.Enabled)
	c := cfg.Checks["redis"]
	require.False(t, c.Critical)
	require.Equal(t, 5*time.Second, c.Timeout)
	require.Zero(t, c.Interval)
	require.False(t, c.Redis.Get().TLS.HasValue(), "Redis speaks plaintext unless told otherwise")
	require.Equal(t, 500*time.Millisecond, c.Redis.Get().MaxResponseTime)

	cfg, err = load(t, "defaults")
	require.NoError(t, err)
	web, mcp, db, cache := cfg.Checks["http"], cfg.Checks["mcp"], cfg.Checks["postgres"], cfg.Checks["redis_tls"]
	require.Equal(t, HTTPConfig{ClientConfig: ClientConfig{Endpoint: "http://localhost"}, Method: "GET", MaxResponseTime: 5 * time.Second}, *web.HTTP.Get())
	require.Equal(t, MCPConfig{ClientConfig: ClientConfig{Endpoint: "http://localhost/mcp"}, MaxResponseTime: 5 * time.Second, MaxTools: 1000}, *mcp.MCP.Get())
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
		"no_checks":                 `checks: there must be at least one`,
		"collection_interval":       `collection_interval: must be at least 100ms, got 99ms`,
		"max_concurrent_checks":     `max_concurrent_checks: must be at least 1, got 0`,
		"name_empty":                `checks: the name "" is empty`,
		"name_long":                 `checks: the name "` + strings.Repeat("a", 128) + `" is longer than 128 bytes`,
		"name_unprintable":          `checks: the name "a\nb" holds a character that cannot be printed`,
		"block_none":                `checks::a: exactly one of http, mcp, postgres, redis, system must be set, got none`,
		"block_two":                 `checks::a: exactly one of http, mcp, postgres, redis, system must be set, got redis and system`,
		"timeout":                   `checks::a: timeout: must be above zero, got 0s`,
		"interval":                  `checks::a: interval: must be at least 100ms, or 0 for the receiver's collection_interval, got 1ms`,
		"http_endpoint_missing":     `checks::a::http: endpoint: must be set`,
		"http_endpoint_scheme":      url,
		"http_endpoint_relative":    url,
		"http_endpoint_broken":      url,
		"http_endpoint_credentials": `checks::a::http: endpoint: must not hold a user or password; use headers or auth`,
		"http_method":               `checks::a::http: method: must be an HTTP method, got "GET /"`,
		"http_expected_status":      `checks::a::http: expected_status: must hold codes from 100 to 599 and classes such as 2xx, got "20x"`,
		"http_expected_status_high": `checks::a::http: expected_status: must hold codes from 100 to 599 and classes such as 2xx, got "600"`,
		"http_body_regex":           "checks::a::http: body_regex: error parsing regexp: missing closing ): `(`",
		"http_max_response_time":    `checks::a::http: max_response_time: must not be negative, got -1s`,
		"mcp_endpoint":              `checks::a::mcp: endpoint: must be an absolute URL that begins with http:// or https://`,
		"mcp_max_response_time":     `checks::a::mcp: max_response_time: must not be negative, got -1s`,
		"mcp_max_tools":             `checks::a::mcp: max_tools: must be at least 1, got 0`,
		"postgres_endpoint":         `checks::a::postgres: endpoint: must be host:port, got "localhost"`,
		"postgres_port":             `checks::a::postgres: endpoint: the port must be a number from 1 to 65535, got "postgres"`,
		"postgres_required":         "checks::a::postgres: username: must be set\ndatabase: must be set",
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
