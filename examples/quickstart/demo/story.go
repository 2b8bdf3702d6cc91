package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// The exit codes of `curfew request`, see `curfew help`.
const (
	granted = 0
	denied  = 3
	pending = 8
)

func story() []step {
	return []step{
		{"Alice is on call for payments: she gets acme for 30 s at once.", allowedOnCall},
		{"Carol is neither on call for payments nor in that team: she is told why not.", deniedWithReason},
		{"Carol is in the team that owns globex: her request waits for security.", waitsForReview},
		{"She can not approve it herself.", ownApprovalRefused},
		{"Bob of security asks for globex too, and can not approve his own request either.", reviewersOwnRefused},
		{"Bob approves Carol's request, for 30 s instead of 2 h: it is opened.", approvedByAnother},
		{"Alice's 30 s are over: her access is closed within a second of that.", closedInTime},
		{"The receiver goes down, Carol's access ends meanwhile, and it comes back 20 s later: closed then, once.", closedAfterOutage},
		{"The audit log tells the whole story.", audited},
	}
}

func allowedOnCall(ctx context.Context, s *stage) error {
	out, err := s.curfew(ctx, "alice", granted, "request", "customer/acme", "debug", "--for", "30s", "--reason", "PD-4711: checkout is slow")
	if err != nil {
		return err
	}
	if s.aliceEnds, err = timeIn(out); err != nil {
		return err
	}
	_, err = s.receiver.wait(ctx, 5*time.Second, "access.provision", "alice@example.com", "customer:acme", "signature ok")
	return err
}

func deniedWithReason(ctx context.Context, s *stage) error {
	out, err := s.curfew(ctx, "carol", denied, "request", "customer/acme", "debug", "--for", "2h", "--reason", "curious")
	if err != nil {
		return err
	}
	return contains(out, "not_on_call_nor_in_team")
}

func waitsForReview(ctx context.Context, s *stage) error {
	out, err := s.curfew(ctx, "carol", pending, "request", "customer/globex", "debug", "--for", "2h", "--reason", "INC-12: stuck export")
	if err != nil {
		return err
	}
	s.carolRequest, err = requestIn(out)
	return errors.Join(err, contains(out, "team_review"))
}

func ownApprovalRefused(ctx context.Context, s *stage) error {
	_, err := s.curfew(ctx, "carol", denied, "approve", s.carolRequest)
	return err
}

func reviewersOwnRefused(ctx context.Context, s *stage) error {
	out, err := s.curfew(ctx, "bob", pending, "request", "customer/globex", "debug", "--for", "30s", "--reason", "to look at the export")
	if err != nil {
		return err
	}
	own, err := requestIn(out)
	if err != nil {
		return err
	}
	out, err = s.curfew(ctx, "bob", denied, "approve", own)
	if err != nil {
		return err
	}
	_, withdrawn := s.curfew(ctx, "bob", granted, "withdraw", own)
	return errors.Join(contains(out, "own_request"), withdrawn)
}

func approvedByAnother(ctx context.Context, s *stage) error {
	out, err := s.curfew(ctx, "bob", granted, "approve", s.carolRequest, "--for", "30s", "--comment", "30 s will do")
	if err != nil {
		return err
	}
	if s.carolEnds, err = timeIn(out); err != nil {
		return err
	}
	_, err = s.receiver.wait(ctx, 5*time.Second, "access.provision", "carol@example.com", "customer:globex", "signature ok")
	return err
}

func closedInTime(ctx context.Context, s *stage) error {
	at, err := s.receiver.wait(ctx, time.Until(s.aliceEnds)+5*time.Second, "access.deprovision", "alice@example.com", "customer:acme")
	if err != nil {
		return err
	}
	late := at.Sub(s.aliceEnds)
	fmt.Printf("   closed %d ms after the end\n", late.Milliseconds())
	if late < 0 || late > time.Second {
		return fmt.Errorf("it was closed %s after the end, want within 1 s and not before", late)
	}
	return nil
}

func closedAfterOutage(ctx context.Context, s *stage) error {
	if err := s.receiver.stop(); err != nil {
		return err
	}
	back := s.carolEnds.Add(20 * time.Second)
	fmt.Printf("   the receiver is down; Carol's access ends at %s\n", s.carolEnds.Format(time.TimeOnly))
	select {
	case <-time.After(time.Until(back)):
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := s.startReceiver(ctx); err != nil {
		return err
	}
	fmt.Println("   the receiver is back")
	words := []string{"access.deprovision", "carol@example.com", "customer:globex"}
	if _, err := s.receiver.wait(ctx, 15*time.Second, words...); err != nil {
		return err
	}
	// What is confirmed has no next attempt: nothing more can come.
	err := s.until(ctx, "carol", []string{"grants", "--output", "json"}, `"observed": "absent"`, `"next_at": null`)
	if err != nil {
		return err
	}
	if n := s.receiver.count(words...); n != 1 {
		return fmt.Errorf("it was closed %d times, want once", n)
	}
	_, err = s.curfew(ctx, "carol", granted, "grants")
	return err
}

func audited(ctx context.Context, s *stage) error {
	out, err := s.curfew(ctx, "bob", granted, "audit", "tail", "-n", "12")
	if err != nil {
		return err
	}
	return errors.Join(contains(out, "grant.ended"), contains(out, "binding.deprovisioned"))
}
