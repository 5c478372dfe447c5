package peers

import (
	"os"
	"path/filepath"
	"strings"
)

// module is the first line of the go.mod that Root looks for.
const module = "module github.com/watchkeeper/watchkeeper\n"

// Root returns the folder of the module that the test belongs to.
func Root(t T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(text), module) {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("there is no go.mod above the test")
		}
		dir = parent
	}
}

// Dir returns a new folder that user, when the tests run as root, owns and can
// reach. It is removed when the test ends. The folders of testing.TB.TempDir are
// for one user only.
func Dir(t T, user string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "peer")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("removing the folder of a server: %v", err)
		}
	})
	if err := giveTo(dir, user); err != nil {
		t.Fatal(err)
	}
	return dir
}
