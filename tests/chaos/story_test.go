package chaos_test

import (
	"crypto/rand"
	"encoding/hex"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/tests/chaos"
	fake "github.com/curfew-access/curfew/tests/fake/target"
)

// The objects of the story.
const (
	aRequest = "req_1"
	aGrant   = "grt_1"
	aBinding = "bnd_1"
)

var about = access.Entitled{
	Subject: access.Subject{Type: "user", ID: "p0@example.com"}, Action: access.Action{Name: "debug"},
	Resource: access.ResourceRef{Type: "customer", ID: "plain-0"},
}

// at is a moment of the story, in milliseconds.
func at(ms int) time.Time {
	return time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC).Add(time.Duration(ms) * time.Millisecond)
}

// story is a history in which everything is as it should be: a grant of five
// seconds is asked for, opened, checked, ended by its time, and closed.
func story(t *testing.T) chaos.History {
	t.Helper()
	ended := at(5002)
	h := chaos.History{
		Skew: 10 * time.Millisecond,
		Steps: []chaos.Step{{Kind: chaos.Ask, Key: "key-1", About: about, Calls: []chaos.Call{
			{Began: at(0), Ended: at(20), Status: 201, RequestID: aRequest, GrantID: aGrant, Live: true},
			{Began: at(1), Ended: at(25), Status: 201, RequestID: aRequest, GrantID: aGrant, Live: true, Node: 1},
		}}},
		Checks: []chaos.Check{
			{About: about, Began: at(100), Ended: at(105), Status: 200, Yes: true},
			{About: about, Began: at(5100), Ended: at(5105), Status: 200},
		},
		Targets: []chaos.Target{{Name: plain, Exists: map[access.Entitled]bool{}, Calls: []fake.Call{
			told(1, 40, access.VerbProvision, 1), told(2, 5020, access.VerbDeprovision, 2),
		}}},
		Ledger: chaos.Ledger{
			Now:      at(20_000),
			Requests: []chaos.Request{{ID: aRequest, Reason: "key-1", State: "approved"}},
			Grants: []chaos.Grant{{
				ID: aGrant, RequestID: aRequest, BindingID: aBinding, About: about, StartsAt: at(10), CreatedAt: at(10), ExpiresAt: at(5010),
				EndedAt: &ended, Prior: "active", State: "ended", EndReason: "expired",
			}},
			Bindings: []chaos.Binding{{ID: aBinding, About: about, Target: plain, Desired: "absent", Observed: "absent", Generation: 2}},
			Attempts: []chaos.Attempt{
				{BindingID: aBinding, Generation: 1, Attempt: 1, Verb: access.VerbProvision, StartedAt: at(30), Class: "confirmed"},
				{BindingID: aBinding, Generation: 2, Attempt: 1, Verb: access.VerbDeprovision, StartedAt: at(5015), Class: "confirmed"},
			},
		},
	}
	events(t, &h,
		event(10, audit.RequestSubmitted, nil), event(10, audit.RequestApproved, nil), event(10, audit.GrantStarted, nil),
		event(10, audit.BindingDesired, data{"desired": "present", "generation": 1}),
		event(30, audit.BindingAttempted, data{"generation": 1}), event(45, audit.BindingProvisioned, data{"generation": 1}),
		event(5011, audit.GrantEnded, data{"end_reason": "expired"}),
		event(5011, audit.BindingDesired, data{"desired": "absent", "generation": 2}),
		event(5015, audit.BindingAttempted, data{"generation": 2}), event(5025, audit.BindingDeprovisioned, data{"generation": 2}))
	return h
}

type data = map[string]any

// told is a call that a target was told and acted on, as the n-th.
func told(n, ms int, verb access.Verb, generation int64) fake.Call {
	return fake.Call{N: n, At: at(ms), Acted: true, Act: n, Status: 204, Message: access.Message{Type: verb, Data: access.MessageData{
		Binding: access.BindingRef{ID: aBinding, Generation: generation},
		Subject: about.Subject, Action: about.Action, Resource: about.Resource,
	}}}
}

// event is an audit event that names every object that one of its type names.
func event(ms int, typ string, d data) audit.Event {
	e := audit.Event{ID: "evt_" + typ, Version: audit.Version, Type: typ, Time: at(ms), Data: d}.About(about)
	switch typ[:3] {
	case "req":
		e.RequestID = aRequest
	case "gra":
		e.RequestID, e.GrantID, e.BindingID = aRequest, aGrant, aBinding
	default:
		e.BindingID = aBinding
	}
	return e
}

// events seals them in the history's ledger, as the sealer does.
func events(t *testing.T, h *chaos.History, all ...audit.Event) {
	t.Helper()
	h.Ledger.Log, h.Told, h.Sunk = nil, nil, nil
	var edge audit.Edge
	for i, e := range all {
		e.ID += string(rune('a' + i))
		body, err := e.Canonical()
		if err != nil {
			t.Fatal(err)
		}
		h.Ledger.Log = append(h.Ledger.Log, chaos.Entry{
			Seq: int64(i) + 1, ID: e.ID, Body: string(body), Leaf: hex.EncodeToString(audit.Leaf(body)),
		})
		h.Told, h.Sunk = append(h.Told, string(body)), append(h.Sunk, string(body))
		edge.Add(audit.Hash(audit.Leaf(body)), nil)
	}
	h.Ledger.Head = int64(len(all))
	h.Ledger.Checkpoints, h.Key = []string{signed(t, edge)}, storyVerifier
}

// The key that signs the checkpoints of the story, and what verifies them.
var storyKey, storyVerifier, _ = audit.NewKey(rand.Reader, "story/audit")

// signed is the checkpoint of a tree.
func signed(t *testing.T, edge audit.Edge) string {
	t.Helper()
	keys, err := audit.NewKeys(storyKey)
	if err != nil {
		t.Fatal(err)
	}
	note, err := keys.Sign(audit.Checkpoint{Size: edge.Size, Root: edge.Root()})
	if err != nil {
		t.Fatal(err)
	}
	return note
}

// without leaves the sealed events of a type out, as if they had never been
// written.
func without(t *testing.T, h *chaos.History, typ string) {
	t.Helper()
	kept := readEvents(t, *h)
	for i := len(kept) - 1; i >= 0; i-- {
		if kept[i].Type == typ {
			kept = append(kept[:i], kept[i+1:]...)
		}
	}
	events(t, h, kept...)
}
