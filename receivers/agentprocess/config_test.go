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

// loadCase reads one case of testdata/config.yaml and checks it as the service does.
func loadCase(t *testing.T, name string) (*Config, error) {
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
	cfg, err := loadCase(t, "")
	require.NoError(t, err)
	require.Equal(t, createDefaultConfig(), cfg)
	require.Equal(t, 15*time.Second, cfg.CollectionInterval)
	require.Equal(t, "/", cfg.RootPath)
	require.Equal(t, 100, cfg.MaxGroups)
	require.Equal(t, 50_000, cfg.MaxProcesses)
	require.False(t, cfg.BuiltinGroups)
	require.Equal(t, 5*time.Minute, cfg.Linger)
	require.Equal(t, 10*time.Second, cfg.OrphanAfter)
	require.Zero(t, cfg.Top)
	require.False(t, cfg.Host)
	require.Equal(t, time.Minute, cfg.PSSInterval)
	require.Equal(t, 100*time.Millisecond, cfg.PSSBudget)
	require.Equal(t, 8000, cfg.KeptDescriptors)
	require.Equal(t, Service{Name: "watchkeeper"}, cfg.Service)
}

func TestEverySetting(t *testing.T) {
	cfg, err := loadCase(t, "all")
	require.NoError(t, err)
	want := createDefaultConfig().(*Config)
	want.CollectionInterval = 5 * time.Second
	want.InitialDelay = 0
	want.RootPath = "/host"
	want.MaxGroups = 2
	want.MaxProcesses = 1000
	want.BuiltinGroups = true
	want.Linger = time.Minute
	want.OrphanAfter = 30 * time.Second
	want.Top = 5
	want.Host = true
	want.PSSInterval = 2 * time.Minute
	want.PSSBudget = 0
	want.KeptDescriptors = 0
	require.False(t, cfg.Events.AgentProcessExited.Enabled)
	want.Events = cfg.Events // remembers who set it
	want.Service = Service{Name: "planner-fleet", Version: "1.2.3", Environment: "production", Zone: "eu-1a"}
	want.Groups = []Group{
		{Name: "research", Role: "agent", Match: Match{CommandLine: []string{"research_agent"}, User: []string{"agents", "1000"}}},
		{Name: "tools-{{ .tool }}", Role: "mcp_server", Match: Match{
			Comm: []string{"node|python3"}, Executable: []string{"/usr/bin/.*"}, Cgroup: []string{"/tools/"},
			Environment: []string{"MCP_.*"}, WorkingDirectory: []string{"/srv/(?P<tool>[a-z]+)"},
		}},
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
		"match":               `groups::0::match: must have at least one of comm, executable, command_line, user, cgroup, environment and working_directory`,
		"comm":                `groups::0::match: comm[1]: must be a regular expression, is "(": missing closing )`,
		"executable":          `groups::0::match: executable[0]: must be a regular expression, is "a)(b": unexpected )`,
		"command_line": `groups::2::match: command_line[0]: must be a regular expression, is "[z-a]": invalid character class range` + "\n" +
			`command_line[1]: must not be empty`,
		"user":                 `groups::0::match: user[1]: must not be empty`,
		"max_processes":        `max_processes: must be at least 1, is 0`,
		"linger":               `linger: must not be negative, is -1s`,
		"orphan_after":         `orphan_after: must not be negative, is -1s`,
		"top":                  `top: must be between 0 and 100, is 101`,
		"pss_interval":         `pss_interval: must not be negative, is -1s`,
		"kept_descriptors":     `kept_descriptors: must not be negative, is -1`,
		"group_name_overflow":  `groups::0: name: must not be "_overflow", which stands for the groups that there is no room for`,
		"group_name_reference": `groups::0: name: must refer to captures of the patterns, none of which is (?P<agent>…), is "agent-{{ .agent }}"`,
		"group_name_braces":    `groups::0: name: may have references to captures such as {{ .agent }} and no other braces in pairs, is "agent-{{ agent }}"`,
		"cgroup":               `groups::0::match: cgroup[0]: must be a regular expression, is "*": missing argument to repetition operator`,
		"environment":          `groups::0::match: environment[0]: must not be empty`,
		"working_directory":    `groups::0::match: working_directory[0]: must be a regular expression, is "[z-a]": invalid character class range`,
		"unknown_key":          "decoding failed due to the following error(s):\n\n'groups[0].match' has invalid keys: cmdline",
		"collection_interval":  `controllerconfig: "collection_interval": requires positive value`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := loadCase(t, name)
			require.EqualError(t, err, want)
		})
	}
}
