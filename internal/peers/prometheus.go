package peers

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
)

// Prometheus starts a Prometheus, which asks at http://<endpoint>, with this
// configuration.
func Prometheus(t T, configuration string) *Server {
	t.Helper()
	dir := Dir(t, "")
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(configuration), 0o600); err != nil {
		t.Fatal(err)
	}
	return Start(t, Command{
		Path: "prometheus",
		Dir:  dir,
		Args: func(dir string, port int) []string {
			return []string{
				"--config.file=" + file,
				"--storage.tsdb.path=" + filepath.Join(dir, "data"),
				"--web.listen-address=127.0.0.1:" + strconv.Itoa(port),
				"--web.enable-remote-write-receiver",
			}
		},
		Ready: func(ctx context.Context, endpoint string) error { return OK(ctx, "http://"+endpoint+"/-/ready") },
	})
}

// OK asks for a page and returns an error unless the answer is 200.
func OK(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	if err := response.Body.Close(); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	return nil
}

// FreeEndpoint returns an address of loopback, "127.0.0.1:port", that was free a
// moment ago, for a server with more than one.
func FreeEndpoint(t T) string {
	t.Helper()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t)))
}
