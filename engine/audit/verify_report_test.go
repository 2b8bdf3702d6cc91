package audit_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
)

// reported is a report of one access, as its JSON has it.
type reported struct {
	Version    int               `json:"curfew_report"`
	Subject    *string           `json:"subject"`
	Checkpoint *string           `json:"checkpoint"`
	Accesses   []reportedAccess  `json:"accesses"`
	Proofs     []json.RawMessage `json:"proofs"`
}

type reportedAccess struct {
	GrantID string `json:"grant_id"`
	access.Entitled
	StartsAt      *time.Time       `json:"starts_at"`
	ExpiresAt     *time.Time       `json:"expires_at"`
	EndsAt        *time.Time       `json:"ends_at"`
	EndReason     *string          `json:"end_reason"`
	ProvisionedAt *time.Time       `json:"provisioned_at"`
	RemovedAt     *time.Time       `json:"removed_at"`
	Request       map[string]any   `json:"request"`
	Decision      map[string]any   `json:"decision"`
	Reviews       []map[string]any `json:"reviews"`
	Binding       map[string]any   `json:"binding"`
	Proof         struct {
		Events []map[string]any `json:"events"`
	} `json:"proof"`
}

// secondOf is a time of the log of reportOf.
func secondOf(n int64) *time.Time { return new(time.Unix(n, 0).UTC()) }

// storyOf is the events of an access that was asked for, reviewed and given, and that
// was ended before its time and removed, by their numbers.
func storyOf() map[int64]audit.Event {
	alice, bob := access.Subject{Type: "user", ID: "alice@example.com"}, access.Subject{Type: "user", ID: "bob@example.com"}
	times := map[string]any{"starts_at": secondOf(6), "expires_at": secondOf(60)}
	story := map[int64]audit.Event{
		3: {Type: audit.RequestSubmitted, Actor: &alice, Data: map[string]any{
			"effect": "review", "reason": "PD-1", "requester": "user:alice@example.com", "emergency": false,
		}},
		4:  {Type: audit.RequestReviewed, Actor: &bob, DecisionID: "dec_2", Revision: "rev-2", Data: map[string]any{"effect": "review", "verdict": "approve", "comment": "fine"}},
		5:  {Type: audit.RequestReviewed, Actor: &alice, DecisionID: "dec_3", Revision: "rev-2", Data: map[string]any{"verdict": "approve", "comment": "me too", "counted": false}},
		6:  {Type: audit.GrantStarted, GrantID: "grt_1", DecisionID: "dec_2", Revision: "rev-2", Data: times},
		7:  {Type: audit.BindingProvisioned, BindingID: "bnd_1"},
		9:  {Type: audit.GrantEnded, GrantID: "grt_1", Data: map[string]any{"starts_at": secondOf(6), "expires_at": secondOf(60), "end_reason": "revoked"}},
		10: {Type: audit.BindingDeprovisioned, BindingID: "bnd_1"},
	}
	for seq, e := range story {
		e.ID, e.Version, e.Time = "evt_"+strconv.FormatInt(seq, 10), audit.Version, *secondOf(seq)
		if e.BindingID == "" {
			e.RequestID = "req_1"
		}
		story[seq] = e
	}
	return story
}

