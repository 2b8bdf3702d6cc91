package chaos_test

import (
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/chaos"
)

const (
	reviewer = "reviewer" // answers reviews
	operator = "operator" // may do everything
)

// person is who asks: those below chaos.People are on call, the others need a
// reviewer.
func person(i int) string { return fmt.Sprintf("p%d", i) }

func subject(who string) access.Subject {
	return access.Subject{Type: "user", ID: who + "@example.com"}
}

// entitled is what a person can ask for. The resources of one target come before
// those of the next.
func entitled(who, what int, targets []string) access.Entitled {
	return access.Entitled{
		Subject: subject(person(who)), Action: access.Action{Name: "debug"},
		Resource: access.ResourceRef{Type: "customer", ID: resourceOf(targets[what/chaos.Resources], what%chaos.Resources)},
	}
}

func resourceOf(target string, i int) string { return fmt.Sprintf("%s-%d", target, i) }

// setup is what every node of a world shares.
type setup struct {
	dir     string
	secrets map[string]string // of tokens, by who has them
	targets map[string]string // URLs by name
	secret  string            // signs for the targets
	sink    string            // URL of what takes audit events
	signing string            // signs checkpoints
	later   bool              // whether the target that compares generations calls back
}

// layOut writes all that a configuration refers to.
func (s *setup) layOut(t *testing.T) {
	t.Helper()
	var people, shifts, resources strings.Builder
	for i := range chaos.People + chaos.Teammates {
		fmt.Fprintf(&people, "  - {subject: \"%s\", groups: [payments]}\n", subject(person(i)))
		if i < chaos.People {
			fmt.Fprintf(&shifts, "      - {subject: \"%s\", level: 1, start: null, end: null}\n", subject(person(i)))
		}
	}
	for name := range s.targets {
		for i := range chaos.Resources {
			fmt.Fprintf(&resources, "  - {type: customer, id: %[1]s, name: %[1]s, properties: {owner: payments, tier: gold}, "+
				"entitlements: [{action: debug, durations: [1s, 2s, 3s, 5s, 30s], target: %[2]s}]}\n", resourceOf(name, i), name)
		}
	}
	for path, text := range map[string]string{
		"people.yaml": "people:\n" + people.String() +
			fmt.Sprintf("  - {subject: \"%s\", groups: [security]}\n  - {subject: \"%s\", groups: [admins]}\n", subject(reviewer), subject(operator)),
		"rota.yaml":          "schedules:\n  - id: primary\n    name: Primary\n    shifts:\n" + shifts.String(),
		"resources.yaml":     "resources:\n" + resources.String(),
		"policies/data.yaml": "teams:\n  payments: {group: payments, schedules: [primary]}\n",
		"webhook-secret":     s.secret,
		"audit-key":          s.signing,
	} {
		s.write(t, path, text)
	}
	s.secrets = map[string]string{}
	for _, who := range s.callers() {
		s.secrets[who] = rand.Text()
		s.write(t, "token-"+who, s.secrets[who])
	}
}

func (s *setup) callers() []string {
	all := []string{reviewer, operator}
	for i := range chaos.People + chaos.Teammates {
		all = append(all, person(i))
	}
	return all
}

func (s *setup) write(t *testing.T, path, text string) {
	t.Helper()
	path = filepath.Join(s.dir, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// configure writes the configuration of one node and returns its path. Time-outs
// and pauses are short, so that a run sees many of each.
func (s *setup) configure(t *testing.T, n int, listen, ledger, lease string) string {
	t.Helper()
	var tokens, targets strings.Builder
	for _, who := range s.callers() {
		fmt.Fprintf(&tokens, "    - {name: %[1]s, subject: \"%[2]s\", secret: \"file:token-%[1]s\"}\n", who, subject(who))
	}
	for name, url := range s.targets {
		confirm := "response"
		if s.later && name == comparing {
			confirm = "callback, callback_timeout: 1s"
		}
		fmt.Fprintf(&targets, "  - {name: %s, webhook: {url: \"%s\", secret: \"file:webhook-secret\", timeout: 1s, max_lag: 100ms, "+
			"retry_first: 100ms, retry_cap: 1s, confirm: %s}}\n", name, url, confirm)
	}
	path := fmt.Sprintf("node%d.yaml", n)
	s.write(t, path, fmt.Sprintf("listen: %s\nledger: %q\nlease: %q\npolicies: policies\nauth:\n  tokens:\n%soncall: {rota: rota.yaml}\n"+
		"people: people.yaml\nresources: resources.yaml\naudit: {key: \"file:audit-key\"}\n"+
		"sinks: [{webhook: {url: %q, secret: \"file:webhook-secret\"}}]\ntargets:\n%s", listen, ledger, lease, &tokens, s.sink, &targets))
	return filepath.Join(s.dir, path)
}

// ownAddress is an address that stays free while its server is down: on a loopback
// host of its own, where no other listener or connection gets its port.
func ownAddress(t *testing.T) string {
	t.Helper()
	var b [3]byte
	_, _ = rand.Read(b[:])
	listener, err := net.Listen("tcp", fmt.Sprintf("127.%d.%d.%d:0", b[0]|1, b[1], b[2]|1))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}
