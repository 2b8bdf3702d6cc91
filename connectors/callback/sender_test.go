package callback_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/curfew-access/curfew/connectors/callback"
	"github.com/curfew-access/curfew/engine/access"
)

const secret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

// names is a DNS that knows what a test says.
type names map[string][]string

func (n names) resolve(_ context.Context, host string) (found []netip.Addr, err error) {
	for _, a := range n[strings.ToLower(host)] {
		found = append(found, netip.MustParseAddr(a))
	}
	if found == nil {
		err = errors.New("no such host")
	}
	return found, err
}

func sender(t *testing.T, cfg callback.Config) *callback.Sender {
	t.Helper()
	cfg.Secrets = []string{secret}
	s, err := callback.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEndpointIsHeldAgainstTheListAndItsAddresses(t *testing.T) {
	dns := names{
		"agents.example.com": {"93.184.216.34"}, "inside.example.com": {"10.0.0.5"}, "both.example.com": {"93.184.216.34", "127.0.0.1"},
		"metadata.example.com": {"169.254.169.254"}, "six.example.com": {"fd00::1"},
	}
	listed := []string{"agents.example.com", "inside.example.com", "10.0.0.5:8443", "[::1]:9000", "metadata.example.com"}
	for name, tc := range map[string]struct {
		hosts    []string
		endpoint string
		ok       bool
	}{
		"a listed host":                         {listed, "https://agents.example.com/hook?x=1", true},
		"in other letters":                      {listed, "https://AGENTS.example.com/", true},
		"a listed host over http":               {listed, "http://agents.example.com/", true},
		"a listed host that is private":         {listed, "https://inside.example.com/", true},
		"a listed address with its port":        {listed, "https://10.0.0.5:8443/", true},
		"a listed address at another port":      {listed, "https://10.0.0.5:8444/", false},
		"a listed address of six":               {listed, "http://[::1]:9000/", true},
		"a listed host at another port":         {listed, "https://agents.example.com:8443/", false},
		"a listed host that serves metadata":    {listed, "http://metadata.example.com/", false},
		"a host that is not listed":             {listed, "https://other.example.com/", false},
		"a public host where all are":           {[]string{"*"}, "https://agents.example.com/", true},
		"a public host over http":               {[]string{"*"}, "http://agents.example.com/", false},
		"a private host where all public are":   {[]string{"*"}, "https://inside.example.com/", false},
		"a private one of six":                  {[]string{"*"}, "https://six.example.com/", false},
		"one address of two is private":         {[]string{"*"}, "https://both.example.com/", false},
		"loopback by its number":                {[]string{"*"}, "https://127.0.0.1/", false},
		"loopback as six":                       {[]string{"*"}, "https://[::ffff:127.0.0.1]/", false},
		"loopback as one number, which no name": {[]string{"*"}, "https://2130706433/", false},
		"a name that there is not":              {[]string{"*"}, "https://nobody.example.com/", false},
		"no URL":                                {[]string{"*"}, "agents.example.com", false},
		"another scheme":                        {[]string{"*"}, "file:///etc/passwd", false},
		"credentials in it":                     {[]string{"*"}, "https://a:b@agents.example.com/", false},
		"a fragment":                            {[]string{"*"}, "https://agents.example.com/#x", false},
		"longer than any":                       {[]string{"*"}, "https://agents.example.com/" + strings.Repeat("x", 3000), false},
	} {
		err := sender(t, callback.Config{Hosts: tc.hosts, Resolve: dns.resolve}).Check(t.Context(), tc.endpoint)
		if (err == nil) != tc.ok || err != nil && !errors.Is(err, access.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMessageIsSignedAsStandardWebhooksSays(t *testing.T) {
	var heard atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		hook, err := standard.NewWebhook(secret)
		if err == nil {
			err = hook.Verify(body, r.Header)
		}
		if err != nil || r.Header.Get("Webhook-Id") != "art_1" || string(body) != `{"a":1}` {
			t.Errorf("got %s with %v: %v", body, r.Header, err)
		}
		heard.Add(1)
		w.WriteHeader(http.StatusAccepted)
	}))
	defer server.Close()
	s := sender(t, callback.Config{Hosts: []string{host(server)}})
	err := s.Send(t.Context(), access.CallbackMessage{ID: "art_1", Endpoint: server.URL + "/x", Body: []byte(`{"a":1}`)})
	if err != nil || heard.Load() != 1 {
		t.Fatalf("%d messages, %v", heard.Load(), err)
	}
}

func host(s *httptest.Server) string {
	u, _ := url.Parse(s.URL)
	return u.Host
}

func TestAnswersAreToldApartAndKeptOut(t *testing.T) {
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	for status, tc := range map[int]struct{ ok, permanent bool }{
		200: {true, false}, 204: {true, false}, 302: {false, false}, 400: {false, false}, 401: {false, true}, 404: {false, true}, 410: {false, true},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", other.URL)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "hush")
		}))
		s := sender(t, callback.Config{Hosts: []string{host(server), host(other)}})
		err := s.Send(t.Context(), access.CallbackMessage{ID: "art_1", Endpoint: server.URL + "/path-of-secrets?key=hush", Body: []byte(`{}`)})
		if (err == nil) != tc.ok || access.IsPermanent(err) != tc.permanent {
			t.Errorf("%d: %v", status, err)
		}
		if err != nil && (strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "secrets")) {
			t.Errorf("%d: the error gives away what it should not: %v", status, err)
		}
		server.Close()
	}
	if elsewhere.Load() != 0 {
		t.Fatal("a redirect was followed")
	}
}

// A name can lead elsewhere when the message leaves than it did when the endpoint
// was taken.
func TestAddressIsJudgedAgainWhenTheMessageLeaves(t *testing.T) {
	var heard atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { heard.Add(1) }))
	defer server.Close()
	s := sender(t, callback.Config{Hosts: []string{"*"}, Timeout: 2 * time.Second})
	for name, endpoint := range map[string]string{
		"private by now":          "https://" + host(server) + "/",
		"a name that is loopback": strings.Replace("https://"+host(server)+"/", "127.0.0.1", "localhost", 1),
		"not listed any more":     server.URL,
	} {
		err := s.Send(t.Context(), access.CallbackMessage{ID: "art_1", Endpoint: endpoint, Body: []byte(`{}`)})
		if err == nil || !access.IsPermanent(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if heard.Load() != 0 {
		t.Fatal("it was sent")
	}
}

func TestConfigurationIsCheckedAndPrintsNoSecret(t *testing.T) {
	for name, cfg := range map[string]callback.Config{
		"no host":               {Secrets: []string{secret}},
		"a host with a path":    {Secrets: []string{secret}, Hosts: []string{"a.example.com/x"}},
		"a host with a scheme":  {Secrets: []string{secret}, Hosts: []string{"https://a.example.com"}},
		"a pattern":             {Secrets: []string{secret}, Hosts: []string{"*.example.com"}},
		"no secret":             {Hosts: []string{"*"}},
		"a secret that is none": {Secrets: []string{"whsec_tooshort"}, Hosts: []string{"*"}},
	} {
		if _, err := callback.New(cfg); err == nil || strings.Contains(err.Error(), "tooshort") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if text := fmt.Sprintf("%v %+v %#v", sender(t, callback.Config{Hosts: []string{"*"}}), sender(t, callback.Config{Hosts: []string{"*"}}), sender(t, callback.Config{Hosts: []string{"*"}})); strings.Contains(text, "AAEC") || text != "callbacks callbacks callbacks" {
		t.Fatalf("prints %s", text)
	}
}
