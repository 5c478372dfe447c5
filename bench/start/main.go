// Command start measures what a binary of Watchkeeper costs before it does
// anything: its size, the time until it says that it is ready, and its resident
// memory when it has run idle for a while.
//
//	start [-runs N] [-idle D] BINARY
//
// It runs the built-in configuration on free ports.
package main

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/watchkeeper/watchkeeper/bench/internal/program"
)

func init() { runtime.LockOSThread() } // as program.Start asks for

func main() {
	runs := flag.Int("runs", 5, "how often to start the binary")
	idle := flag.Duration("idle", 30*time.Second, "how long the last run idles before its memory is read")
	flag.Parse()
	if flag.NArg() != 1 || *runs < 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := report(flag.Arg(0), *runs, *idle); err != nil {
		fmt.Fprintln(os.Stderr, "start:", err)
		os.Exit(1)
	}
}

func report(binary string, runs int, idle time.Duration) error {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	info, err := os.Stat(binary)
	if err != nil {
		return err
	}
	var ready []time.Duration
	var resident int64
	for i := range runs {
		last := i == runs-1
		took, bytes, err := measure(binary, idle, last)
		if err != nil {
			return err
		}
		ready = append(ready, took)
		resident = bytes
	}
	slices.Sort(ready)
	fmt.Printf("binary size   %.0f MB\n", float64(info.Size())/1e6)
	fmt.Printf("ready         %.0f ms (median of %d; %.0f to %.0f)\n", ms(ready[len(ready)/2]), runs, ms(ready[0]), ms(ready[len(ready)-1]))
	fmt.Printf("idle RSS      %.0f MB (after %s)\n", float64(resident)/1e6, idle)
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// measure starts the binary once, returns the time to ready and, for the last
// run, the resident memory in bytes after idling.
func measure(binary string, idle time.Duration, last bool) (took time.Duration, resident int64, err error) {
	ports, err := program.FreePorts(5)
	if err != nil {
		return 0, 0, err
	}
	cmd := exec.Command(binary)
	cmd.Env = append(os.Environ(),
		"WATCHKEEPER_OTLP_GRPC_ENDPOINT=localhost:"+ports[0],
		"WATCHKEEPER_OTLP_HTTP_ENDPOINT=localhost:"+ports[1],
		"WATCHKEEPER_PROMETHEUS_ENDPOINT=localhost:"+ports[2],
		"WATCHKEEPER_HEALTH_ENDPOINT=localhost:"+ports[3],
		"WATCHKEEPER_TELEMETRY_PORT="+ports[4])
	begin := time.Now()
	running, err := program.Start(cmd)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, running.Stop()) }()
	if err := waitReady("http://localhost:"+ports[3]+"/", begin.Add(30*time.Second)); err != nil {
		return 0, 0, errors.Join(err, running.Err())
	}
	took = time.Since(begin)
	if last {
		time.Sleep(idle)
		resident, _, err = running.Resident()
	}
	return took, resident, err
}

func waitReady(url string, deadline time.Time) error {
	for time.Now().Before(deadline) {
		response, err := http.Get(url)
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		time.Sleep(2 * time.Millisecond)
	}
	return fmt.Errorf("%s did not answer 200 in time", url)
}
