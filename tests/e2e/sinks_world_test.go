package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/curfew-access/curfew/examples/stage"
	"github.com/curfew-access/curfew/tests/fake/script"
	"github.com/curfew-access/curfew/tests/fake/splunk"
	"github.com/curfew-access/curfew/tests/fake/sumologic"
	"github.com/curfew-access/curfew/tests/fake/syslog"
)

// outlet is a sink of a world: how it is configured, what has come to it, and how it
// goes away and comes back.
type outlet struct {
	name     string
	config   string
	came     func() []string // the events' own bytes, in the order in which they came
	down, up func()
}

// outlets are one sink of each kind.
func (w *world) outlets() []outlet {
	return []outlet{w.splunkOutlet(), w.sumoOutlet(), w.webhookOutlet(), w.fileOutlet(), w.syslogOutlet()}
}

// plant writes a secret into a file that a configuration names.
func (w *world) plant(name, secret string) {
	w.secrets[name] = secret
	w.write(name, secret)
}

func (w *world) again(up func() error) func() {
	return func() {
		if err := up(); err != nil {
			w.t.Error(err)
		}
	}
}

// splunkOutlet is asked whether what it took is indexed.
func (w *world) splunkOutlet() outlet {
	fake := splunk.New(w.t, splunk.Config{Token: splunk.Token{Ack: true}})
	w.plant("splunk-token", fake.Token())
	return outlet{
		name:   "splunk",
		config: fmt.Sprintf("splunk: {url: %q, token: \"file:splunk-token\", ack: true}", fake.URL()),
		came: func() (all []string) {
			for _, e := range fake.State().Index {
				all = append(all, string(e.Raw))
			}
			return all
		},
		down: fake.Down, up: w.again(fake.Up),
	}
}

func (w *world) sumoOutlet() outlet {
	fake := sumologic.New(w.t, sumologic.Config{})
	w.plant("sumo-code", fake.Code())
	w.plant("sumo-url", fake.URL())
	return outlet{
		name:   "sumologic",
		config: "sumologic: {url: \"file:sumo-url\", category: audit}",
		came: func() (all []string) {
			for _, m := range fake.State().Messages {
				all = append(all, string(m.Text))
			}
			return all
		},
		down: fake.Down, up: w.again(fake.Up),
	}
}

// hook is a receiver of webhooks that verifies what it takes.
type hook struct {
	t        *testing.T
	verifier *standardwebhooks.Webhook

	mu  sync.Mutex
	all []string
}

func (w *world) webhookOutlet() outlet {
	secret := "whsec_" + strings.Repeat("c2luaw", 6) + "c2lu"
	w.plant("sink-secret", secret)
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		w.t.Fatal(err)
	}
	h := &hook{t: w.t, verifier: verifier}
	server := script.NewServer("", h)
	up := w.again(server.Up)
	up()
	w.t.Cleanup(server.Down)
	return outlet{
		name:   "webhook",
		config: fmt.Sprintf("webhook: {url: \"http://%s/in\", secret: \"file:sink-secret\"}", server.Address()),
		came: func() []string {
			h.mu.Lock()
			defer h.mu.Unlock()
			return slices.Clone(h.all)
		},
		down: server.Down, up: up,
	}
}

// ServeHTTP takes a message.
func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = h.verifier.Verify(body, r.Header)
	}
	var m struct {
		Data struct {
			First, Last int
			Events      []json.RawMessage
		}
	}
	if err == nil {
		err = json.Unmarshal(body, &m)
	}
	if err != nil || m.Data.Last-m.Data.First+1 != len(m.Data.Events) || r.Header.Get("Webhook-Id") != fmt.Sprintf("aud_%d_%d", m.Data.First, m.Data.Last) {
		h.t.Errorf("a message is not good: %v: %s", err, body)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range m.Data.Events {
		h.all = append(h.all, string(e))
	}
}

// fileOutlet goes away by having its directory taken from it.
func (w *world) fileOutlet() outlet {
	w.write("archive/keep", "")
	here, away := filepath.Join(w.dir, "archive"), filepath.Join(w.dir, "archive-away")
	return outlet{
		name:   "file",
		config: "file: {path: archive/audit.log}",
		came: func() []string {
			text, _ := os.ReadFile(filepath.Join(here, "audit.log")) // not there is empty
			whole := text[:bytes.LastIndexByte(text, '\n')+1]
			return slices.DeleteFunc(strings.Split(string(whole), "\n"), func(line string) bool { return line == "" })
		},
		down: w.again(func() error { return os.Rename(here, away) }), up: w.again(func() error { return os.Rename(away, here) }),
	}
}

func (w *world) syslogOutlet() outlet {
	logs := syslog.New(w.t, syslog.Config{KnowsWho: true})
	cert, key := logs.ClientCertificate(w.t, "gate")
	return outlet{
		name:   "syslog",
		config: fmt.Sprintf("syslog: {address: %q, tls: {ca: %q, cert: %q, key: %q}}", logs.Address(), logs.CA(), cert, key),
		came: func() (all []string) {
			for _, m := range logs.State().Messages {
				all = append(all, m.Text)
			}
			return all
		},
		down: logs.Down, up: w.again(logs.Up),
	}
}

// startWithOutlets starts the gateway of a world with sinks.
func (w *world) startWithOutlets(parts []*part, all []outlet) {
	w.nodes = make([]*stage.Process, 1)
	w.t.Cleanup(w.close)
	text := w.removalConfig(w.addrs[0])
	for _, p := range parts {
		text += p.as(p.id).target
	}
	text += "sinks:\n"
	for _, o := range all {
		text += "  - {" + o.config + "}\n"
	}
	w.writeRemovals(parts, false)
	w.write("node0.yaml", text)
	w.start(w.t, 0)
}

// written are the events of the log until now, in its order.
func (w *world) written(t *testing.T) (all []string) {
	t.Helper()
	for cursor := ""; ; {
		var page struct {
			Items      []json.RawMessage
			NextCursor *string `json:"next_cursor"`
		}
		if err := w.try(operator, http.MethodGet, "/v1/audit/events?limit=200"+cursor, nil, &page); err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Items {
			all = append(all, string(e))
		}
		if page.NextCursor == nil || len(page.Items) == 0 {
			return all
		}
		cursor = "&cursor=" + url.QueryEscape(*page.NextCursor)
	}
}

// distinct is what has come, without repeats.
func (o outlet) distinct() (all []string) {
	for _, body := range o.came() {
		if !slices.Contains(all, body) {
			all = append(all, body)
		}
	}
	return all
}

// has waits until a sink has all of these events, and holds them to have come in their
// order, and as they were written. What came again came with the same bytes.
func (o outlet) has(t *testing.T, w *world, want []string) {
	t.Helper()
	w.untilIn(t, 2*patience, o.name+" has all events", func() error {
		got := o.distinct()
		if len(got) < len(want) {
			return fmt.Errorf("it has %d of %d", len(got), len(want))
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("%s has as event %d\n%s\nand it is\n%s", o.name, i+1, got[i], want[i])
			}
		}
		return nil
	})
}
