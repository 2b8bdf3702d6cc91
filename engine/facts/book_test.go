package facts_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/facts"
)

var (
	carol = access.Subject{Type: access.TypeUser, ID: "carol@example.com"}
	noon  = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
)

// at is a time so many minutes from noon.
func at(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }

// shift is a shift of a subject on a schedule, from and to minutes from noon.
func shift(who access.Subject, schedule string, from, to int) access.HeldShift {
	start, end := at(from), at(to)
	return access.HeldShift{Subject: who, Shift: access.Shift{
		Schedule: &access.Ref{ID: schedule}, Policy: &access.Ref{ID: "of-" + schedule}, Level: 1, Start: &start, End: &end,
	}}
}

// onCallAt is what a source of on-call facts said so many minutes from noon.
func onCallAt(source string, minutes int, shifts ...access.HeldShift) access.Snapshot {
	return access.Snapshot{Source: source, Kind: access.SourceOnCall, FetchedAt: at(minutes), Until: at(600 + minutes), Shifts: shifts}
}

func incident(id string, number int64, policy string, parts ...access.IncidentPart) access.OpenIncident {
	return access.OpenIncident{
		Incident: access.Incident{ID: id, Number: number, Status: "triggered", EscalationPolicy: access.Ref{ID: policy}}, Parts: parts,
	}
}

func incidentsAt(minutes int, open ...access.OpenIncident) access.Snapshot {
	return access.Snapshot{Source: "pagerduty.incidents", Kind: access.SourceIncidents, FetchedAt: at(minutes), Incidents: open}
}

// twoSources is a book of two sources of on-call facts.
func twoSources(said ...access.Snapshot) *facts.Book {
	return bookOf([]facts.BookSource{{Name: "pagerduty", Kind: access.SourceOnCall}, {Name: "rota", Kind: access.SourceOnCall}}, said...)
}

// vendorBook is a book of one source of each kind.
func vendorBook(said ...access.Snapshot) *facts.Book {
	return bookOf([]facts.BookSource{{Name: "pagerduty", Kind: access.SourceOnCall}, {Name: "pagerduty.incidents", Kind: access.SourceIncidents}}, said...)
}

func bookOf(sources []facts.BookSource, said ...access.Snapshot) *facts.Book {
	b := facts.NewBook(facts.BookConfig{Sources: sources})
	for _, s := range said {
		b.Put(s)
	}
	return b
}

