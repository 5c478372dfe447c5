package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/watchkeeper/watchkeeper"

// The kinds of components, each a folder with one component a folder.
var componentKinds = []string{"receivers", "processors", "connectors", "exporters", "extensions"}

// supportPackages are below internal/ but no engines: they start real servers for
// tests, or are tests.
var supportPackages = []string{"internal/peers", "internal/e2e"}

func TestEnginesKnowNothingOfTheCollectorNorOfEachOther(t *testing.T) {
	checked := 0
	for dir, pkg := range packages(t) {
		engine, ok := engineOf(dir)
		if !ok {
			continue
		}
		checked++
		for _, imported := range pkg.imports {
			if rest, ok := strings.CutPrefix(imported, "go.opentelemetry.io/collector/"); ok {
				require.True(t, engine == "series" && strings.HasPrefix(rest, "pdata/"), "%s imports %s", dir, imported)
			}
			own, ok := strings.CutPrefix(imported, module+"/")
			if !ok {
				continue
			}
			other, ok := engineOf(own)
			require.True(t, ok, "%s is an engine and imports %s", dir, imported)
			require.True(t, other == engine || other == "boundedmap", "engine %s imports engine %s", engine, other)
		}
	}
	require.Greater(t, checked, 5)
}

func TestComponentsNeverImportComponents(t *testing.T) {
	checked := 0
	for dir, pkg := range packages(t) {
		component, ok := componentOf(dir)
		if !ok {
			continue
		}
		checked++
		for _, imported := range pkg.imports {
			if own, ok := strings.CutPrefix(imported, module+"/"); ok {
				other, ok := componentOf(own)
				require.False(t, ok && other != component, "%s imports %s", dir, imported)
			}
		}
	}
	require.GreaterOrEqual(t, checked, 5)
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for dir, pkg := range packages(t) {
		require.True(t, pkg.commented, "package %s has no package comment", dir)
	}
}

// engineOf returns the engine that the package of this folder is a part of.
func engineOf(dir string) (string, bool) {
	rest, ok := strings.CutPrefix(dir, "internal/")
	if !ok || slices.Contains(supportPackages, dir) {
		return "", false
	}
	engine, _, _ := strings.Cut(rest, "/")
	return engine, true
}

// componentOf returns the folder of the component that the package of this folder
// is a part of.
func componentOf(dir string) (string, bool) {
	parts := strings.Split(dir, "/")
	if len(parts) < 2 || !slices.Contains(componentKinds, parts[0]) {
		return "", false
	}
	return path.Join(parts[0], parts[1]), true
}

type goPackage struct {
	imports   []string
	commented bool
}

// packages reads every package of the module, tests left out, by its folder.
func packages(t *testing.T) map[string]goPackage {
	found := make(map[string]goPackage)
	err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if file != "." && notOurs(file) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(file))
		pkg := found[dir]
		pkg.imports = append(pkg.imports, importsOf(parsed)...)
		// mdatagen writes no package comment into what it generates.
		pkg.commented = pkg.commented || parsed.Doc != nil || strings.HasSuffix(dir, "/internal/metadata")
		pkg.commented = pkg.commented || strings.HasSuffix(dir, "/internal/metadatatest")
		found[dir] = pkg
		return nil
	})
	require.NoError(t, err)
	require.NotEmpty(t, maps.Keys(found))
	return found
}

// notOurs knows the folders that hold no package of this module.
func notOurs(dir string) bool {
	return strings.HasPrefix(filepath.Base(dir), ".") || dir == "_build" || dir == "bin" || dir == "bench" ||
		dir == filepath.Join("internal", "tools") || filepath.Base(dir) == "node_modules" || filepath.Base(dir) == "testdata"
}

func importsOf(file *ast.File) (paths []string) {
	for _, spec := range file.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err == nil {
			paths = append(paths, p)
		}
	}
	return paths
}