// reportOf is a report of the access that storyOf tells of.
func reportOf(t *testing.T) (r *reported, key string) {
	t.Helper()
	log := logOf(t, 20)
	a := reportedAccess{
		GrantID: "grt_1", Entitled: access.Entitled{
			Subject: access.Subject{Type: "user", ID: "alice@example.com"}, Action: access.Action{Name: "debug"}, Resource: access.ResourceRef{Type: "customer", ID: "acme"},
		},
		StartsAt: secondOf(6), ExpiresAt: secondOf(60), EndsAt: secondOf(9), EndReason: new("revoked"), ProvisionedAt: secondOf(7), RemovedAt: secondOf(10),
		Request:  map[string]any{"id": "req_1", "requester": access.Subject{Type: "user", ID: "alice@example.com"}, "reason": "PD-1", "emergency": false},
		Decision: map[string]any{"id": "dec_2", "effect": "review", "revision": "rev-2"},
		Reviews: []map[string]any{{
			"reviewer": access.Subject{Type: "user", ID: "bob@example.com"}, "verdict": "approve", "comment": "fine", "revision": "rev-2",
		}},
		Binding: map[string]any{"id": "bnd_1"},
	}
	story := storyOf()
	for seq, e := range story {
		canonical, err := e.About(a.Entitled).Canonical()
		if err != nil {
			t.Fatal(err)
		}
		log[seq-1] = canonical
	}
	x := take(t, audit.FormatNDJSON, log, 0, 20)
	r = &reported{Version: 1}
	for _, seq := range slices.Sorted(maps.Keys(story)) {
		p := proofOf(t, x, seq)
		r.Checkpoint = &p.Checkpoint
		raw, err := json.Marshal(map[string]any{"seq": p.Seq, "event": p.Event, "leaf": p.Leaf, "size": p.Size, "proof": p.Proof})
		if err != nil {
			t.Fatal(err)
		}
		r.Proofs = append(r.Proofs, raw)
		a.Proof.Events = append(a.Proof.Events, map[string]any{"id": story[seq].ID, "seq": seq, "leaf": p.Leaf})
	}
	r.Accesses = []reportedAccess{a}
	return r, x.verifier
}

// forget is an event that is not kept any more.
func (r *reported) forget(i int) {
	var p map[string]json.RawMessage
	if json.Unmarshal(r.Proofs[i], &p) == nil {
		p["event"] = json.RawMessage("null")
		r.Proofs[i], _ = json.Marshal(p)
	}
}

