package mcp

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/watchkeeper/watchkeeper/internal/check/guard"
	"github.com/watchkeeper/watchkeeper/internal/check/mcp/contract"
)

// Settings says which server to ask, how, and what is too much. Exactly one of
// Endpoint and Command is set. A threshold of zero is off.
type Settings struct {
	// Endpoint is the URL of a server over streamable HTTP, http or https.
	Endpoint string
	// Client sends the requests to Endpoint, and owns TLS and authentication; nil
	// means one that refuses the addresses of guard.Metadata. It is not changed.
	// Redirects are never followed.
	Client *http.Client

	// Command starts a server over stdio: the absolute path of a program and its
	// arguments, handed over as they are, without a shell. A run starts the server
	// anew and ends it. Linux only.
	Command []string
	// Env is the whole environment of the server, as "NAME=value"; nothing of ours
	// is inherited. The values are kept out of reasons.
	Env []string
	// Dir is the absolute path of the server's working directory; empty means the
	// root directory.
	Dir string

	// Protocol is Auto, or the version of the protocol that the server must speak.
	Protocol string
	// Canary is a tool to call after the list, or nil.
	Canary *Canary
	// Contract says what becomes of changes of the tools.
	Contract ContractSettings

	// MaxResponseTime is how long the run may take, the start of a server over stdio
	// included, before the verdict is Degraded.
	MaxResponseTime time.Duration
	// MaxTools is how many tools are counted at most; a server that lists more is
	// Degraded, and its contract is not compared. Zero means the default.
	MaxTools int
	// MinCertificateValidity is how much longer the certificate of the server must be
	// valid, or a third of its whole life if that is shorter, and MinTokenValidity how
	// much longer the JWT that authorizes us, for the verdict not to be Degraded.
	MinCertificateValidity, MinTokenValidity time.Duration
}

// Auto finds out which version of the protocol a server speaks, the newest first.
const Auto = "auto"

// Versions returns what Settings.Protocol may be besides Auto, newest first.
func Versions() []string { return mcp.SupportedProtocolVersions() }

// Canary is a tool that shows whether more than the front of the server works. It
// is called at every run: it should be cheap, and change nothing.
type Canary struct {
	// Tool is the name of the tool.
	Tool string
	// Arguments is the JSON object that it gets; nil means an empty one.
	Arguments map[string]any
	// Contains must occur in the text that the tool returns, unless it is empty.
	Contains string
	// Regex must match in the text that the tool returns, unless it is nil.
	Regex *regexp.Regexp
}

// ContractSettings says how a change of the tools becomes the accepted state.
type ContractSettings struct {
	// AcceptChanges is AcceptAuto or AcceptManual; empty means AcceptAuto. What is
	// seen first is accepted in both cases.
	AcceptChanges AcceptChanges
	// Accepted is the digest of a contract that somebody has looked at, as the notice
	// of the change told it. When the server offers that contract, it becomes the
	// accepted one. It is for AcceptManual.
	Accepted string
}

// AcceptChanges says who accepts another contract.
type AcceptChanges string

const (
	// AcceptAuto accepts a change when it has been told: the next difference is the
	// one to what the server offers now.
	AcceptAuto AcceptChanges = "auto"
	// AcceptManual keeps the accepted contract until Accepted names another one, so
	// that changes add up against what a person has seen.
	AcceptManual AcceptChanges = "manual"
)

// DefaultSettings returns the thresholds that suit most servers.
func DefaultSettings() Settings {
	return Settings{
		Protocol: Auto, Contract: ContractSettings{AcceptChanges: AcceptAuto},
		MaxResponseTime: 5 * time.Second, MaxTools: 1000, MinCertificateValidity: guard.DefaultCertificateValidity,
	}
}

// withDefaults returns the settings as the probe uses them, and what a reason may
// say of the server: nothing of a user, path, query or argument.
func (s Settings) withDefaults() (Settings, string, error) {
	target := ""
	switch {
	case len(s.Command) > 0 && s.Endpoint != "":
		return s, "", errors.New("want an endpoint or a command, got both")
	case len(s.Command) > 0:
		if runtime.GOOS != "linux" {
			return s, "", errors.New("command: works on Linux only")
		}
		if !filepath.IsAbs(s.Command[0]) {
			return s, "", errors.New("command: want an absolute path")
		}
		target = filepath.Base(s.Command[0])
	default:
		u, err := url.Parse(s.Endpoint)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return s, "", errors.New("endpoint: want http:// or https:// and a host")
		}
		target = u.Host
	}
	for _, part := range slices.Concat(s.Command, s.Env, []string{s.Dir}) {
		if strings.ContainsRune(part, 0) {
			return s, "", errors.New("command, env and dir: must not hold NUL")
		}
	}
	for _, variable := range s.Env {
		if name, _, found := strings.Cut(variable, "="); !found || name == "" {
			return s, "", errors.New("env: want NAME=value")
		}
	}
	if s.Dir == "" {
		s.Dir = "/"
	}
	if !filepath.IsAbs(s.Dir) {
		return s, "", fmt.Errorf("dir %q: want an absolute path", s.Dir)
	}
	if s.Protocol == "" {
		s.Protocol = Auto
	}
	if s.Protocol != Auto && !slices.Contains(Versions(), s.Protocol) {
		return s, "", fmt.Errorf("protocol %q: want %s or one of %s", s.Protocol, Auto, strings.Join(Versions(), ", "))
	}
	if c := s.Canary; c != nil {
		if c.Tool == "" {
			return s, "", errors.New("canary: tool: must be set")
		}
		if _, err := json.Marshal(c.Arguments); err != nil {
			return s, "", errors.New("canary: arguments: want a JSON object")
		}
	}
	switch s.Contract.AcceptChanges {
	case "":
		s.Contract.AcceptChanges = AcceptAuto
	case AcceptAuto, AcceptManual:
	default:
		return s, "", fmt.Errorf("accept changes %q: want %s or %s", s.Contract.AcceptChanges, AcceptAuto, AcceptManual)
	}
	if a := s.Contract.Accepted; a != "" && !contract.IsDigest(a) {
		return s, "", fmt.Errorf("accepted contract %q: want a digest of 32 hexadecimal digits", a)
	}
	if s.MaxTools < 0 {
		return s, "", fmt.Errorf("max tools %d: must not be negative", s.MaxTools)
	}
	if s.MaxTools == 0 {
		s.MaxTools = DefaultSettings().MaxTools
	}
	if s.Client == nil {
		s.Client = &http.Client{Transport: guard.Transport(false)}
	}
	return s, target, nil
}
