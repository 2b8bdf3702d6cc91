package facts_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/facts"

	"github.com/curfew-access/curfew/tests/bubble"
)

var alice = access.Subject{Type: access.TypeUser, ID: "alice@example.com"}

type onCall func(context.Context) (access.OnCall, error)

func (f onCall) Shifts(ctx context.Context, _ access.Subject, _ time.Time) (access.OnCall, error) {
	return f(ctx)
}

type incidents func(context.Context) (access.Incidents, error)

func (f incidents) Incidents(ctx context.Context, _ access.Subject, _ time.Time) (access.Incidents, error) {
	return f(ctx)
}

type people func(context.Context) ([]string, bool, error)

func (f people) Groups(ctx context.Context, _ access.Subject) ([]string, bool, error) { return f(ctx) }

// known is the answer of a source that works.
var known = access.OnCall{Known: true, AgeSeconds: new(int64(7)), Shifts: []access.Shift{{Level: 1}}}

// open is the answer of a source of incidents that works.
var open = access.Incidents{Known: true, AgeSeconds: new(int64(3)), Open: []access.Incident{{ID: "P1"}}}

func answersOpen(context.Context) (access.Incidents, error) { return open, nil }
func answersOnCall(context.Context) (access.OnCall, error)  { return known, nil }
func answersGroups(context.Context) ([]string, bool, error) { return []string{"eng"}, true, nil }
func after[T any](d time.Duration, value T) T               { time.Sleep(d); return value }
func gathered(ctx context.Context, g *facts.Gatherer) access.Facts {
	return g.Gather(ctx, alice, time.Now())
}

func TestGather(t *testing.T) {
	onlyGroups := access.Facts{Groups: []string{"eng"}, GroupsKnown: true}
	onlyOnCall := access.Facts{OnCall: known}
	broken := errors.New("vendor is down")
	cases := map[string]struct {
		onCall    facts.OnCall
		people    facts.People
		incidents facts.Incidents
		want      access.Facts
		failed    string // the source that the log names
		took      time.Duration
	}{
		"all sources answer": {
			onCall: onCall(answersOnCall), people: people(answersGroups), incidents: incidents(answersOpen),
			want: access.Facts{Groups: []string{"eng"}, GroupsKnown: true, OnCall: known, Incidents: open},
		},
		"no source but of incidents": {incidents: incidents(answersOpen), want: access.Facts{Incidents: open}},
		"incidents that are not known are not told": {
			incidents: incidents(func(context.Context) (access.Incidents, error) {
				return access.Incidents{Open: []access.Incident{{ID: "P1"}}}, nil
			}),
		},
		"incidents fail and on-call does not": {
			onCall:    onCall(answersOnCall),
			incidents: incidents(func(context.Context) (access.Incidents, error) { return open, broken }),
			want:      onlyOnCall, failed: "incidents",
		},
		"no source, no fact": {},
		"no on-call source":  {people: people(answersGroups), want: onlyGroups},
		"no source of people": {
			onCall: onCall(answersOnCall), want: onlyOnCall,
		},
		"groups are in order and each once": {
			people: people(func(context.Context) ([]string, bool, error) {
				return []string{"payments", "eng", "payments"}, true, nil
			}),
			want: access.Facts{Groups: []string{"eng", "payments"}, GroupsKnown: true},
		},
		"a member of no group is known": {
			people: people(func(context.Context) ([]string, bool, error) { return nil, true, nil }),
			want:   access.Facts{Groups: []string{}, GroupsKnown: true},
		},
		"a subject of whom nothing is known is no failure": {
			people: people(func(context.Context) ([]string, bool, error) { return []string{"guess"}, false, nil }),
		},
		"what is not known is not told": {
			onCall: onCall(func(context.Context) (access.OnCall, error) {
				return access.OnCall{AgeSeconds: new(int64(7)), Shifts: []access.Shift{{Level: 1}}}, nil
			}),
		},
		"an error counts more than the answer beside it": {
			onCall: onCall(func(context.Context) (access.OnCall, error) { return known, broken }),
			people: people(answersGroups), want: onlyGroups, failed: "oncall",
		},
		"people fail and on-call does not": {
			onCall: onCall(answersOnCall),
			people: people(func(context.Context) ([]string, bool, error) { return []string{"admins"}, true, broken }),
			want:   onlyOnCall, failed: "people",
		},
		"a panic is a failure of that source": {
			onCall: onCall(func(context.Context) (access.OnCall, error) { panic("index out of range") }),
			people: people(answersGroups), want: onlyGroups, failed: "oncall",
		},
		"a source that hangs costs the deadline and no more": {
			onCall: onCall(func(context.Context) (access.OnCall, error) { return after(time.Hour, known), nil }),
			people: people(answersGroups), want: onlyGroups, failed: "oncall", took: facts.DefaultTimeout,
		},
		"a source that heeds the deadline": {
			onCall: onCall(func(ctx context.Context) (access.OnCall, error) { <-ctx.Done(); return access.OnCall{}, ctx.Err() }),
			people: people(answersGroups), want: onlyGroups, failed: "oncall", took: facts.DefaultTimeout,
		},
		"the sources are asked at the same time": {
			onCall: onCall(func(context.Context) (access.OnCall, error) { return after(1500*time.Millisecond, known), nil }),
			people: people(func(context.Context) ([]string, bool, error) {
				return after(1900*time.Millisecond, []string{"eng"}), true, nil
			}),
			want: access.Facts{Groups: []string{"eng"}, GroupsKnown: true, OnCall: known}, took: 1900 * time.Millisecond,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				g := &facts.Gatherer{OnCall: c.onCall, Incidents: c.incidents, People: c.people, Log: slog.New(slog.NewTextHandler(&log, nil))}
				begin := time.Now()
				got := gathered(t.Context(), g)
				if took := time.Since(begin); took != c.took {
					t.Errorf("took %s, want %s", took, c.took)
				}
				if !reflect.DeepEqual(got, c.want) {
					t.Errorf("facts = %+v, want %+v", got, c.want)
				}
				time.Sleep(2 * time.Hour) // whoever hung has answered by now
				if !reflect.DeepEqual(got, c.want) {
					t.Errorf("after a late answer facts = %+v, want %+v", got, c.want)
				}
				checkLog(t, log.String(), c.failed)
			})
		})
	}
}

