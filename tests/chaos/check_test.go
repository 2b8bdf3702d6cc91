package chaos_test

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/tests/chaos"
	fake "github.com/curfew-access/curfew/tests/fake/target"
)

func TestAHistoryWithoutFaultHasNoViolation(t *testing.T) {
	if found := chaos.Verify(story(t)); len(found) > 0 {
		t.Error(chaos.Report(7, found))
	}
}

// TestEachCheckerFindsItsFault changes one thing of a good history at a time.
func TestEachCheckerFindsItsFault(t *testing.T) {
	cases := map[string]struct {
		change func(t *testing.T, h *chaos.History)
		want   string // of a violation; "" for none
	}{
		// G1
		"a deprovision that the target never got": {func(_ *testing.T, h *chaos.History) {
			h.Targets[0].Calls = h.Targets[0].Calls[:1]
		}, "G1: bnd_1 was opened at generation 1, no grant holds it, and its target never closed it after"},
		"a provision that was claimed and never left, and nothing after it": {func(_ *testing.T, h *chaos.History) {
			h.Targets[0].Calls, h.Ledger.Attempts = nil, h.Ledger.Attempts[:1]
			h.Ledger.Attempts[0].Class = ""
		}, "G1: bnd_1 was opened at generation 1"},
		"a deprovision that came and was not acted on": {func(_ *testing.T, h *chaos.History) {
			h.Targets[0].Calls[1].Acted = false
		}, "G1: bnd_1 was opened"},
		"a grant whose time is over and that did not end": {func(_ *testing.T, h *chaos.History) {
			h.Ledger.Grants[0].State, h.Ledger.Grants[0].Prior = "active", "scheduled"
		}, "G1: the grant grt_1 was over and had not ended"},
		"a binding that nobody knows of": {func(_ *testing.T, h *chaos.History) {
			h.Ledger.Bindings[0].Observed = "unknown"
		}, "G1: bnd_1 did not settle: desired absent, observed unknown"},

		// G2
		"a deprovision claimed while the grant is live": {func(_ *testing.T, h *chaos.History) {
			h.Ledger.Attempts[1].StartedAt = at(3000)
		}, "G2: a deprovision was claimed at 09:00:03.000000 while the grant grt_1 was live"},
		"one claimed after a revoke was asked for": {func(t *testing.T, h *chaos.History) {
			revoked(t, h)
			h.Ledger.Attempts[1].StartedAt = at(3003)
		}, ""},
		"one claimed before anybody was told of the grant": {func(_ *testing.T, h *chaos.History) {
			h.Ledger.Attempts[1].StartedAt = at(22)
		}, ""},
		"a turn to absent while the grant is live": {func(t *testing.T, h *chaos.History) {
			all := readEvents(t, *h)
			all[7].Time = at(3000)
			events(t, h, all...)
		}, "G2: bnd_1 was to be absent from 09:00:03.000000 on, while the grant grt_1 was live"},
		"a deprovision that names a grant": {func(_ *testing.T, h *chaos.History) {
			h.Targets[0].Calls[1].Message.Data.Grants = []access.MessageGrant{{ID: aGrant}}
		}, "G2: a deprovision of bnd_1 names a grant that holds it: grt_1"},
		"a target that compares is moved back": {func(_ *testing.T, h *chaos.History) {
			h.Targets[0].Compares = true
			h.Targets[0].Calls[0].Act, h.Targets[0].Calls[1].Act = 2, 1
		}, "G2: the target plain was moved back from generation 2 to 1"},
		"one that does not compare is not judged on order": {func(_ *testing.T, h *chaos.History) {
			h.Targets[0].Calls[0].Act, h.Targets[0].Calls[1].Act = 2, 1
		}, ""},
		"a generation that means two things": {func(_ *testing.T, h *chaos.History) {
			h.Targets[0].Compares = true
			h.Targets[0].Calls = append(h.Targets[0].Calls, told(3, 6000, access.VerbProvision, 2))
		}, "G2: generation 2 of bnd_1 is both a provision and a deprovision"},
		"access that exists without a grant": {func(_ *testing.T, h *chaos.History) {
			h.Targets[0].Exists[about] = true
		}, "G2: user:p0@example.com debug customer:plain-0 exists at plain and no grant holds it"},
		"access that exists without a binding": {func(_ *testing.T, h *chaos.History) {
			x := about
			x.Resource.ID = "elsewhere"
			h.Targets[0].Exists[x] = true
		}, "G2: user:p0@example.com debug customer:elsewhere exists at plain and the ledger has no binding for it"},
		"access that a live grant holds and that does not exist": {func(_ *testing.T, h *chaos.History) {
			h.Ledger.Now = at(3000)
			h.Ledger.Grants[0].State = "active"
		}, "G2: user:p0@example.com debug customer:plain-0 is held by a live grant and does not exist at plain"},
		"a delivery that nobody claimed": {func(_ *testing.T, h *chaos.History) {
			h.Targets[0].Calls = append(h.Targets[0].Calls, told(3, 6000, access.VerbDeprovision, 3))
		}, "G2: the target was told access.deprovision of bnd_1 at generation 3, which nobody claimed"},
		"a delivery that left before it was claimed": {func(_ *testing.T, h *chaos.History) {
			h.Targets[0].Calls[1].At = at(4000)
		}, "before that was claimed"},
		"a message that was forged proves nothing": {func(_ *testing.T, h *chaos.History) {
			forged := told(3, 6000, access.VerbDeprovision, 3)
			forged.Acted, forged.Act, forged.Refused = false, 0, access.ErrDenied
			h.Targets[0].Calls = append(h.Targets[0].Calls, forged)
		}, ""},
		"a confirmation of what the target never did": {func(_ *testing.T, h *chaos.History) {
			h.Targets[0].Calls = h.Targets[0].Calls[:1]
		}, "G2: access.deprovision of bnd_1 at generation 2 counts as confirmed and the target never did it"},

		// G3
		"yes after the end": {func(_ *testing.T, h *chaos.History) {
			h.Checks[1].Yes = true
		}, "G3: yes to check of user:p0@example.com debug customer:plain-0 at node 0"},
		"yes within the skew of the end": {func(_ *testing.T, h *chaos.History) {
			h.Checks[1].Yes, h.Checks[1].Began = true, at(5015)
		}, ""},
		"yes that was asked for before the end": {func(_ *testing.T, h *chaos.History) {
			h.Checks[1].Yes, h.Checks[1].Began = true, at(5000)
		}, ""},
		"yes before there was a grant": {func(_ *testing.T, h *chaos.History) {
			h.Checks[0].Began, h.Checks[0].Ended = at(-50), at(-40)
		}, "G3: yes to check"},
		"yes to somebody else": {func(_ *testing.T, h *chaos.History) {
			h.Checks[0].About.Subject.ID = "p1@example.com"
		}, "G3: yes to check of user:p1@example.com"},
		"yes after a revoke was acknowledged": {func(t *testing.T, h *chaos.History) {
			revoked(t, h)
			h.Checks[1].Yes, h.Checks[1].Began, h.Checks[1].Ended = true, at(3030), at(3031)
		}, "G3: yes to check"},
		"yes while a revoke is propagating": {func(t *testing.T, h *chaos.History) {
			revoked(t, h)
			h.Steps[1].Calls[0].Status, h.Steps[1].Calls[0].Propagating = 202, true
			h.Checks[1].Yes, h.Checks[1].Began, h.Checks[1].Ended = true, at(3030), at(3031)
		}, ""},
		"yes from a node that may not have read the ledger since": {func(t *testing.T, h *chaos.History) {
			revoked(t, h)
			h.Steps[1].Calls[0].Status, h.Steps[1].Calls[0].Propagating = 202, true
			h.Checks[1].Yes, h.Checks[1].Began, h.Checks[1].Ended = true, at(6021), at(6022)
			h.Ledger.Grants[0].ExpiresAt = at(9000)
			h.Deaf = []chaos.Window{{From: at(2000), To: at(3500)}}
		}, ""},
		"yes long after a revoke began to propagate": {func(t *testing.T, h *chaos.History) {
			revoked(t, h)
			h.Steps[1].Calls[0].Status, h.Steps[1].Calls[0].Propagating = 202, true
			h.Checks[1].Yes, h.Checks[1].Began, h.Checks[1].Ended = true, at(6021), at(6022)
			h.Ledger.Grants[0].ExpiresAt = at(9000)
		}, "G3: yes to check"},
		"yes to what is to begin later": {func(_ *testing.T, h *chaos.History) {
			h.Ledger.Grants[0].StartsAt = at(1000)
		}, "G3: yes to check"},
		"a deprovision before a grant begins": {func(_ *testing.T, h *chaos.History) {
			h.Steps[0].Calls[0].Live, h.Steps[0].Calls[1].Live = false, false
			h.Ledger.Attempts[1].StartedAt = at(3000)
		}, ""},
		"yes while a revoke is under way": {func(t *testing.T, h *chaos.History) {
			revoked(t, h)
			h.Checks[1].Yes, h.Checks[1].Began, h.Checks[1].Ended = true, at(3010), at(3011)
		}, ""},
		"yes from a node that reaches no store": {func(_ *testing.T, h *chaos.History) {
			h.Dark = []chaos.Window{{From: at(90), To: at(200)}}
		}, "G3: yes to check of user:p0@example.com debug customer:plain-0 at node 0, 09:00:00.100000 to 09:00:00.105000: 200 yes=true, and the node could reach no store"},
		"yes from another node in that time": {func(_ *testing.T, h *chaos.History) {
			h.Dark = []chaos.Window{{Node: 1, From: at(90), To: at(200)}}
		}, ""},

		// G4
		"a gap in the audit log": {func(_ *testing.T, h *chaos.History) {
			h.Ledger.Log[4].Seq++
		}, "G4: the audit log goes from 4 to 6"},
		"an event that was edited": {func(_ *testing.T, h *chaos.History) {
			h.Ledger.Log[6].Body = strings.Replace(h.Ledger.Log[6].Body, "expired", "revoked", 1)
		}, "G4: the leaf of event 7 is not the hash of its body"},
		"an event that the API tells otherwise": {func(_ *testing.T, h *chaos.History) {
			h.Told[0] = h.Told[1]
		}, "G4: the API tells another event 1 than the ledger holds"},
		"an event that the API leaves out": {func(_ *testing.T, h *chaos.History) {
			h.Told = h.Told[:9]
		}, "G4: the audit log has 10 events, its head says 10 and the API tells 9"},
		"an event that is not sealed": {func(_ *testing.T, h *chaos.History) {
			h.Ledger.Pending = 1
		}, "G4: 1 events were not sealed"},
		"an event that got lost before it was sealed": {func(_ *testing.T, h *chaos.History) {
			h.Ledger.Stray = 1
		}, "G4: 0 events were not sealed and 1 were lost from the queue"},
		"an event that was edited, and its leaf with it": {func(_ *testing.T, h *chaos.History) {
			entry := &h.Ledger.Log[6]
			entry.Body = strings.Replace(entry.Body, "expired", "revoked", 1)
			entry.Leaf = hex.EncodeToString(audit.Leaf([]byte(entry.Body)))
		}, "G4: the root of the checkpoint of 10 events is not that of the events"},
		"a checkpoint of what is not there": {func(_ *testing.T, h *chaos.History) {
			h.Ledger.Log, h.Told, h.Ledger.Head = h.Ledger.Log[:9], h.Told[:9], 9
		}, "G4: a checkpoint is of 10 events, and there are 9"},
		"a checkpoint that somebody else signed": {func(_ *testing.T, h *chaos.History) {
			_, h.Key, _ = audit.NewKey(rand.Reader, "story/audit")
		}, "G4: a checkpoint does not open"},
		"events that no checkpoint has": {func(_ *testing.T, h *chaos.History) {
			h.Ledger.Checkpoints = nil
		}, "G4: the newest checkpoint is of -1 events, and there are 10"},
		"an event that a sink got twice": {func(_ *testing.T, h *chaos.History) {
			h.Sunk = slices.Insert(h.Sunk, 5, h.Sunk[3], h.Sunk[4])
		}, ""},
		"an event that a sink never got": {func(_ *testing.T, h *chaos.History) {
			h.Sunk = h.Sunk[:9]
		}, "G4: the sink has the events up to 9, and there are 10"},
		"an event that a sink got before those before it": {func(_ *testing.T, h *chaos.History) {
			h.Sunk[3], h.Sunk[4] = h.Sunk[4], h.Sunk[3]
		}, "G4: the sink got event 5 when it had those up to 3"},
		"an event that a sink got otherwise": {func(_ *testing.T, h *chaos.History) {
			h.Sunk[3] = strings.Replace(h.Sunk[3], "present", "absent", 1)
		}, "G4: the sink got an event that is not in the audit log"},
		"a request without its event": {func(t *testing.T, h *chaos.History) {
			without(t, h, audit.RequestApproved)
		}, "G4: req_1 has 0 events request.approved, want 1"},
		"a grant that ended twice": {func(t *testing.T, h *chaos.History) {
			all := readEvents(t, *h)
			events(t, h, append(all, all[6])...)
		}, "G4: grt_1 has 2 events grant.ended, want 1"},
		"a grant whose end has no event": {func(t *testing.T, h *chaos.History) {
			without(t, h, audit.GrantEnded)
		}, "G4: grt_1 has 0 events grant.ended, want 1"},
		"a grant that ended for another reason": {func(_ *testing.T, h *chaos.History) {
			h.Ledger.Grants[0].EndReason = "revoked"
		}, "G4: grt_1 ended as revoked and its event says otherwise"},
		"a grant that ended before it started": {func(t *testing.T, h *chaos.History) {
			all := readEvents(t, *h)
			all[2], all[6] = all[6], all[2]
			events(t, h, all...)
		}, "G4: grt_1 ended before it started"},
		"a binding that turned without an event": {func(t *testing.T, h *chaos.History) {
			all := readEvents(t, *h)
			events(t, h, slices.Delete(all, 7, 8)...)
		}, "G4: bnd_1 is to be absent and its events say present"},
		"a generation that nobody decided": {func(_ *testing.T, h *chaos.History) {
			h.Ledger.Bindings[0].Generation = 3
		}, "G4: bnd_1 is at generation 3 and its events decided 2"},
		"a generation that a repair decided": {func(t *testing.T, h *chaos.History) {
			all := readEvents(t, *h)
			all[5].Data["asserted_again_at"] = "later"
			all[7].Data["generation"] = 3
			events(t, h, all...)
			h.Ledger.Bindings[0].Generation = 3
		}, ""},
		"a state that no confirmation gave": {func(t *testing.T, h *chaos.History) {
			without(t, h, audit.BindingDeprovisioned)
		}, "G4: bnd_1 was observed absent and its newest confirmation says present"},
		"an attempt without its event": {func(t *testing.T, h *chaos.History) {
			without(t, h, audit.BindingAttempted)
		}, "G4: the first attempt of bnd_1 at generation 1 has 0 events"},
		"an answer about a request that is not there": {func(_ *testing.T, h *chaos.History) {
			h.Ledger.Requests[0].ID = "req_2"
		}, "was answered and the request is not there"},
		"an answer about a grant that is not there": {func(_ *testing.T, h *chaos.History) {
			h.Ledger.Grants[0].ID = "grt_2"
		}, "was answered and the grant is not there"},
		"a revoke that was answered and lost": {func(_ *testing.T, h *chaos.History) {
			h.Steps = append(h.Steps, revoke())
		}, `was answered and the grant is "ended" "expired"`},

		// G6
		"a key with two requests": {func(_ *testing.T, h *chaos.History) {
			h.Ledger.Requests = append(h.Ledger.Requests, chaos.Request{ID: "req_2", Reason: "key-1", State: "pending"})
		}, "G6: the key key-1 made 2 requests"},
		"a key that was answered in two ways": {func(_ *testing.T, h *chaos.History) {
			h.Steps[0].Calls[1].GrantID = "grt_2"
		}, "G6: ask under the key key-1 was answered in 2 ways"},
		"a key that was answered and made nothing": {func(_ *testing.T, h *chaos.History) {
			h.Ledger.Requests[0].Reason = "another"
		}, "G6: the key key-1 made 0 requests"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			h := story(t)
			tc.change(t, &h)
			found := chaos.Verify(h)
			if tc.want == "" && len(found) > 0 {
				t.Error(chaos.Report(7, found))
			}
			if tc.want != "" && !slices.ContainsFunc(found, func(v chaos.Violation) bool { return strings.Contains(v.String(), tc.want) }) {
				t.Errorf("it found %s\nwant %q", chaos.Report(7, found), tc.want)
			}
		})
	}
}

