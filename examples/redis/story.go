package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/curfew-access/curfew/examples/stage"
)

func story() []stage.Step[*world] {
	return []stage.Step[*world]{
		{Title: "Alice is on call: she gets acme for 10 s, and Redis holds a key that lives as long.", Play: granted},
		{Title: "The key's time to live runs out.", Play: countedDown},
		{Title: "Redis says that the key expired, and the access is closed, within a second of the end.", Play: ended},
		{Title: "It is all in the audit log.", Play: audited},
		{Title: "Alice asks again, for 5 s, and Redis is stopped: she loses her access in time all the same.", Play: endedWithoutRedis},
	}
}

func granted(ctx context.Context, w *world) error {
	if err := w.ask(ctx, "10s"); err != nil {
		return err
	}
	found, err := w.query(ctx, "--scan", "--pattern", "curfew:*:g:"+w.grant)
	w.key = found
	if err == nil && found == "" {
		err = errors.New("redis holds no key of the grant")
	}
	return err
}

// ask asks for access, and waits until it is opened.
func (w *world) ask(ctx context.Context, length string) error {
	out, err := w.Command(ctx, "alice", stage.Granted,
		"request", "customer/acme", "debug", "--for", length, "--reason", "PD-4711: checkout is slow")
	if err != nil {
		return err
	}
	if w.ends, err = stage.TimeIn(out); err != nil {
		return err
	}
	if w.grant, err = stage.IDIn("grt", out); err != nil {
		return err
	}
	return stage.Eventually(ctx, 5*time.Second, func(context.Context) error {
		if opened := w.receiver.Count("access.provision") - w.receiver.Count("access.deprovision"); opened != 1 {
			return fmt.Errorf("the receiver has %d accesses open, want 1", opened)
		}
		return nil
	})
}

// query asks Redis by redis-cli, as anybody can.
func (w *world) query(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, w.cli, append(w.at, args...)...).Output() //nolint:gosec // redis-cli
	return strings.TrimSpace(string(out)), err
}

// countedDown shows the key's time to live, each second, and that it is the
// grant's.
func countedDown(ctx context.Context, w *world) error {
	stage.Print("   redis-cli pttl %s\n", w.key)
	seen := 0
	for left := time.Until(w.ends); left > 500*time.Millisecond; left = time.Until(w.ends) {
		text, err := w.query(ctx, "pttl", w.key)
		if err != nil {
			return err
		}
		millis, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("pttl is %q", text)
		}
		stage.Say("redis", "%s %s ms to live", clock(), text)
		if off := time.Duration(millis)*time.Millisecond - left; off.Abs() > time.Second {
			return fmt.Errorf("the key lives %s longer than the grant", off)
		}
		seen++
		select {
		case <-time.After(min(time.Second, left-400*time.Millisecond)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if seen < 2 {
		return fmt.Errorf("the time to live was seen %d times", seen)
	}
	return nil
}

func ended(ctx context.Context, w *world) error {
	heard, err := w.events.Wait(ctx, 5*time.Second, w.key)
	if err != nil {
		return err
	}
	closed, err := w.receiver.Wait(ctx, 5*time.Second, "access.deprovision", "end_reason expired")
	if err != nil {
		return err
	}
	return errors.Join(stage.InTime("announced", heard, w.ends), stage.InTime("closed", closed, w.ends))
}

func audited(ctx context.Context, w *world) error {
	for _, event := range []string{"grant.started", "binding.provisioned", "grant.ended", "binding.deprovisioned"} {
		if _, err := w.audit.Wait(ctx, 10*time.Second, event); err != nil {
			return err
		}
	}
	return nil
}

func endedWithoutRedis(ctx context.Context, w *world) error {
	if err := w.ask(ctx, "5s"); err != nil {
		return err
	}
	if err := errors.Join(w.events.End(), w.redis.End()); err != nil {
		return err
	}
	stage.Print("   Redis is stopped\n")
	var closed time.Time
	err := stage.Eventually(ctx, time.Until(w.ends)+5*time.Second, func(context.Context) (err error) {
		closed = time.Now()
		if w.receiver.Count("access.deprovision") != 2 {
			err = errors.New("the access was not closed")
		}
		return err
	})
	if err != nil {
		return err
	}
	if status, err := stage.Readiness(ctx, w.URL); status != "degraded" {
		return fmt.Errorf("the gateway says that it is %q, want degraded: %w", status, err)
	}
	stage.Print("   without Redis the gateway says at /readyz that it is degraded, and serves\n")
	if err := stage.InTime("closed", closed, w.ends); err != nil {
		return err
	}
	if err := w.startRedis(ctx); err != nil {
		return err
	}
	stage.Print("   Redis is back\n")
	return w.listen(ctx)
}
