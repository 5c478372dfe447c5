package mcp

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// modeOf makes the test binary a server over stdio, or what else a test needs a
// process for.
const modeOf = "MCP_TEST_MODE"

func TestMain(m *testing.M) {
	if mode := os.Getenv(modeOf); mode != "" {
		if act, ok := modes[mode]; ok {
			act()
			return
		}
		fmt.Fprintln(os.Stderr, "no such mode:", mode)
		os.Exit(2)
	}
	// What a child leaves behind becomes ours, as it does for the first process of a
	// container, so that a test can see whether it is reaped.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

var modes = map[string]func(){
	// hangs reads and writes nothing.
	"hangs": func() { note(); time.Sleep(time.Hour) },
	// stubborn ignores SIGTERM, and so does its child, which is of its group.
	"stubborn": func() {
		signal.Ignore(syscall.SIGTERM, syscall.SIGHUP)
		fork("hangs", false)
		note()
		time.Sleep(time.Hour)
	},
	// stubbornly answers and then ends neither at the end of its input nor at SIGTERM.
	"stubbornly answers": func() {
		signal.Ignore(syscall.SIGTERM)
		fork("hangs", false)
		note()
		answer(nil)
		time.Sleep(time.Hour)
	},
	// orphans answers, and leaves a child of its group.
	"orphans": func() { fork("hangs", false); answer(nil) },
	// daemon leaves a child that is in a session of its own and holds the output.
	"daemon": func() { fork("hangs", true); answer(nil) },
	"exits": func() {
		fmt.Fprintln(os.Stderr, "starting\nError: no database \x1b[31mat "+os.Getenv("PASSWORD")+"\n\n    at main.js:1\n")
		os.Exit(3)
	},
	"is killed": func() { _ = syscall.Kill(os.Getpid(), syscall.SIGSEGV); time.Sleep(time.Hour) },
	"closes its output": func() {
		_ = os.Stdout.Close()
		time.Sleep(time.Hour)
	},
	"floods its errors": floodErrors,
	"floods its errors and answers": func() {
		go floodErrors()
		answer(nil)
	},
	"floods notifications": func() {
		line := []byte(strings.Repeat(`{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}`+"\n", 1000))
		for {
			_, _ = os.Stdout.Write(line)
		}
	},
	"floods requests": func() {
		for i := 0; ; i++ {
			fmt.Printf(`{"jsonrpc":"2.0","id":"s%d","method":"ping"}`+"\n", i)
		}
	},
	"1 GiB in a line": func() {
		block := []byte(strings.Repeat("x", 1<<20))
		for range 1 << 10 {
			_, _ = os.Stdout.Write(block)
		}
	},
	"drips": func() {
		for {
			_, _ = os.Stdout.WriteString(" ")
			time.Sleep(20 * time.Millisecond)
		}
	},
	"chats":       func() { fmt.Println("server is ready"); time.Sleep(time.Hour) },
	"nests":       func() { fmt.Println(strings.Repeat("[", 1e6)); time.Sleep(time.Hour) },
	"wrong id":    func() { fmt.Println(answerTo("4711", discovered)); time.Sleep(time.Hour) },
	"null":        func() { fmt.Println("null"); time.Sleep(time.Hour) },
	"answers":     func() { answer(nil) },
	"pages":       func() { answer(map[string]string{"tools/list": `{"nextCursor":"x","tools":[]}`}) },
	"stops":       func() { answer(map[string]string{"tools/list": oneTool, "then": "stop"}) },
	"old server":  func() { serveStdio("2025-06-18") },
	"new server":  func() { serveStdio("2026-07-28") },
	"dies at new": func() { answer(map[string]string{"server/discover": ""}) },
	"ignores new": func() { answer(map[string]string{"server/discover": "ignore"}) },
	// parent runs a probe of a server that hangs, until it is killed.
	"parent": func() {
		p, err := New(Settings{Command: []string{os.Args[0]}, Env: []string{modeOf + "=stubborn", "NOTES=" + os.Getenv("NOTES")}})
		if err != nil {
			panic(err)
		}
		_, _ = p.Run(context.Background())
	},
}

func floodErrors() {
	line := []byte(strings.Repeat("noise ", 1000) + "\nlast words\n")
	for {
		_, _ = os.Stderr.Write(line)
	}
}

// fork starts a mode as a child that is not waited for.
func fork(mode string, elsewhere bool) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), modeOf+"="+mode)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: elsewhere}
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	// Until it has said who it is.
	for name := os.Getenv("NOTES") + "/" + strconv.Itoa(cmd.Process.Pid); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(name); err == nil {
			return
		}
	}
}

// note leaves a file that is named by our id.
func note() {
	if folder := os.Getenv("NOTES"); folder != "" {
		_ = os.WriteFile(folder+"/"+strconv.Itoa(os.Getpid()), nil, 0o600)
	}
}

// answer serves one tool, with other results where they are given: an empty one ends
// the process, and "ignore" is none.
func answer(results map[string]string) {
	known := map[string]string{
		"server/discover": discovered, "tools/list": oneTool, "tools/call": `{"content":[]}`,
		"initialize": `{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"x","version":"1"}}`,
	}
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var message struct {
			ID     json.RawMessage
			Method string
		}
		_ = json.Unmarshal(line, &message)
		result, ok := results[message.Method]
		if !ok {
			result, ok = known[message.Method]
		}
		switch {
		case !ok || result == "ignore" || message.ID == nil:
		case result == "":
			os.Exit(1)
		default:
			fmt.Println(answerTo(string(message.ID), result))
		}
		if message.Method == "tools/list" && results["then"] == "stop" {
			time.Sleep(time.Hour)
		}
	}
}

// serveStdio serves tools with the SDK.
func serveStdio(version string) {
	server := mcp.NewServer(&mcp.Implementation{Name: "test", Version: "1"}, &mcp.ServerOptions{SupportedProtocolVersions: []string{version}})
	addTools(server)
	_ = server.Run(context.Background(), &mcp.StdioTransport{})
}