func TestAReportBeginsWithTheSeed(t *testing.T) {
	h := story(t)
	h.Targets[0].Calls = []fake.Call{}
	report := chaos.Report(7, chaos.Verify(h))
	if !strings.HasPrefix(report, "3 violations with SEED=7\nG1: ") || !strings.Contains(report, "attempt 1 of generation 1, access.provision") {
		t.Error(report)
	}
}

// revoked makes it a story in which the grant is revoked after three seconds.
func revoked(t *testing.T, h *chaos.History) {
	t.Helper()
	h.Steps = append(h.Steps, revoke())
	h.Ledger.Grants[0].EndReason = "revoked"
	h.Ledger.Attempts[1].StartedAt = at(3010)
	all := readEvents(t, *h)
	all[6].Data["end_reason"] = "revoked"
	for i := range all[6:] {
		all[6+i].Time = at(3005)
	}
	events(t, h, all...)
}

func revoke() chaos.Step {
	return chaos.Step{Kind: chaos.Revoke, Key: "key-2", About: about, Object: aGrant, Calls: []chaos.Call{
		{Began: at(3000), Ended: at(3020), Status: 200, RequestID: aRequest, GrantID: aGrant},
	}}
}

func readEvents(t *testing.T, h chaos.History) (all []audit.Event) {
	t.Helper()
	for _, entry := range h.Ledger.Log {
		var e audit.Event
		if err := json.Unmarshal([]byte(entry.Body), &e); err != nil {
			t.Fatal(err)
		}
		e.ID = e.ID[:len(e.ID)-1] // as it was before it was numbered
		all = append(all, e)
	}
	return all
}