func TestOnCallIsKnown(t *testing.T) {
	unclear := onCallAt("rota", 0)
	unclear.Unclear = []access.Subject{alice}
	unclearWithShift := onCallAt("rota", 0, shift(alice, "db", -60, 60))
	unclearWithShift.Unclear = []access.Subject{alice}
	cases := map[string]struct {
		said      []access.Snapshot
		now       int // minutes from noon
		known     bool
		age       int64 // seconds; -1: nothing is said
		schedules []string
		unsure    []string
	}{
		"nobody has said anything": {age: -1, unsure: []string{"pagerduty", "rota"}},
		"all are fresh, and one has the subject on call": {
			said: []access.Snapshot{onCallAt("pagerduty", -5, shift(alice, "db", -60, 60)), onCallAt("rota", -1)},
			age:  300, known: true, schedules: []string{"pagerduty/db"},
		},
		"all are fresh, and the subject is on no shift": {
			said: []access.Snapshot{onCallAt("pagerduty", -5, shift(carol, "db", -60, 60)), onCallAt("rota", -1)}, age: 300, known: true,
		},
		"both have the subject on call": {
			said:  []access.Snapshot{onCallAt("pagerduty", 0, shift(alice, "db", -60, 60)), onCallAt("rota", 0, shift(alice, "web", -60, 60))},
			known: true, schedules: []string{"pagerduty/db", "rota/web"},
		},
		"one is silent, and the other has the subject on call": {
			said:  []access.Snapshot{onCallAt("pagerduty", 0, shift(alice, "db", -60, 60))},
			known: true, schedules: []string{"pagerduty/db"}, unsure: []string{"rota"},
		},
		"one is silent, and the other has the subject on a later shift": {
			said:      []access.Snapshot{onCallAt("pagerduty", 0, shift(alice, "db", 30, 60))},
			schedules: []string{"pagerduty/db"}, unsure: []string{"rota"},
		},
		"one is silent, and the other does not have the subject": {
			said: []access.Snapshot{onCallAt("pagerduty", 0)}, unsure: []string{"rota"},
		},
		"what is ten minutes old counts": {
			said:  []access.Snapshot{onCallAt("pagerduty", -10, shift(alice, "db", -60, 60)), onCallAt("rota", 0)},
			known: true, age: 600, schedules: []string{"pagerduty/db"},
		},
		"what is older does not": {
			said: []access.Snapshot{onCallAt("pagerduty", -11, shift(alice, "db", -60, 60)), onCallAt("rota", 0)}, unsure: []string{"pagerduty"},
		},
		"a source can not tell the subject from another": {
			said: []access.Snapshot{onCallAt("pagerduty", 0), unclear}, unsure: []string{"rota"},
		},
		"what such a source says of the subject does not count": {
			said: []access.Snapshot{onCallAt("pagerduty", 0), unclearWithShift}, unsure: []string{"rota"},
		},
		"such a source takes nothing from what another says": {
			said:  []access.Snapshot{onCallAt("pagerduty", 0, shift(alice, "db", -60, 60)), unclear},
			known: true, schedules: []string{"pagerduty/db"}, unsure: []string{"rota"},
		},
		"a shift is over without a poll": {
			said: []access.Snapshot{onCallAt("pagerduty", 0, shift(alice, "db", -60, 5)), onCallAt("rota", 0)}, now: 5, known: true, age: 300,
		},
		"a later shift begins without a poll": {
			said: []access.Snapshot{onCallAt("pagerduty", 0, shift(alice, "db", 5, 60))}, now: 5,
			known: true, age: 300, schedules: []string{"pagerduty/db"}, unsure: []string{"rota"},
		},
		"shifts are in the order of their start": {
			said: []access.Snapshot{
				onCallAt("pagerduty", 0, shift(alice, "late", 60, 90), shift(carol, "x", -60, 60), shift(alice, "early", -60, 60)), onCallAt("rota", 0),
			},
			known: true, schedules: []string{"pagerduty/early", "pagerduty/late"},
		},
		"an older snapshot is ignored": {
			said:  []access.Snapshot{onCallAt("pagerduty", 0), onCallAt("pagerduty", -1, shift(alice, "db", -60, 60)), onCallAt("rota", 0)},
			known: true,
		},
		"a newer one takes its place": {
			said:  []access.Snapshot{onCallAt("pagerduty", -1), onCallAt("pagerduty", 0, shift(alice, "db", -60, 60)), onCallAt("rota", 0)},
			known: true, schedules: []string{"pagerduty/db"},
		},
		"a source that there is not says nothing": {
			said: []access.Snapshot{onCallAt("other", 0, shift(alice, "db", -60, 60))}, age: -1, unsure: []string{"pagerduty", "rota"},
		},
		"a clock that is ahead makes no fact younger than it is": {
			said: []access.Snapshot{onCallAt("pagerduty", 1), onCallAt("rota", 1)}, known: true,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := twoSources(c.said...)
			got, unsure := b.OnCall(alice, at(c.now))
			var schedules []string
			for _, s := range got.Shifts {
				schedules = append(schedules, s.Source+"/"+s.Schedule.ID)
			}
			age := int64(-1)
			if got.AgeSeconds != nil {
				age = *got.AgeSeconds
			}
			if got.Known != c.known || !slices.Equal(schedules, c.schedules) || !slices.Equal(unsure, c.unsure) || age != c.age {
				t.Errorf("known %v, shifts %v, unsure %v, age %d; want %+v", got.Known, schedules, unsure, age, c)
			}
			input, err := b.Shifts(t.Context(), alice, at(c.now))
			if err != nil || input.Known != c.known || !c.known && !reflect.DeepEqual(input, access.OnCall{}) || c.known && !reflect.DeepEqual(input, got) {
				t.Errorf("the facts of a decision are %+v, %v", input, err)
			}
		})
	}
}

func TestWithoutSourcesNothingIsKnown(t *testing.T) {
	b := bookOf(nil)
	if got, unsure := b.OnCall(alice, noon); got.Known || unsure != nil {
		t.Errorf("on-call is %+v, unsure %v", got, unsure)
	}
	if got, err := b.Incidents(t.Context(), alice, noon); got.Known || err != nil {
		t.Errorf("incidents are %+v, %v", got, err)
	}
}

