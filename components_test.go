package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"golang.org/x/mod/modfile"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/otelcol"
)

type manifest struct {
	Receivers, Processors, Connectors, Exporters, Extensions, Providers []listing
	Telemetry                                                           listing
}

type listing struct{ GoMod, Import string }

func TestTheManifestAndTheModuleAgree(t *testing.T) {
	m := readManifest(t)
	text, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	goMod, err := modfile.Parse("go.mod", text, nil)
	require.NoError(t, err)
	versions := make(map[string]string)
	for _, r := range goMod.Require {
		versions[r.Mod.Path] = r.Mod.Version
	}
	for _, c := range slices.Concat(m.Receivers, m.Processors, m.Connectors, m.Exporters, m.Extensions, m.Providers, []listing{m.Telemetry}) {
		name, version, _ := strings.Cut(c.GoMod, " ")
		if name != module {
			require.Equal(t, versions[name], version, name)
		}
	}
}

func TestEveryComponentOfOursIsInTheManifestAndInItsOrder(t *testing.T) {
	m := readManifest(t)
	for kind, listed := range map[string][]listing{
		"receivers": m.Receivers, "processors": m.Processors, "connectors": m.Connectors, "exporters": m.Exporters,
	} {
		var want, got []string
		folders, err := filepath.Glob(kind + "/*/factory.go")
		require.NoError(t, err)
		for _, f := range folders {
			want = append(want, module+"/"+filepath.ToSlash(filepath.Dir(f)))
		}
		for _, c := range listed {
			if strings.HasPrefix(c.GoMod, module+" ") {
				got = append(got, c.Import)
			}
		}
		require.Equal(t, want, got, kind)
	}
}

func TestComponentsAreThoseOfTheManifest(t *testing.T) {
	m := readManifest(t)
	generated, err := os.ReadFile("components.go")
	require.NoError(t, err)
	imported := regexp.MustCompile(`(?m)^\t\w+ "([^"]+)"$`).FindAllStringSubmatch(string(generated), -1)
	var got, want []string
	for _, match := range imported {
		got = append(got, match[1])
	}
	for _, c := range slices.Concat(m.Receivers, m.Processors, m.Connectors, m.Exporters, m.Extensions, []listing{m.Telemetry}) {
		if c.Import != "" {
			want = append(want, c.Import)
			continue
		}
		name, _, _ := strings.Cut(c.GoMod, " ")
		want = append(want, name)
	}
	require.ElementsMatch(t, want, got)
}

func TestEveryDefaultConfigurationIsWellFormed(t *testing.T) {
	factories, err := components()
	require.NoError(t, err)
	check := func(f component.Factory) {
		require.NoError(t, componenttest.CheckConfigStruct(f.CreateDefaultConfig()), f.Type())
	}
	for _, f := range factories.Receivers {
		check(f)
	}
	for _, f := range factories.Processors {
		check(f)
	}
	for _, f := range factories.Connectors {
		check(f)
	}
	for _, f := range factories.Exporters {
		check(f)
	}
}

func TestEveryShippedConfigurationValidates(t *testing.T) {
	files, err := filepath.Glob("configs/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Setenv("WATCHKEEPER_STATE_DIR", t.TempDir())
			require.NoError(t, dryRun(t.Context(), "file:"+file))
		})
	}
}

// dryRun builds the collector of a configuration without starting it.
func dryRun(ctx context.Context, uri string) error {
	set := settings()
	set.ConfigProviderSettings.ResolverSettings.URIs = []string{uri}
	set.ConfigProviderSettings.ResolverSettings.DefaultScheme = "env"
	collector, err := otelcol.NewCollector(set)
	if err != nil {
		return err
	}
	return collector.DryRun(ctx)
}

func readManifest(t *testing.T) (m manifest) {
	text, err := os.ReadFile("builder-config.yaml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &m))
	require.NotEmpty(t, m.Receivers)
	return m
}
