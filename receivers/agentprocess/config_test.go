package agentprocess

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"

	"github.com/watchkeeper/watchkeeper/receivers/agentprocess/internal/metadata"
)

// load reads one case of testdata/config.yaml and checks it as the service does.
func load(t *testing.T, name string) (*Config, error) {
	cases, err := confmaptest.LoadConf(filepath.Join("testdata", "config.yaml"))
	require.NoError(t, err)
	sub, err := cases.Sub(component.NewIDWithName(metadata.Type, name).String())
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	if err := sub.Unmarshal(cfg); err != nil {
		return nil, err
	}
	return cfg, confmap.Validate(cfg)
}

func TestDefaultConfig(t *testing.T) {
	cfg, err := load(t, "")
	require.NoError(t, err)
	require.Equal(t, createDefaultConfig(), cfg)
	require.Equal(t, 15*time.Second, cfg.CollectionInterval)
	require.Equal(t, "/", cfg.RootPath)
	require.Equal(t, 100, cfg.MaxGroups)
	require.Equal(t, 100*time.Millisecond, cfg.PSSBudget)
	require.Equal(t, Service{Name: "watchkeeper"}, cfg.Service)
}

func TestEverySetting(t *testing.T) {
	cfg, err := load(t, "all")
	require.NoError(t, err)
	want := createDefaultConfig().(*Config)
	want.CollectionInterval = 5 * time.Second
	want.InitialDelay = 0
	want.RootPath = "/host"
	want.MaxGroups = 2
	want.PSSBudget = 0
	want.Service = Service{Name: "planner-fleet", Version: "1.2.3", Environment: "production", Zone: "eu-1a"}
	want.Groups = []Group{
		{Name: "research", Role: "agent", Match: Match{CommandLine: []string{"research_agent"}, User: []string{"agents", "1000"}}},
		{Name: "tools", Role: "mcp_server", Match: Match{Comm: []string{"node|python3"}, Executable: []string{"/usr/bin/.*"}}},
	}
	require.Equal(t, want, cfg)
}

func TestConfigErrorsNameKeyValueAndRule(t *testing.T) {
	for name, want := range map[string]string{
		"root_path":           `root_path: must be an absolute path, is "host"`,
		"pss_budget":          `pss_budget: must be between 0 and collection_interval (1s), is 2s`,
		"pss_budget_negative": `pss_budget: must be between 0 and collection_interval (15s), is -1s`,
		"max_groups":          `max_groups: must be at least 1, is 0`,
		"groups":              `groups: must be at most max_groups (1), are 2`,
		"service_name":        `service::name: must not be empty`,
		"group_name":          `groups::0: name: must not be empty`,
		"group_name_taken":    `groups::2::name: must be unique, "a" is the name of groups::0`,
		"role":                `groups::0: role: must be agent, mcp_server, tool or other, is "boss"`,
		"match":               `groups::0::match: must have at least one of comm, executable, command_line and user`,
		"comm":                `groups::0::match: comm[1]: must be a regular expression, is "(": missing closing )`,
		"executable":          `groups::0::match: executable[0]: must be a regular expression, is "a)(b": unexpected )`,
		"command_line": `groups::2::match: command_line[0]: must be a regular expression, is "[z-a]": invalid character class range` + "\n" +
			`command_line[1]: must not be empty`,
		"user":                `groups::0::match: user[1]: must not be empty`,
		"unknown_key":         "decoding failed due to the following error(s):\n\n'groups[0].match' has invalid keys: cmdline",
		"collection_interval": `controllerconfig: "collection_interval": requires positive value`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, name)
			require.EqualError(t, err, want)
		})
	}
}
