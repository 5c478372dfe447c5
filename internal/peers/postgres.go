package peers

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// The superuser of Postgres, and its password, which every connection needs.
const (
	PostgresUser     = "postgres"
	PostgresPassword = "correct horse"
)

// Postgres starts a new PostgreSQL with the database "postgres". Settings are like
// "max_connections=10".
func Postgres(t T, settings ...string) *Server {
	t.Helper()
	bin := postgresBin(t)
	dir := Dir(t, PostgresUser)
	password := filepath.Join(dir, "password")
	if err := errors.Join(os.WriteFile(password, []byte(PostgresPassword+"\n"), 0o600), giveTo(password, PostgresUser)); err != nil {
		t.Fatal(err)
	}
	initdb := exec.Command(filepath.Join(bin, "initdb"),
		"-D", filepath.Join(dir, "data"), "-U", PostgresUser, "-A", "scram-sha-256",
		"--pwfile", password, "-E", "UTF8", "--no-locale", "--no-sync")
	initdb.Dir = dir
	var err error
	if initdb.SysProcAttr, err = attributes(PostgresUser); err != nil {
		t.Fatal(err)
	}
	if output, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, output)
	}
	return startPostgres(t, bin, dir, settings)
}

// startPostgres starts a server on the files in a folder.
func startPostgres(t T, bin, dir string, settings []string) *Server {
	t.Helper()
	return Start(t, Command{
		Path: filepath.Join(bin, "postgres"),
		Dir:  dir,
		User: PostgresUser,
		Args: func(dir string, port int) []string {
			args := []string{"-D", filepath.Join(dir, "data"), "-p", strconv.Itoa(port)}
			for _, s := range append([]string{
				"listen_addresses=127.0.0.1", "unix_socket_directories=",
				"fsync=off", "full_page_writes=off",
			}, settings...) {
				args = append(args, "-c", s)
			}
			return args
		},
		Ready: func(ctx context.Context, endpoint string) error {
			_, port, err := net.SplitHostPort(endpoint)
			if err != nil {
				return err
			}
			return exec.CommandContext(ctx, filepath.Join(bin, "pg_isready"), "-q", "-h", "127.0.0.1", "-p", port).Run()
		},
		// SIGTERM would wait for clients to leave. SIGKILL would leave children, and
		// the shared memory that keeps a successor from starting; after SIGQUIT the
		// successor finds what it finds after a crash.
		StopSignal: syscall.SIGINT,
		KillSignal: syscall.SIGQUIT,
	})
}

// postgresBin finds the folder of the newest PostgreSQL. Debian keeps it out of
// PATH.
func postgresBin(t T) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if path, err := exec.LookPath("initdb"); err == nil {
		found = append(found, path)
	}
	if len(found) == 0 {
		t.Fatal(`postgresql is not installed: run "make peers"`)
	}
	major := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
		return n
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return major(a) - major(b) }))
}
