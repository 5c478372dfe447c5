package guard

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/watchkeeper/watchkeeper/internal/check"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAddressesThatHandOutCredentialsAreRefused(t *testing.T) {
	hook := Refuse(Metadata()...)
	for _, address := range []string{
		"169.254.169.254:80", "169.254.170.2:80", "169.254.0.1:1", "169.254.255.255:443",
		"[::ffff:169.254.169.254]:80", "[64:ff9b::a9fe:a9fe]:80",
		"[fe80::1]:80", "[fe80::a9fe:a9fe%eth0]:80", "[febf::1%1]:80",
		"[fd00:ec2::254]:80", "[fd00:ec2::23]:80", "[fd20:ce::254]:80", "[fd00:42::42]:80",
		"100.100.100.200:80", "168.63.129.16:80", "192.0.0.192:80",
	} {
		err := hook("tcp", address, nil)
		var refused *AddressError
		require.ErrorAs(t, err, &refused, address)
		require.Equal(t, check.Refused, check.Classify(fmt.Errorf("dial: %w", err), check.Internal))
	}
	for _, address := range []string{
		"127.0.0.1:80", "[::1]:80", "10.0.0.1:80", "192.168.1.1:80", "169.253.255.255:80", "169.255.0.0:80",
		"[fec0::1]:80", "[fd00::1]:80", "[64:ff9b::a00:1]:80", "100.100.100.201:80", "8.8.8.8:53", "/run/agent.sock", "",
	} {
		require.NoError(t, hook("tcp", address, nil), address)
	}
}

func TestDialerAsksTheHookUnlessAllAreAllowed(t *testing.T) {
	require.NotNil(t, Dialer(false).Control)
	require.Nil(t, Dialer(true).Control)
	require.ErrorAs(t, Dialer(false).Control("tcp4", "169.254.169.254:80", nil), new(*AddressError))
}

func TestReasonKnowsItsOwnErrors(t *testing.T) {
	reason, ok := Reason(fmt.Errorf("x: %w", &AddressError{netip.MustParseAddr("169.254.0.1")}))
	require.True(t, ok)
	require.Equal(t, "the address 169.254.0.1 is link-local or one of cloud metadata, and not allowed", reason)
	reason, ok = Reason(&url.Error{Op: "Get", URL: "http://x/?key=secret", Err: ErrTooManyRedirects})
	require.True(t, ok)
	require.Equal(t, "too many redirects", reason)
	_, ok = Reason(io.ErrUnexpectedEOF)
	require.False(t, ok)
}

// names is a DNS server that gives one address after the other, the last for ever.
func names(t *testing.T, addresses ...netip.Addr) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	go func() {
		packet := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(packet)
			if err != nil {
				return
			}
			var question dnsmessage.Message
			if question.Unpack(packet[:n]) != nil || len(question.Questions) != 1 {
				continue
			}
			q := question.Questions[0]
			answer := dnsmessage.Message{
				Header:    dnsmessage.Header{ID: question.ID, Response: true, Authoritative: true},
				Questions: question.Questions,
			}
			if q.Type == dnsmessage.TypeA {
				answer.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
					Body:   &dnsmessage.AResource{A: addresses[0].As4()},
				}}
				if len(addresses) > 1 {
					addresses = addresses[1:]
				}
			}
			packed, err := answer.Pack()
			if err == nil {
				_, _ = conn.WriteTo(packed, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// A name that was good when it was looked at and is bad when it is dialled is the
// trick that a check of the name before the dial falls for. The bad address is one
// of loopback here, so that nothing leaves the machine if the hook fails.
func TestNameThatFlipsGainsNothing(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer web.Close()
	_, port, err := net.SplitHostPort(web.Listener.Addr().String())
	require.NoError(t, err)
	var dialled atomic.Int32
	refuse := Refuse(netip.MustParsePrefix("127.0.0.2/32"))
	dialer := &net.Dialer{
		Resolver: names(t, netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")),
		Control: func(network, address string, conn syscall.RawConn) error {
			dialled.Add(1)
			return refuse(network, address, conn)
		},
	}
	client := http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}}
	response, err := client.Get("http://flips.example.:" + port)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())

	response, err = client.Get("http://flips.example.:" + port)
	if response != nil {
		require.NoError(t, response.Body.Close())
	}
	var refused *AddressError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "127.0.0.2", refused.Address.String())
	require.Equal(t, check.Refused, check.Classify(err, check.Internal))
	require.Equal(t, int32(2), dialled.Load())
}

