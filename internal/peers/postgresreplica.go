package peers

import (
	"net"
	"os/exec"
	"path/filepath"
)

// PostgresReplica starts a PostgreSQL that follows primary and answers queries.
func PostgresReplica(t T, primary *Server, settings ...string) *Server {
	t.Helper()
	host, port, err := net.SplitHostPort(primary.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	bin := postgresBin(t)
	dir := Dir(t, PostgresUser)
	backup := exec.Command(filepath.Join(bin, "pg_basebackup"),
		"-D", filepath.Join(dir, "data"), "-h", host, "-p", port, "-U", PostgresUser,
		"--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync")
	backup.Dir = dir
	backup.Env = []string{"PGPASSWORD=" + PostgresPassword, "HOME=" + dir, "LC_ALL=C"}
	if backup.SysProcAttr, err = attributes(PostgresUser); err != nil {
		t.Fatal(err)
	}
	if output, err := backup.CombinedOutput(); err != nil {
		t.Fatalf("pg_basebackup: %v\n%s", err, output)
	}
	return startPostgres(t, bin, dir, append([]string{"hot_standby=on"}, settings...))
}
