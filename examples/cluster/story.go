package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/curfew-access/curfew/examples/stage"
)

func story() []stage.Step[*world] {
	return []stage.Step[*world]{
		{Title: "Two nodes are ready, on one PostgreSQL and one Redis.", Play: ready},
		{Title: "Alice asks through nginx for 10 s of acme, and both nodes say at once that she has access.", Play: granted},
		{Title: "The first node is killed with SIGKILL. Through nginx everything goes on.", Play: killed},
		{Title: "Alice's 10 s are over: the other node closes her access, within a second of the end, once.", Play: ended},
		{Title: "The node is started again, and takes part.", Play: startedAgain},
		{Title: "Alice gets 2 h, and gives them back at the first node: the second says no from then on.", Play: revoked},
		{Title: "The audit log, read at the second node, has it all.", Play: audited},
	}
}

func ready(ctx context.Context, w *world) error {
	status := w.status(ctx)
	stage.Say("status", "%s", status)
	if status != "node1 ok, node2 ok" {
		return fmt.Errorf("the status is %s", status)
	}
	return nil
}

// ask asks through nginx, and returns the grant.
func ask(ctx context.Context, w *world, length string) (grant string, err error) {
	out, err := w.Command(ctx, "alice", stage.Granted,
		"request", "customer/acme", "debug", "--for", length, "--reason", "PD-4711: checkout is slow")
	if err != nil {
		return "", err
	}
	if w.ends, err = stage.TimeIn(out); err != nil {
		return "", err
	}
	return stage.IDIn("grt", out)
}

func granted(ctx context.Context, w *world) error {
	if _, err := ask(ctx, w, "10s"); err != nil {
		return err
	}
	for _, n := range w.nodes {
		if err := says(ctx, w, n, true); err != nil {
			return err
		}
	}
	_, err := w.receiver.Wait(ctx, 5*time.Second, "access.provision", "signature ok")
	return err
}

// says holds what a node answers to a check against what it should.
func says(ctx context.Context, w *world, n node, want bool) error {
	got, err := w.Check(ctx, n.url, "alice", "debug", "customer", "acme")
	if err == nil && got != want {
		err = fmt.Errorf("%s answers %t, want %t", n.name, got, want)
	}
	if err == nil {
		stage.Say(n.name, "POST /access/v1/evaluation: %t", got)
	}
	return err
}

func killed(ctx context.Context, w *world) error {
	if err := w.nodes[0].Kill(); err != nil {
		return err
	}
	stage.Say("status", "%s", w.status(ctx))
	for range 4 { // nginx's turns come to each node
		if _, code, err := w.Ask(ctx, "alice", "grants"); err != nil || code != stage.Granted {
			return fmt.Errorf("curfew grants exited %d: %w", code, err)
		}
	}
	if err := says(ctx, w, w.nodes[1], true); err != nil {
		return err
	}
	if time.Now().After(w.ends) {
		return errors.New("this took so long that the end came first")
	}
	return nil
}

func ended(ctx context.Context, w *world) error {
	closed, err := w.receiver.Wait(ctx, time.Until(w.ends)+5*time.Second, "access.deprovision", "end_reason expired")
	if err != nil {
		return err
	}
	if err := errors.Join(stage.InTime("closed", closed, w.ends), says(ctx, w, w.nodes[1], false)); err != nil {
		return err
	}
	err = w.Until(ctx, "alice", []string{"grants", "--output", "json"}, `"observed": "absent"`, `"next_at": null`)
	if n := w.receiver.Count("access.deprovision"); err == nil && n != 1 {
		err = fmt.Errorf("it was closed %d times, want once", n)
	}
	return err
}

func startedAgain(ctx context.Context, w *world) error {
	if err := w.startNode(ctx, 0); err != nil {
		return err
	}
	return ready(ctx, w)
}

func revoked(ctx context.Context, w *world) error {
	grant, err := ask(ctx, w, "2h")
	if err != nil {
		return err
	}
	if err := says(ctx, w, w.nodes[1], true); err != nil {
		return err
	}
	if _, err := w.Command(ctx, "alice", stage.Granted, "revoke", grant, "--url", w.nodes[0].url); err != nil {
		return err
	}
	if err := says(ctx, w, w.nodes[1], false); err != nil {
		return err
	}
	_, err = w.receiver.Wait(ctx, 5*time.Second, "access.deprovision", "end_reason revoked")
	return err
}

func audited(ctx context.Context, w *world) error {
	if err := w.Until(ctx, "bob", []string{"audit", "tail", "-n", "50", "--url", w.nodes[1].url}, "end_reason=revoked"); err != nil {
		return err
	}
	out, err := w.Command(ctx, "bob", stage.Granted, "audit", "tail", "-n", "8", "--url", w.nodes[1].url, "--type", "grant.ended")
	return errors.Join(err, stage.Contains(out, "end_reason=expired"), stage.Contains(out, "end_reason=revoked"))
}
