package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/audit"
)

// auditEntry is the audit log as it is written.
type auditEntry struct {
	Key          secretRef   `yaml:"key"`           // signs checkpoints; default: on SQLite a file that is made, on PostgreSQL none
	PreviousKeys []secretRef `yaml:"previous_keys"` // sign as well, while a key is changed over; a verifier key only opens
	Keep         string      `yaml:"keep"`          // how long events are kept; default 0, for ever
	Publish      string      `yaml:"publish"`       // how often a checkpoint becomes an event; default 1h, 0: never
}

// Audit is how the audit log proves itself, and how long its events are kept.
type Audit struct {
	Keys    *audit.Keys // nil: no checkpoint is signed, or KeyFile is not made yet
	KeyFile string      // that is read, and made at the first start; "": the configuration names the key, or there is none
	Name    string      // of the log, when its key is made
	Keep    time.Duration
	Publish time.Duration
}

// leastPublish bounds how often a checkpoint is an event: each is one more.
const leastPublish = time.Minute

// keyFileSuffix is behind the ledger's name in that of the key which is made for it.
const keyFileSuffix = ".audit.key"

// audit reads the keys and how long events are kept. The ledger is read by then.
func (r *configReader) audit(entry auditEntry) {
	before := len(r.faults)
	a := &r.cfg.Audit
	a.Name = logName(r.cfg.ExternalURL)
	keys := r.auditKeys(entry)
	switch {
	case len(r.faults) > before:
	case len(keys) > 0:
		var err error
		a.Keys, err = audit.NewKeys(keys...)
		r.take("audit.key", err)
	case a.KeyFile == "" && r.cfg.LedgerURL.Reveal() != "":
		r.warn("audit.key: it is missing, so no checkpoint of the audit log is signed and nothing of it can be proved; "+
			"make one with: curfew audit key new %s", a.Name)
	}
	a.Publish = r.duration("audit.publish", entry.Publish, engine.DefaultPublish)
	if a.Publish != 0 && a.Publish < leastPublish {
		r.add("audit.publish", "%q is too often; want a minute at least, or 0 for never", entry.Publish)
	}
	r.auditKeep(entry)
}

// auditKeys are the signing keys, the one in use first; those of a file that is not
// made yet are none.
func (r *configReader) auditKeys(entry auditEntry) (keys []string) {
	if entry.Key == "" {
		if len(entry.PreviousKeys) > 0 {
			r.add("audit.key", "it is missing, and previous_keys are there; name the key in use as well")
			return nil
		}
		return r.madeKey()
	}
	for i, ref := range append([]secretRef{entry.Key}, entry.PreviousKeys...) {
		place := "audit.key"
		if i > 0 {
			place = fmt.Sprintf("audit.previous_keys[%d]", i-1)
		}
		warnings := r.cfg.Warnings
		key, err := r.secret(place, ref)
		if err == nil {
			keys = append(keys, key.Reveal())
			_, err = audit.NewKeys(slices.Compact([]string{keys[0], key.Reveal()})...)
		}
		if r.take(place, err); err != nil && i == 0 {
			return nil
		}
		if !strings.HasPrefix(key.Reveal(), "PRIVATE") {
			r.cfg.Warnings = warnings // everybody may read a verifier key
		}
	}
	return keys
}

// madeKey reads the key that a gateway made beside its file. One that is there and
// can not be used is a fault: another in its place would begin a log that nobody
// trusts.
func (r *configReader) madeKey() []string {
	if r.cfg.LedgerPath == "" {
		return nil
	}
	r.cfg.Audit.KeyFile = r.cfg.LedgerPath + keyFileSuffix
	if _, err := os.Lstat(r.cfg.Audit.KeyFile); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	key, err := r.secret("audit.key", secretRef("file:"+r.cfg.Audit.KeyFile))
	if err == nil {
		_, err = audit.NewKeys(key.Reveal())
	}
	if err != nil {
		r.add("audit.key", "the key that was made beside the ledger, %s, can not be used; bring it back from a copy: %w", r.cfg.Audit.KeyFile, err)
		return nil
	}
	return []string{key.Reveal()}
}

// auditKeep reads how long events are kept. Without a key they are kept for ever:
// that an event is in an export could not be shown any more.
func (r *configReader) auditKeep(entry auditEntry) {
	if entry.Keep == "" {
		return
	}
	keep, err := parseDays(entry.Keep)
	if err == nil && keep != 0 && keep < engine.LeastAuditKeep {
		err = fmt.Errorf("%q is too short; want 30d at least, or 0 for ever", entry.Keep)
	}
	if err == nil && keep != 0 && entry.Key == "" && r.cfg.Audit.KeyFile == "" {
		err = errors.New("events are removed only when a signed checkpoint holds them; name a key in audit.key")
	}
	r.take("audit.keep", err)
	r.cfg.Audit.Keep = keep
}

// logName names the log of a gateway that others reach there.
func logName(externalURL string) string {
	if u, err := url.Parse(externalURL); err == nil && u.Hostname() != "" && !loopback(u.Hostname()) {
		return u.Hostname() + "/audit"
	}
	return "curfew.local/audit"
}

// opens reports whether the gateway would go on from the newest checkpoint in the
// ledger: it seals nothing onto one that it does not know.
func (a Audit) opens(checkpoint string) error {
	if a.Keys == nil || checkpoint == "" {
		return nil
	}
	if _, err := a.Keys.Open(checkpoint); err != nil {
		return fmt.Errorf("audit.key: the newest checkpoint in the ledger can not be gone on from: %w; "+
			"name the key before, or its verifier key, in audit.previous_keys", err)
	}
	return nil
}

// said is what a check of the configuration says of it.
func (a Audit) said() string {
	kept := "kept for ever"
	if a.Keep > 0 {
		kept = "kept for " + days(a.Keep) + ", and until they are exported"
	}
	switch {
	case a.Keys != nil:
		return "events are " + kept + "; checkpoints are verified with " + a.Keys.Verifiers()[0]
	case a.KeyFile != "":
		return "events are " + kept + "; a key is made at the first start: " + a.KeyFile
	}
	return "events are " + kept + "; no checkpoint is signed"
}

// days writes a length of time, in days if it is a number of them.
func days(d time.Duration) string {
	if d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	}
	return d.String()
}
