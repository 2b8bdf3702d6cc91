package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// auditFigure is a long audit log that is sealed, taken out of the program, and
// verified.
type auditFigure struct {
	Ledger  string  `json:"ledger"`
	Events  int     `json:"events"`
	Bytes   int64   `json:"bytes"`     // of the export
	Sealed  float64 `json:"sealed_ps"` // events a second
	Export  spread  `json:"export_ps"`
	Proof   spread  `json:"proof_s"`
	Verify  spread  `json:"verify_ps"`
	Inspect spread  `json:"inspect_ps"` // of the ledger itself
	// The most memory of the program while it exported, and of who verified the export
	// and the ledger.
	PeakProgram, PeakVerify, PeakInspect spread
}

const (
	auditBatch = 500 // events of one transaction, and of one seal
	auditName  = "bench.example.com/audit"
)

// measureAudit measures a long log on each database.
func measureAudit(ctx context.Context, s *stage, r *report) error {
	for _, kind := range s.opts.Ledgers {
		f, err := s.audit(ctx, kind)
		if err != nil {
			return fmt.Errorf("on %s: %w", kind, err)
		}
		r.Audits = append(r.Audits, f)
	}
	return nil
}

func (s *stage) audit(ctx context.Context, kind string) (f auditFigure, err error) {
	f = auditFigure{Ledger: kind, Events: s.opts.Events}
	signing, verifier, err := audit.NewKey(rand.Reader, auditName)
	if err != nil {
		return f, err
	}
	if kind == onPostgres {
		if err := s.startPostgres(); err != nil {
			return f, err
		}
	}
	where, err := s.empty(kind)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, s.drop(where)) }()
	if f.Sealed, err = s.longLog(ctx, where, signing); err != nil {
		return f, err
	}
	if err := settleDown(ctx, where); err != nil {
		return f, err
	}
	config, err := s.configureAudit(where, signing)
	if err != nil {
		return f, err
	}
	return f, s.takeOut(ctx, &f, config, verifier)
}