func TestRedirectsCarryCredentialsToNobodyElse(t *testing.T) {
	var other http.Header
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) { other = q.Header.Clone() }))
	defer elsewhere.Close()
	var hops []string
	here := httptest.NewServer(nil)
	here.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		hops = append(hops, q.URL.Path+" "+q.Header.Get("X-Token"))
		switch q.URL.Path {
		case "/away":
			http.Redirect(w, q, elsewhere.URL, http.StatusFound)
		case "/loop":
			http.Redirect(w, q, "/loop", http.StatusFound)
		case "/start":
			http.Redirect(w, q, "/end", http.StatusFound)
		}
	})
	defer here.Close()
	get := func(limit int, path string) (int, error) {
		hops, other = nil, nil
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: Redirects(limit)}
		request, err := http.NewRequest(http.MethodGet, here.URL+path+"?key=secret", nil)
		require.NoError(t, err)
		for _, name := range []string{"Authorization", "Cookie", "X-Token", "Accept"} {
			request.Header.Set(name, "secret")
		}
		response, err := client.Do(request)
		if response == nil {
			return 0, err
		}
		_ = response.Body.Close()
		return response.StatusCode, err
	}

	status, err := get(0, "/start")
	require.NoError(t, err)
	require.Equal(t, http.StatusFound, status)
	require.Equal(t, []string{"/start secret"}, hops)

	_, err = get(1, "/start")
	require.NoError(t, err)
	require.Equal(t, []string{"/start secret", "/end secret"}, hops, "the same server may know")

	_, err = get(5, "/loop")
	require.ErrorIs(t, err, ErrTooManyRedirects)
	require.Len(t, hops, 6)

	_, err = get(1, "/away")
	require.NoError(t, err)
	require.Equal(t, "secret", other.Get("Accept"))
	for _, name := range []string{"Authorization", "Cookie", "X-Token", "Referer"} {
		require.Empty(t, other.Get(name), name)
	}
}

func TestOriginsAreSchemeHostAndPort(t *testing.T) {
	parse := func(s string) *url.URL {
		u, err := url.Parse(s)
		require.NoError(t, err)
		return u
	}
	for _, pair := range [][2]string{
		{"http://a/x", "http://A:80/y?z"}, {"https://a", "https://a:443"}, {"https://[::1]:8443/", "https://[::1]:8443"},
	} {
		require.True(t, SameOrigin(parse(pair[0]), parse(pair[1])), pair)
	}
	for _, pair := range [][2]string{
		{"http://a", "https://a"}, {"http://a", "http://a.b"}, {"http://a:1", "http://a:2"}, {"https://a:80", "http://a"},
	} {
		require.False(t, SameOrigin(parse(pair[0]), parse(pair[1])), pair)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(q *http.Request) (*http.Response, error) { return f(q) }

func TestOnlyTheOriginGetsWhatTheTransportAdds(t *testing.T) {
	origin, err := url.Parse("https://agent.example")
	require.NoError(t, err)
	say := func(who string) http.RoundTripper {
		return roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New(who) })
	}
	transport := OnlyTo(origin, say("signed"), say("plain"))
	for target, want := range map[string]string{
		"https://agent.example/x": "signed", "https://agent.example:443/": "signed",
		"http://agent.example/": "plain", "https://evil.example/": "plain", "https://agent.example:8443/": "plain",
	} {
		request, err := http.NewRequest(http.MethodGet, target, nil)
		require.NoError(t, err)
		response, err := transport.RoundTrip(request)
		if response != nil {
			require.NoError(t, response.Body.Close())
		}
		require.EqualError(t, err, want, target)
	}
	(&http.Client{Transport: transport}).CloseIdleConnections()
}