func checkLog(t *testing.T, log, failed string) {
	t.Helper()
	want := 0
	if failed != "" {
		want = 1
	}
	if n := strings.Count(log, "\n"); n != want || strings.Count(log, "source="+failed) != want {
		t.Errorf("the log has %d lines, want %d that name %q:\n%s", n, want, failed, log)
	}
}

func TestGatherKeepsToItsOwnTimeout(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		g := &facts.Gatherer{Timeout: 50 * time.Millisecond, OnCall: onCall(func(context.Context) (access.OnCall, error) {
			return after(time.Second, known), nil
		})}
		begin := time.Now()
		if got := gathered(t.Context(), g); got.OnCall.Known || time.Since(begin) != g.Timeout {
			t.Errorf("on-call = %+v after %s, want nothing known after %s", got.OnCall, time.Since(begin), g.Timeout)
		}
		time.Sleep(time.Second)
	})
}

func TestGatherEndsWithItsContext(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		g := &facts.Gatherer{OnCall: onCall(func(context.Context) (access.OnCall, error) { return after(time.Second, known), nil })}
		begin := time.Now()
		if got := gathered(ctx, g); got.OnCall.Known || time.Since(begin) != time.Millisecond {
			t.Errorf("on-call = %+v after %s, want nothing known after 1ms", got.OnCall, time.Since(begin))
		}
		time.Sleep(time.Second)
	})
}

func TestGatherLeavesTheSourcesGroupsAsTheyAre(t *testing.T) {
	own := []string{"payments", "eng"}
	g := &facts.Gatherer{People: people(func(context.Context) ([]string, bool, error) { return own, true, nil })}
	gathered(t.Context(), g)
	if own[0] != "payments" {
		t.Errorf("the source's groups became %v", own)
	}
}