// longLog fills a ledger, and returns how many events a second are sealed.
func (s *stage) longLog(ctx context.Context, where, signing string) (rate float64, err error) {
	keys, err := audit.NewKeys(signing)
	if err != nil {
		return 0, err
	}
	l, err := openLedger(ctx, where)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	began := time.Now()
	for n := 0; n < s.opts.Events; n += auditBatch {
		err := l.Update(ctx, func(tx *ledger.Tx) (err error) {
			for i := n; i < min(n+auditBatch, s.opts.Events); i++ {
				err = errors.Join(err, tx.Append(longEvent(i)))
			}
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	s.say("%d events are in the ledger after %.1f s", s.opts.Events, time.Since(began).Seconds())
	began = time.Now()
	for sealed := 0; sealed < s.opts.Events; {
		n, err := l.SealEvents(ctx, auditBatch, keys)
		if err != nil {
			return 0, err
		}
		if n == 0 {
			return 0, fmt.Errorf("%d of %d events could be sealed", sealed, s.opts.Events)
		}
		sealed += n
	}
	return float64(s.opts.Events) / time.Since(began).Seconds(), nil
}

// longEvent is one of four that a grant leaves, as long as those are.
func longEvent(n int) audit.Event {
	b := batch{First: n / 4}
	x := b.entitled(0)
	e := audit.Event{
		RequestID: audit.Text(b.id("req", 0)), DecisionID: audit.Text(b.id("dec", 0)), Revision: "7ee86a2f7f1ddc3b28f426f7843d2e4c",
		Channel: audit.Text(access.ChannelAPI), Source: "192.0.2.17", HTTPRequestID: audit.Text(b.id("call", 0)), Actor: &x.Subject,
	}.About(x)
	switch n % 4 {
	case 0:
		e.Type, e.Data = audit.RequestSubmitted, map[string]any{
			"effect": "allow", "emergency": false, "for": "2h", "reason": "the queue of payments is stuck", "reasons": []string{"on_call"},
		}
	case 1:
		e.Type, e.Data = audit.RequestApproved, map[string]any{"effect": "allow", "reasons": []string{"on_call"}}
	case 2:
		e.Type, e.GrantID, e.BindingID = audit.GrantStarted, audit.Text(b.id("grt", 0)), audit.Text(b.id("bnd", 0))
		e.Data = map[string]any{"starts_at": time.Unix(int64(n), 0).UTC(), "expires_at": time.Unix(int64(n)+7200, 0).UTC()}
	default:
		e.Type, e.GrantID, e.BindingID = audit.BindingProvisioned, audit.Text(b.id("grt", 0)), audit.Text(b.id("bnd", 0))
		e.Data = map[string]any{"attempt": 1, "generation": 1, "target": "target", "verb": "access.provision"}
	}
	return e
}

// configureAudit configures a program that signs by the key.
func (s *stage) configureAudit(where, signing string) (string, error) {
	policies, err := filepath.Abs(s.opts.Policies)
	if err != nil {
		return "", err
	}
	path := filepath.Join(s.dir, "audit.yaml")
	return path, errors.Join(
		os.WriteFile(filepath.Join(s.dir, "bench.audit.key"), []byte(signing), 0o600),
		s.writeConfig(path, where, "memory", policies, "audit: {key: file:bench.audit.key, publish: 0s}\n"))
}

// takeOut exports the log and verifies it, round after round.
func (s *stage) takeOut(ctx context.Context, f *auditFigure, config, verifier string) error {
	var export, proof, verify, inspect, peaks, peakVerify, peakInspect []float64
	file := filepath.Join(s.dir, "export.ndjson")
	defer func() { _, _ = os.Remove(file), os.Remove(file+".proof") }()
	for round := range s.opts.Rounds {
		took, peak, err := s.exportOnce(ctx, f, config, file)
		if err != nil {
			return err
		}
		export, proof, peaks = append(export, float64(f.Events)/took[0]), append(proof, took[1]), append(peaks, float64(peak))
		for _, c := range []struct {
			rate, peak *[]float64
			args       []string
		}{
			{&verify, &peakVerify, []string{"audit", "verify", file, "--key", verifier}},
			{&inspect, &peakInspect, []string{"audit", "verify", "--config", config, "--key", verifier}},
		} {
			seconds, most, err := s.runOnce(ctx, c.args...)
			if err != nil {
				return err
			}
			*c.rate, *c.peak = append(*c.rate, float64(f.Events)/seconds), append(*c.peak, float64(most))
		}
		s.say("audit on %s: round %d of %d", f.Ledger, round+1, s.opts.Rounds)
	}
	f.Export, f.Proof, f.Verify, f.Inspect = spreadOf(export), spreadOf(proof), spreadOf(verify), spreadOf(inspect)
	f.PeakProgram, f.PeakVerify, f.PeakInspect = spreadOf(peaks), spreadOf(peakVerify), spreadOf(peakInspect)
	return nil
}

// exportOnce has a program write the log, and then what proves it, and returns how long
// each took and the most memory that the program had.
func (s *stage) exportOnce(ctx context.Context, f *auditFigure, config, file string) (took [2]float64, peak int64, err error) {
	p, err := s.serve(ctx, config)
	if err != nil {
		return took, 0, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	if _, err := p.startUp(ctx, 0); err != nil {
		return took, 0, err
	}
	if err := p.forgetPeak(); err != nil {
		return took, 0, err
	}
	for i, format := range []string{"ndjson", "proof"} {
		name := file
		if format == "proof" {
			name += ".proof"
		}
		began := time.Now()
		bytes, err := p.download(ctx, fmt.Sprintf("/v1/audit/export?format=%s&through=%d", format, f.Events), name)
		if err != nil {
			return took, 0, fmt.Errorf("%s: %w", format, err)
		}
		if took[i] = time.Since(began).Seconds(); i == 0 {
			f.Bytes = bytes
		}
	}
	return took, memoryOf(p.pid(), "VmHWM:"), nil
}

// download writes what is answered to a file.
func (p *program) download(ctx context.Context, path, name string) (n int64, err error) {
	p.mu.Lock()
	url := p.url
	p.mu.Unlock()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+path, http.NoBody)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Authorization", "Bearer "+benchToken)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(response.Body, 4<<10))
		return 0, fmt.Errorf("%s: %s", response.Status, said)
	}
	out, err := os.Create(name)
	if err != nil {
		return 0, err
	}
	n, err = io.Copy(out, response.Body)
	return n, errors.Join(err, out.Close())
}

// runOnce runs the program's command line, and returns how long that took and the most
// memory that it had.
func (s *stage) runOnce(ctx context.Context, args ...string) (seconds float64, peak int64, err error) {
	binary, err := s.build(ctx)
	if err != nil {
		return 0, 0, err
	}
	cmd := exec.CommandContext(ctx, binary, args...)
	began := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, 0, fmt.Errorf("%w: %s", err, out)
	}
	seconds = time.Since(began).Seconds()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		peak = usage.Maxrss << 10
	}
	return seconds, peak, nil
}

// auditTable is a row for each database.
func auditTable(figures []auditFigure) table {
	t := table{
		title: "A long audit log: sealed, taken out and verified",
		head: []string{
			"events", "", "MB", "sealed/s", "exported/s", "", "proof s", "verified/s", "", "in the ledger/s", "",
			"peak MB: program", "verify", "verify ledger",
		},
	}
	for _, f := range figures {
		t.row(fmt.Sprint(f.Events), f.Ledger, fmt.Sprintf("%.0f", mega(f.Bytes)), fmt.Sprintf("%.0f", f.Sealed),
			fmt.Sprintf("%.0f", f.Export.Median), span("[%.0f to %.0f]", &f.Export), sec(f.Proof.Median),
			fmt.Sprintf("%.0f", f.Verify.Median), span("[%.0f to %.0f]", &f.Verify),
			fmt.Sprintf("%.0f", f.Inspect.Median), span("[%.0f to %.0f]", &f.Inspect),
			fmt.Sprintf("%.0f", f.PeakProgram.Median/1e6), fmt.Sprintf("%.0f", f.PeakVerify.Median/1e6), fmt.Sprintf("%.0f", f.PeakInspect.Median/1e6))
	}
	return t
}