func TestJSONIsReadUpToItsLimits(t *testing.T) {
	limits := Limits{Bytes: 30, Depth: 3, Values: 5}
	f := func(text string, want error) {
		t.Helper()
		for _, r := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text))} {
			reader := JSON(r, limits)
			got, err := io.ReadAll(reader)
			require.Equal(t, want, err, text)
			require.LessOrEqual(t, len(got), limits.Bytes)
			if want == nil {
				require.Equal(t, text, string(got))
				continue
			}
			_, err = reader.Read(make([]byte, 1))
			require.Equal(t, want, err, "it does not recover")
		}
	}
	f("", nil)
	f(`{"a":[{"b":"c"}]}`, nil)
	f(strings.Repeat(" ", 30), nil)
	f(strings.Repeat(" ", 31), ErrTooLarge)
	f(`[[[1]]]`, nil)
	f(`[[[[`, ErrTooDeep)
	f(`[[],[],[]]`, ErrTooMany)
	f(`[1,2,3,4,5]`, nil)
	f(`[1,2,3,4,5,6]`, ErrTooMany)
	f(`"[[[[[,,,,,\"[[[[,,,\\"`, nil)
	f(`]]]][[[`, nil)
	f(`]]]][[[[`, ErrTooDeep)
}

func TestBodiesOfATransportAreLimited(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "[[[[]]]]") }))
	defer web.Close()
	client := http.Client{Transport: JSONBodies(&http.Transport{}, Limits{Bytes: 100, Depth: 3, Values: 100})}
	response, err := client.Get(web.URL)
	require.NoError(t, err)
	_, err = io.ReadAll(response.Body)
	require.ErrorIs(t, err, ErrTooDeep)
	require.NoError(t, response.Body.Close())
	client.CloseIdleConnections()
}

func TestShortLivedCertificatesAreRenewedLate(t *testing.T) {
	now := time.Now()
	certificate := func(life, left time.Duration) *x509.Certificate {
		return &x509.Certificate{NotBefore: now.Add(left - life), NotAfter: now.Add(left)}
	}
	const day = 24 * time.Hour
	require.False(t, ExpiresSoon(certificate(90*day, 8*day), now, DefaultCertificateValidity))
	require.True(t, ExpiresSoon(certificate(90*day, 6*day), now, DefaultCertificateValidity))
	require.False(t, ExpiresSoon(certificate(day, 9*time.Hour), now, DefaultCertificateValidity))
	require.True(t, ExpiresSoon(certificate(day, 7*time.Hour), now, DefaultCertificateValidity))
	require.True(t, ExpiresSoon(certificate(90*day, -day), now, DefaultCertificateValidity))
	require.False(t, ExpiresSoon(certificate(90*day, -day), now, 0), "off")
}

func FuzzJSON(f *testing.F) {
	f.Add(`{"a":[1,"\"[",{}]}`, 3)
	f.Fuzz(func(t *testing.T, text string, split int) {
		limits := Limits{Bytes: 1 << 10, Depth: 5, Values: 50}
		whole := &jsonReader{limits: limits}
		errWhole := whole.follow([]byte(text))
		parts := &jsonReader{limits: limits}
		first := max(split, 0) % (len(text) + 1)
		errParts := parts.follow([]byte(text[:first]))
		if errParts == nil {
			errParts = parts.follow([]byte(text[first:]))
		}
		// Both fail or neither; which limit is met first depends on the split.
		require.Equal(t, errWhole == nil, errParts == nil)
	})
}

func BenchmarkJSON(b *testing.B) {
	text := strings.Repeat(`{"name":"tool","tags":["a","b"]},`, 1000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		_, _ = io.Copy(io.Discard, JSON(strings.NewReader(text), DefaultLimits()))
	}
}