func TestIncidentsAreKnown(t *testing.T) {
	part := func(who access.Subject, role string) access.IncidentPart {
		return access.IncidentPart{Subject: who, Role: role}
	}
	free := onCallAt("pagerduty", 0)
	mine := incident("P1", 7, "of-db", part(alice, access.RoleResponder), part(alice, access.RoleAssignee), part(carol, access.RoleAssignee))
	others := incident("P2", 8, "of-db", part(carol, access.RoleAssignee))
	unclear := incidentsAt(0, mine)
	unclear.Unclear = []access.Subject{alice}
	cases := map[string]struct {
		said   []access.Snapshot
		closed []access.ClosedIncident
		known  bool
		open   map[string][]string // roles by id
	}{
		"nobody has said anything":   {},
		"there are none":             {said: []access.Snapshot{free, incidentsAt(0)}, known: true},
		"one in which it has a part": {said: []access.Snapshot{free, incidentsAt(0, mine, others)}, known: true, open: map[string][]string{"P1": {"assignee", "responder"}}},
		"those for whose escalation policy it is on call": {
			said: []access.Snapshot{onCallAt("pagerduty", 0, shift(alice, "db", -60, 60)), incidentsAt(0, mine, others, incident("P3", 9, "of-web"))}, known: true,
			open: map[string][]string{"P1": {"assignee", "responder"}, "P2": {}},
		},
		"it will be on call, and is not": {
			said: []access.Snapshot{onCallAt("pagerduty", 0, shift(alice, "db", 30, 60)), incidentsAt(0, others)}, known: true,
		},
		"who is on call is not known": {said: []access.Snapshot{incidentsAt(0, others)}},
		"who is on call is not known, and it has a part": {
			said: []access.Snapshot{incidentsAt(0, mine, others)}, known: true, open: map[string][]string{"P1": {"assignee", "responder"}},
		},
		"they are too old":                              {said: []access.Snapshot{free, incidentsAt(-11, mine)}},
		"the source can not tell it from another":       {said: []access.Snapshot{free, unclear}},
		"one was closed since":                          {said: []access.Snapshot{free, incidentsAt(0, mine)}, closed: []access.ClosedIncident{{ID: "P1", At: at(1)}}, known: true},
		"one was closed before, and was opened again":   {said: []access.Snapshot{free, incidentsAt(0, mine)}, closed: []access.ClosedIncident{{ID: "P1", At: at(-1)}}, known: true, open: map[string][]string{"P1": {"assignee", "responder"}}},
		"another was closed":                            {said: []access.Snapshot{free, incidentsAt(0, mine)}, closed: []access.ClosedIncident{{ID: "P2", At: at(1)}}, known: true, open: map[string][]string{"P1": {"assignee", "responder"}}},
		"the last time that one was closed counts":      {said: []access.Snapshot{free, incidentsAt(0, mine)}, closed: []access.ClosedIncident{{ID: "P1", At: at(1)}, {ID: "P1", At: at(-1)}}, known: true},
		"a closing of long ago is forgotten in silence": {said: []access.Snapshot{free, incidentsAt(0, mine)}, closed: []access.ClosedIncident{{ID: "P1", At: at(1)}, {ID: "P9", At: at(-3000)}}, known: true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := vendorBook(c.said...)
			for _, i := range c.closed {
				b.Close(i)
			}
			got, err := b.Incidents(t.Context(), alice, noon)
			open := map[string][]string{}
			for _, i := range got.Open {
				open[i.ID] = i.Roles
			}
			if c.open == nil {
				c.open = map[string][]string{}
			}
			if err != nil || got.Known != c.known || !reflect.DeepEqual(open, c.open) || len(got.Open) != len(open) || (got.AgeSeconds != nil) != c.known {
				t.Errorf("got %+v, %v; want %+v", got, err, c)
			}
		})
	}
}

func TestIncident(t *testing.T) {
	closed := incidentsAt(0)
	closed.Closed = []string{"P1", "7"}
	cases := map[string]struct {
		said   access.Snapshot
		closed []access.ClosedIncident
		id     string
		now    int
		want   access.IncidentState
	}{
		"it is open":                            {said: incidentsAt(0, incident("P1", 7, "x")), id: "P1", want: access.IncidentOpen},
		"it is open, by its number":             {said: incidentsAt(0, incident("P1", 7, "x")), id: "7", want: access.IncidentOpen},
		"an id is more than a number":           {said: incidentsAt(0, incident("P1", 7, "x"), incident("7", 1, "x")), id: "7", want: access.IncidentOpen},
		"the source says that it is closed":     {said: closed, id: "P1", want: access.IncidentClosed},
		"or that its number is":                 {said: closed, id: "7", want: access.IncidentClosed},
		"the source does not have it":           {said: incidentsAt(0), id: "P1", want: access.IncidentUnknown},
		"the source is too old":                 {said: incidentsAt(-11, incident("P1", 7, "x")), id: "P1", want: access.IncidentUnknown},
		"it was too old before the end":         {said: closed, id: "P1", now: 11, want: access.IncidentUnknown},
		"it was closed since":                   {said: incidentsAt(0, incident("P1", 7, "x")), closed: []access.ClosedIncident{{ID: "P1", At: at(1)}}, id: "P1", now: 2, want: access.IncidentClosed},
		"it was closed since, by its number":    {said: incidentsAt(0, incident("P1", 7, "x")), closed: []access.ClosedIncident{{ID: "P1", At: at(1)}}, id: "7", now: 2, want: access.IncidentClosed},
		"it was closed, and opened again":       {said: incidentsAt(2, incident("P1", 7, "x")), closed: []access.ClosedIncident{{ID: "P1", At: at(1)}}, id: "P1", now: 3, want: access.IncidentOpen},
		"it was closed, and is no longer there": {said: incidentsAt(2), closed: []access.ClosedIncident{{ID: "P1", At: at(1)}}, id: "P1", now: 3, want: access.IncidentClosed},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := vendorBook(c.said)
			b.Close(c.closed...)
			got, state := b.Incident(c.id, at(c.now))
			if state != c.want || state == access.IncidentOpen && (got.ID != c.id && got.Number == 0 || got.EscalationPolicy.ID != "x") || state != access.IncidentOpen && got.Title != "" {
				t.Errorf("got %+v, %s; want %s", got, state, c.want)
			}
		})
	}
	if got, _ := vendorBook(incidentsAt(0, incident("P1", 7, "x"), incident("7", 1, "x"))).Incident("7", noon); got.ID != "7" {
		t.Errorf("an id gave way to a number: %+v", got)
	}
}