func TestReportIsWhatItsEventsSay(t *testing.T) {
	t.Parallel()
	_, stranger := newKey(t)
	for name, tc := range map[string]struct {
		change func(*reported)
		key    string
		kind   string
		fails  string
	}{
		"as it was written":                   {},
		"with an event that is not there yet": {change: func(r *reported) { r.Accesses[0].Proof.Events[6]["seq"] = 21; r.Accesses[0].RemovedAt = nil }},
		"of another person":                   {change: func(r *reported) { r.Accesses[0].Subject.ID = "bob@example.com" }, kind: audit.FoundEdited},
		"to another resource":                 {change: func(r *reported) { r.Accesses[0].Resource.ID = "globex" }, kind: audit.FoundEdited},
		"of another grant":                    {change: func(r *reported) { r.Accesses[0].GrantID = "grt_2" }, kind: audit.FoundInserted},
		"without its events":                  {change: func(r *reported) { r.Accesses[0].Proof.Events = nil }, kind: audit.FoundInserted},
		"without a proof":                     {change: func(r *reported) { r.Proofs = r.Proofs[:5] }, kind: audit.FoundUnsigned},
		"naming another event":                {change: func(r *reported) { r.Accesses[0].Proof.Events[0]["id"] = "evt_x" }, kind: audit.FoundUnsigned},
		"with an event edited": {change: func(r *reported) {
			r.Proofs[3] = json.RawMessage(strings.ReplaceAll(string(r.Proofs[3]), "alice", "carol"))
			r.Accesses[0].Subject.ID = "carol@example.com"
		}, kind: audit.FoundEdited},
		"whose oldest event is not kept any more": {change: func(r *reported) { r.forget(0) }},
		"whose review is left out":                {change: func(r *reported) { r.forget(1) }, kind: audit.FoundRemoved},
		"from another time":                       {change: func(r *reported) { r.Accesses[0].StartsAt = secondOf(7) }, kind: audit.FoundEdited},
		"until another time":                      {change: func(r *reported) { r.Accesses[0].ExpiresAt = secondOf(61) }, kind: audit.FoundEdited},
		"ended later":                             {change: func(r *reported) { r.Accesses[0].EndsAt = secondOf(60) }, kind: audit.FoundEdited},
		"ended for another reason":                {change: func(r *reported) { r.Accesses[0].EndReason = new("expired") }, kind: audit.FoundEdited},
		"that did not end":                        {change: func(r *reported) { r.Accesses[0].EndsAt, r.Accesses[0].EndReason = nil, nil }, kind: audit.FoundEdited},
		"that ended, and nothing tells of it": {change: func(r *reported) {
			r.Accesses[0].Proof.Events = slices.Delete(r.Accesses[0].Proof.Events, 5, 6)
		}, kind: audit.FoundEdited},
		"opened at another time":                               {change: func(r *reported) { r.Accesses[0].ProvisionedAt = secondOf(6) }, kind: audit.FoundEdited},
		"removed at another time":                              {change: func(r *reported) { r.Accesses[0].RemovedAt = secondOf(9) }, kind: audit.FoundEdited},
		"removed, by nobody's word":                            {change: func(r *reported) { r.Accesses[0].Proof.Events = r.Accesses[0].Proof.Events[:6] }, kind: audit.FoundEdited},
		"removed, by the word of something that is not signed": {change: func(r *reported) { r.Accesses[0].Proof.Events[6]["seq"] = nil }, kind: audit.FoundEdited},
		"for another reason":                                   {change: func(r *reported) { r.Accesses[0].Request["reason"] = "PD-2" }, kind: audit.FoundEdited},
		"asked for by another": {change: func(r *reported) {
			r.Accesses[0].Request["requester"] = access.Subject{Type: "user", ID: "bob@example.com"}
		}, kind: audit.FoundEdited},
		"of another request":       {change: func(r *reported) { r.Accesses[0].Request["id"] = "req_2" }, kind: audit.FoundEdited},
		"that is no request":       {change: func(r *reported) { r.Accesses[0].Proof.Events = r.Accesses[0].Proof.Events[1:] }, kind: audit.FoundEdited},
		"in an emergency":          {change: func(r *reported) { r.Accesses[0].Request["emergency"] = true }, kind: audit.FoundEdited},
		"at another binding":       {change: func(r *reported) { r.Accesses[0].Binding["id"] = "bnd_2" }, kind: audit.FoundEdited},
		"by another decision":      {change: func(r *reported) { r.Accesses[0].Decision["id"] = "dec_1" }, kind: audit.FoundEdited},
		"under another revision":   {change: func(r *reported) { r.Accesses[0].Decision["revision"] = "rev-1" }, kind: audit.FoundEdited},
		"that was allowed at once": {change: func(r *reported) { r.Accesses[0].Decision["effect"] = "allow" }, kind: audit.FoundEdited},
		"reviewed by another": {change: func(r *reported) {
			r.Accesses[0].Reviews[0]["reviewer"] = access.Subject{Type: "user", ID: "ceo@example.com"}
		}, kind: audit.FoundEdited},
		"reviewed with other words": {change: func(r *reported) { r.Accesses[0].Reviews[0]["comment"] = "great" }, kind: audit.FoundEdited},
		"reviewed by nobody":        {change: func(r *reported) { r.Accesses[0].Reviews = nil }, kind: audit.FoundEdited},
		"reviewed by one more":      {change: func(r *reported) { r.Accesses[0].Reviews = append(r.Accesses[0].Reviews, r.Accesses[0].Reviews[0]) }, kind: audit.FoundEdited},
		"signed by a stranger":      {key: stranger, kind: audit.FoundUnknown},
		"without a checkpoint":      {change: func(r *reported) { r.Checkpoint = nil }, fails: "its proofs come before its checkpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, key := reportOf(t)
			if tc.change != nil {
				tc.change(r)
			}
			if tc.key != "" {
				key = tc.key
			}
			raw, err := json.Marshal(r)
			if err != nil || !audit.IsReport(raw) || !audit.IsReport([]byte(" {\n \""+string(raw[2:30]))) {
				t.Fatalf("it is no report: %s, %v", raw, err)
			}
			got, err := audit.VerifyReport(strings.NewReader(string(raw)), audit.Trust{Keys: []string{key}})
			switch {
			case tc.fails != "":
				if err == nil || !strings.Contains(err.Error(), tc.fails) {
					t.Errorf("the error is %v", err)
				}
			case err != nil:
				t.Errorf("the error is %v", err)
			case tc.kind == "" && (!got.Verified || got.Events != 7 || got.After != 2 || got.Through != 10):
				t.Errorf("it is %+v", got)
			case tc.kind != "" && (got.Verified || got.Findings[0].Kind != tc.kind):
				t.Errorf("it is %+v, want %s", got, tc.kind)
			}
		})
	}
}

func TestOtherFilesAreNoReports(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "x", "{", "[]", `{"seq":1}`, `{"curfew_proof":1}`, `"curfew_report"`} {
		if audit.IsReport([]byte(text)) {
			t.Errorf("%q is one", text)
		}
	}
}
