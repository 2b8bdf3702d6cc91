package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// revokeFigure is a revoke on one node and checks of the same on another.
type revokeFigure struct {
	What    string `json:"what"`
	Revoked int    `json:"revoked"`
	At200   int    `json:"answered_200"` // the others were answered 202: propagating
	// Seen is from the answer, and from the commit, until a check says no.
	SeenAnswer tail `json:"seen_after_answer"`
	SeenCommit tail `json:"seen_after_commit"`
	Answer     tail `json:"answer"` // how long the revoke took
	Checks     int  `json:"checks"` // that began after the revoke was acknowledged
	Yes        int  `json:"yes"`    // of them
}

// propagation is how long a check may say yes after a revoke that was answered
// 202.
const propagation = time.Second

// pair is two nodes on one ledger and one Redis.
type pair struct {
	a, b    *child
	grants  batch
	closing closers
}

func (s *stage) pair(ctx context.Context, lease string, grants int) (p *pair, err error) {
	p = &pair{grants: live(grants)}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.closing.close())
		}
	}()
	where, err := s.ledger(ctx, onPostgres, grants)
	if err != nil {
		return p, err
	}
	p.closing.add(func() error { return s.drop(where) })
	for _, node := range []**child{&p.a, &p.b} {
		*node, err = startChild(ctx, childConfig{
			Kind: "gateway", Ledger: where, Lease: lease, Policies: s.opts.Policies, Target: s.target.server.URL, Verbose: s.opts.Verbose,
		})
		if err != nil {
			return p, err
		}
		p.closing.add((*node).stop)
	}
	_, err = p.a.awaitLease(ctx, 0)
	return p, errors.Join(err, pause(ctx, s.opts.Pace.Settle))
}

// measureRevoke measures how soon a revoke is seen, and whether one comes back.
func measureRevoke(ctx context.Context, s *stage, r *report) error {
	seen, err := s.revokes(ctx)
	if err != nil {
		return err
	}
	r.Revokes = append(r.Revokes, seen)
	lost, err := s.failovers(ctx)
	r.Revokes = append(r.Revokes, lost)
	return err
}

func (s *stage) revokes(ctx context.Context) (f revokeFigure, err error) {
	f.What = "seen on the other node"
	server, err := s.redis()
	if err != nil {
		return f, err
	}
	defer server.Kill()
	p, err := s.pair(ctx, redisURL(server), 1000)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, p.closing.close()) }()
	var answers, fromAnswer, fromCommit []time.Duration
	count := min(s.opts.Pace.Each*s.opts.Rounds, p.grants.Count)
	for n := range count {
		o, err := p.observe(ctx, n)
		if err != nil {
			return f, fmt.Errorf("revoke %d: %w", n, err)
		}
		answers = append(answers, o.took)
		fromAnswer, fromCommit = append(fromAnswer, max(o.fromAnswer, 0)), append(fromCommit, o.fromCommit)
		f.Checks, f.Yes, f.Revoked = f.Checks+o.checks, f.Yes+o.yes, f.Revoked+1
		if o.status == http.StatusOK {
			f.At200++
		}
	}
	f.Answer, f.SeenAnswer, f.SeenCommit = tailOf(answers, 0, 0), tailOf(fromAnswer, 0, 0), tailOf(fromCommit, 0, 0)
	return f, nil
}

// observed is one revoke.
type observed struct {
	status                       int
	took, fromAnswer, fromCommit time.Duration
	checks, yes                  int
}

// observe revokes the nth grant on one node, while the other is asked about it
// without a pause.
func (p *pair) observe(ctx context.Context, n int) (o observed, err error) {
	_, _ = p.a.seen(ctx) // what was seen before is not asked for
	ask, err := p.b.asker(ctx, p.grants, n)
	if err != nil {
		return o, err
	}
	defer ask.close()
	if first, err := ask.check(); err != nil || !first.yes {
		return o, errors.Join(err, errors.New("there is no access to begin with"))
	}
	replies, done := make(chan reply, 1<<16), make(chan error, 1)
	watching, stop := context.WithCancel(ctx)
	go func() { done <- ask.until(watching, replies) }()
	began := time.Now()
	o.status, err = p.a.revoke(ctx, p.grants.id("grt", n))
	answered := time.Now()
	o.took = answered.Sub(began)
	if err == nil {
		err = pause(ctx, 30*time.Millisecond)
	}
	stop()
	if err := errors.Join(err, <-done); err != nil {
		return o, err
	}
	close(replies)
	seen, err := p.a.seen(ctx)
	if err != nil || len(seen.Revoked) != 1 {
		return o, errors.Join(err, fmt.Errorf("%d revokes were committed, not 1", len(seen.Revoked)))
	}
	firstNo := time.Time{}
	for r := range replies {
		if !r.yes && firstNo.IsZero() {
			firstNo = r.answered
		}
		if r.asked.After(answered) {
			o.checks++
			if r.yes {
				o.yes++
			}
		}
	}
	if firstNo.IsZero() {
		return o, errors.New("the other node never said no")
	}
	o.fromAnswer, o.fromCommit = firstNo.Sub(answered), firstNo.Sub(time.UnixMicro(seen.Revoked[0]))
	return o, nil
}

// revoke ends a grant.
func (c *child) revoke(ctx context.Context, grantID string) (status int, err error) {
	url := "http://" + c.Address + "/v1/grants/" + grantID + "/revoke"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(`{}`))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+benchToken)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK && res.StatusCode != http.StatusAccepted {
		err = fmt.Errorf("a revoke is answered %s: %s", res.Status, text)
	}
	return res.StatusCode, err
}

func revokeTable(figures []revokeFigure) table {
	t := table{
		title: "Revokes: ms until another node says no, and checks after the acknowledgement",
		head: []string{"", "revoked", "answered 200", "answer p50", "p99", "no after answer p50", "p99", "max", "after commit p50", "p99", "max",
			"checks after", "of them yes"},
	}
	for _, f := range figures {
		t.row(f.What, fmt.Sprint(f.Revoked), fmt.Sprint(f.At200), f.Answer.ms(0.5), f.Answer.ms(0.99), f.SeenAnswer.ms(0.5), f.SeenAnswer.ms(0.99),
			f.SeenAnswer.ms(1), f.SeenCommit.ms(0.5), f.SeenCommit.ms(0.99), f.SeenCommit.ms(1), fmt.Sprint(f.Checks), fmt.Sprint(f.Yes))
	}
	return t
}
