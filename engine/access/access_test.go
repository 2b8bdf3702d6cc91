package access_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

func code(err error) string {
	var e *access.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func TestParseDuration(t *testing.T) {
	cases := map[string]struct {
		text string
		want time.Duration
		code string
	}{
		"hours":                        {"2h", 2 * time.Hour, ""},
		"mixed":                        {"1h30m", 90 * time.Minute, ""},
		"ISO 8601":                     {"PT2H", 2 * time.Hour, ""},
		"ISO 8601 with days":           {"P1DT12H", 36 * time.Hour, ""},
		"the longest":                  {"8760h", 8760 * time.Hour, ""},
		"a second more":                {"8760h1s", 0, "duration_out_of_range"},
		"nine thousand hours":          {"9000h", 0, "duration_out_of_range"},
		"more than fits":               {"P99999999999D", 0, "duration_out_of_range"},
		"many days":                    {"P2147483647D", 0, "duration_out_of_range"},
		"negative":                     {"-2h", 0, "duration_not_positive"},
		"zero":                         {"0s", 0, "duration_not_positive"},
		"ISO zero":                     {"PT0S", 0, "duration_not_positive"},
		"a fraction of a second":       {"1.5s", 0, "invalid_duration"},
		"nothing":                      {"", 0, "invalid_duration"},
		"a number without unit":        {"7200", 0, "invalid_duration"},
		"words":                        {"two hours", 0, "invalid_duration"},
		"ISO without a part":           {"P", 0, "invalid_duration"},
		"ISO with an empty time":       {"PT", 0, "invalid_duration"},
		"ISO in lower case":            {"pt2h", 0, "invalid_duration"},
		"months, which have no length": {"P1M", 0, "invalid_duration"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := access.ParseDuration(tc.text)
			if time.Duration(got) != tc.want || code(err) != tc.code || (err == nil) != (tc.code == "") {
				t.Fatalf("%q is %v, %v; want %v, %q", tc.text, got, err, tc.want, tc.code)
			}
			if err != nil && !errors.Is(err, access.ErrInvalid) {
				t.Fatalf("%v is not ErrInvalid", err)
			}
		})
	}
}

func TestDurationIsAShortTextOnTheWire(t *testing.T) {
	for text, want := range map[string]string{"PT2H": `"2h"`, "90m": `"1h30m"`, "60s": `"1m"`, "24h": `"24h"`, "1h0m30s": `"1h0m30s"`} {
		var d access.Duration
		if err := d.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := json.Marshal(d); err != nil || string(got) != want {
			t.Errorf("%s is %s, %v; want %s", text, got, err, want)
		}
	}
}

func TestSubjectIsMadeCanonical(t *testing.T) {
	cases := map[string]struct{ text, want, code string }{
		"a person":                     {"user:alice@example.com", "user:alice@example.com", ""},
		"a person in capitals":         {"user:Alice@Example.COM", "user:alice@example.com", ""},
		"a service keeps its case":     {"service:CI", "service:CI", ""},
		"an id with a colon":           {"service:a:b", "service:a:b", ""},
		"no type":                      {"alice@example.com", "", "invalid_subject"},
		"a type in capitals":           {"User:alice@example.com", "", "invalid_subject"},
		"a person who is no address":   {"user:alice", "", "invalid_subject"},
		"a name beside the address":    {"user:Alice <alice@example.com>", "", "invalid_subject"},
		"an empty id":                  {"service:", "", "invalid_subject"},
		"a space at the end":           {"service:ci ", "", "invalid_subject"},
		"a line end":                   {"service:c\ni", "", "invalid_subject"},
		"not UTF-8":                    {"service:\xff", "", "invalid_subject"},
		"too long":                     {"service:" + strings.Repeat("x", 257), "", "invalid_subject"},
		"a letter that folds into k":   {"user:\u212Aate@example.com", "", "invalid_subject"},
		"a group, which is no subject": {"group:security", "", "invalid_subject"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := access.ParseSubject(tc.text)
			if code(err) != tc.code || err == nil && got.String() != tc.want {
				t.Fatalf("%q is %q, %v; want %q, %q", tc.text, got, err, tc.want, tc.code)
			}
		})
	}
}