func TestStatesTellHowTheSourcesAre(t *testing.T) {
	said := onCallAt("pagerduty", -1)
	said.Faults = []string{"two accounts have one address"}
	b := vendorBook(said)
	since := at(-2)
	b.Failing("pagerduty.incidents", &since, "it is down")
	b.Failing("other", &since, "there is no such source")
	fetched, until, age := at(-1), at(599), int64(60)
	want := []access.SourceState{
		{Name: "pagerduty", Kind: access.SourceOnCall, Known: true, FetchedAt: &fetched, AgeSeconds: &age, Until: &until, Faults: said.Faults},
		{Name: "pagerduty.incidents", Kind: access.SourceIncidents, FailedSince: &since, Error: "it is down", Faults: []string{}},
	}
	if got := b.States(noon); !reflect.DeepEqual(got, want) {
		t.Errorf("states are\n%+v, want\n%+v", got, want)
	}
	b.Failing("pagerduty.incidents", nil, "")
	if got := b.States(at(20)); got[0].Known || got[1].FailedSince != nil {
		t.Errorf("later: %+v", got)
	}
}

func TestWhatIsConfirmedIsFreshAgain(t *testing.T) {
	b := twoSources(onCallAt("pagerduty", 0, shift(alice, "db", -60, 120)))
	b.Confirm("rota", at(20), at(700)) // it never answered: there is nothing to confirm
	b.Confirm("pagerduty", at(20), at(700))
	b.Confirm("pagerduty", at(10), at(500)) // older
	last, answered := b.Last("pagerduty")
	if !answered || !last.FetchedAt.Equal(at(20)) || !last.Until.Equal(at(700)) || len(last.Shifts) != 1 {
		t.Errorf("last is %+v, %v", last, answered)
	}
	if got, unsure := b.OnCall(alice, at(25)); !got.Known || *got.AgeSeconds != 300 || !slices.Equal(unsure, []string{"rota"}) {
		t.Errorf("on-call is %+v, unsure %v", got, unsure)
	}
	if _, answered := b.Last("rota"); answered {
		t.Error("a source that never answered has said something")
	}
}

// TestReadersSeeWholeSnapshots: who reads while a snapshot is put sees the one
// before or the one after, whole.
func TestReadersSeeWholeSnapshots(t *testing.T) {
	said := func(minutes int) access.Snapshot {
		schedule := []string{"even", "odd"}[minutes%2]
		return onCallAt("pagerduty", minutes, shift(alice, schedule, -60, 600), shift(alice, schedule, -30, 600))
	}
	b := bookOf([]facts.BookSource{{Name: "pagerduty", Kind: access.SourceOnCall}}, said(0))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for minutes := range 200 {
			b.Put(said(minutes))
		}
	}()
	for reading := true; reading; {
		select {
		case <-done:
			reading = false
		default:
		}
		got, unsure := b.OnCall(alice, noon)
		if len(got.Shifts) != 2 || got.Shifts[0].Schedule.ID != got.Shifts[1].Schedule.ID || unsure != nil {
			t.Fatalf("got %+v, unsure %v", got, unsure)
		}
	}
	if last, _ := b.Last("pagerduty"); !last.FetchedAt.Equal(at(199)) {
		t.Errorf("the last is from %s", last.FetchedAt)
	}
}