func TestIDs(t *testing.T) {
	at := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	seen := map[string]bool{}
	var ordered []string
	for i := range 1000 {
		id := access.NewID(access.KindGrant, at.Add(time.Duration(i)*time.Millisecond))
		if err := access.CheckID(access.KindGrant, id); err != nil {
			t.Fatal(err)
		}
		if err := access.CheckID(access.KindRequest, id); !errors.Is(err, access.ErrNotFound) {
			t.Fatalf("a grant's id as a request's: %v, want not found", err)
		}
		seen[id] = true
		ordered = append(ordered, id)
	}
	if len(seen) != 1000 || !slices.IsSorted(ordered) {
		t.Fatalf("%d ids differ, sorted %v; want 1000 that sort by their time", len(seen), slices.IsSorted(ordered))
	}
	for name, id := range map[string]string{
		"nothing": "", "no suffix": "grt_", "too short": "grt_06h0", "a letter that is none": "grt_" + strings.Repeat("u", 26),
		"capitals": "grt_" + strings.Repeat("A", 26), "SQL": "grt_' OR 1=1 --",
	} {
		if err := access.CheckID(access.KindGrant, id); !errors.Is(err, access.ErrNotFound) {
			t.Errorf("%s: %v, want not found", name, err)
		}
	}
}

func TestGrantIsLiveByTheClockAlone(t *testing.T) {
	start := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	g := access.Grant{State: access.GrantActive, StartsAt: start, ExpiresAt: start.Add(time.Hour)}
	for after, want := range map[time.Duration]bool{
		-time.Microsecond: false, 0: true, time.Hour - time.Microsecond: true, time.Hour: false, 2 * time.Hour: false,
	} {
		if got := g.LiveAt(start.Add(after)); got != want {
			t.Errorf("%s after its start it is live: %v, want %v", after, got, want)
		}
	}
	for _, state := range []access.GrantState{access.GrantScheduled, access.GrantEnded} {
		g.State = state
		if g.LiveAt(start.Add(time.Minute)) {
			t.Errorf("a grant that is %s is live", state)
		}
	}
}

func TestFinalStatesHaveNoWayOut(t *testing.T) {
	moves := access.Moves()
	for _, final := range []struct{ object, state string }{
		{"request", "approved"}, {"request", "denied"}, {"request", "withdrawn"}, {"request", "lapsed"},
		{"grant", "ended"}, {"task", "done"}, {"task", "rejected"},
	} {
		for m := range moves {
			if m.Object == final.object && m.From == final.state {
				t.Errorf("%v leads out of a final state", m)
			}
		}
	}
	if moves[access.Move{Object: "grant", From: "active", To: "scheduled"}] || len(moves) != 9 {
		t.Errorf("the moves are %v", moves)
	}
}

func TestPermanentMarksAnywhereInTheTree(t *testing.T) {
	cause := errors.New("401")
	marked := &access.DeliveryError{Class: access.ClassRefused, Err: access.Permanent(cause)}
	for name, tc := range map[string]struct {
		err  error
		want bool
	}{
		"marked":          {access.Permanent(cause), true},
		"wrapped":         {fmt.Errorf("target: %w", marked), true},
		"joined":          {errors.Join(errors.New("other"), marked), true},
		"not marked":      {cause, false},
		"nil stays nil":   {access.Permanent(nil), false},
		"a delivery's":    {marked, true},
		"a temporary one": {&access.DeliveryError{Err: cause}, false},
	} {
		if got := access.IsPermanent(tc.err); got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
	if !errors.Is(marked, cause) {
		t.Error("the cause is lost")
	}
}

func TestShiftRefPicksByAllItsParts(t *testing.T) {
	shift := access.Shift{Schedule: &access.Ref{ID: "S1"}, Policy: &access.Ref{ID: "P1"}, Level: 1}
	for name, tc := range map[string]struct {
		ref  access.ShiftRef
		want bool
	}{
		"the same":         {access.ShiftRef{Schedule: "S1", Policy: "P1", Level: 1}, true},
		"another level":    {access.ShiftRef{Schedule: "S1", Policy: "P1", Level: 2}, false},
		"another schedule": {access.ShiftRef{Schedule: "S2", Policy: "P1", Level: 1}, false},
		"no policy":        {access.ShiftRef{Schedule: "S1", Level: 1}, false},
	} {
		if got := tc.ref.Picks(shift); got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}

func TestOverdue(t *testing.T) {
	since := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		binding access.Binding
		after   time.Duration
		want    bool
	}{
		"as it should be":        {access.Binding{}, time.Hour, false},
		"wrong for a while":      {access.Binding{DueAt: &since}, access.OverdueAfter, false},
		"wrong for too long":     {access.Binding{DueAt: &since}, access.OverdueAfter + time.Second, true},
		"wrong without a target": {access.Binding{DueAt: &since, LastClass: access.ClassTargetMissing}, 0, true},
		"right without a target": {access.Binding{LastClass: access.ClassTargetMissing}, time.Hour, false},
	} {
		if got := tc.binding.OverdueAt(since.Add(tc.after)); got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}
