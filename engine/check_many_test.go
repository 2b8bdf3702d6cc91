package engine_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// judge is the test's policy with a say of its own about checks.
type judge struct {
	*policy
	check func(inputs []access.CheckInput)
	query func() (access.QueryAnswer, error)

	mu    sync.Mutex
	asked [][]access.CheckInput
}

func (j *judge) Check(ctx context.Context, inputs []access.CheckInput, last func(access.CheckAnswer) bool) []access.CheckAnswer {
	if j.check != nil {
		j.check(inputs)
	}
	j.mu.Lock()
	j.asked = append(j.asked, inputs)
	j.mu.Unlock()
	return j.policy.Check(ctx, inputs, last)
}

func (j *judge) Query(ctx context.Context, q access.Query) (access.QueryAnswer, error) {
	if j.query != nil {
		return j.query()
	}
	return j.policy.Query(ctx, q)
}

func inJudgedWorld(t *testing.T, j *judge, shared bool, story func(*testing.T, *world)) {
	t.Helper()
	j.policy = &policy{answer: allowAll}
	inWorldOf(t, func(w *world) { w.decider, w.shared = j, shared }, story)
}

// Policy takes its time, and no check says yes after the end.
func TestYesThatIsOverByTheTimeOfTheAnswerIsNo(t *testing.T) {
	j := &judge{}
	inJudgedWorld(t, j, false, func(t *testing.T, w *world) {
		w.mustAsk(30 * time.Second)
		x := engine.Evaluate(aliceDebugsAcme)
		j.check = func([]access.CheckInput) { time.Sleep(time.Second) } // fake: the bubble's clock
		w.pass(29*time.Second + 500*time.Millisecond)
		one, err := w.engine.Check(t.Context(), as(bob), x)
		must(t, err)
		if one.Decision || one.Reason != "no_live_grant" || len(j.asked[0][0].Grants) == 0 {
			t.Errorf("the check says %+v, of %+v", one, j.asked)
		}
		w.mustAsk(30 * time.Second)
		w.pass(29*time.Second + 500*time.Millisecond)
		many, err := w.engine.CheckAll(t.Context(), as(bob), []engine.Evaluation{x, x}, engine.PermitOnFirstPermit)
		must(t, err)
		if len(many) != 2 || many[0].Decision || many[1].Decision {
			t.Errorf("the batch says %+v", many)
		}
	})
}

func TestBatchIsPutToPolicyAtOnce(t *testing.T) {
	for _, shared := range []bool{false, true} {
		t.Run(fmt.Sprintf("a lease that is shared: %v", shared), func(t *testing.T) {
			j := &judge{}
			inJudgedWorld(t, j, shared, func(t *testing.T, w *world) {
				w.mustAsk(time.Hour)
				w.pass(time.Second)
				asked := make([]engine.Evaluation, 40)
				for i := range asked {
					x := aliceDebugsAcme
					if i%2 == 1 {
						x.Resource.ID = fmt.Sprint("acme-", i)
					}
					asked[i] = engine.Evaluate(x)
				}
				lease, ledger := w.counted.by("lease"), w.counted.by("ledger")
				views, err := w.engine.CheckAll(t.Context(), as(bob), asked, engine.ExecuteAll)
				must(t, err)
				for i, v := range views {
					if v.Decision != (i%2 == 0) {
						t.Errorf("number %d: %+v", i, v)
					}
				}
				if len(j.asked) != 1 || len(views) != len(asked) {
					t.Errorf("%d answers, policy was asked %d times", len(views), len(j.asked))
				}
				if byLease, byLedger := w.counted.by("lease")-lease, w.counted.by("ledger")-ledger; byLease != 1 || byLedger != 20 {
					t.Errorf("the lease said %d and the ledger %d; want 1 and 20: each is asked about once", byLease, byLedger)
				}
			})
		})
	}
}

func TestWhatFollowsAFirstNoIsNotAsked(t *testing.T) {
	j := &judge{}
	inJudgedWorld(t, j, false, func(t *testing.T, w *world) {
		w.mustAsk(time.Hour)
		x, broken := engine.Evaluate(aliceDebugsAcme), engine.Evaluation{Fault: access.ErrInvalid}
		views, err := w.engine.CheckAll(t.Context(), as(bob), []engine.Evaluation{x, broken, x}, engine.DenyOnFirstDeny)
		must(t, err)
		if len(views) != 2 || len(j.asked) != 1 || len(j.asked[0]) != 1 {
			t.Errorf("answered %+v; policy was asked %+v", views, j.asked)
		}
	})
}

func TestCallerThatLeavesIsNotAnswered(t *testing.T) {
	j := &judge{}
	inJudgedWorld(t, j, false, func(t *testing.T, w *world) {
		ctx, leave := context.WithCancel(t.Context())
		j.check = func([]access.CheckInput) { leave() }
		if v, err := w.engine.Check(ctx, as(bob), engine.Evaluate(aliceDebugsAcme)); !errors.Is(err, context.Canceled) {
			t.Errorf("answered %+v, %v", v, err)
		}
	})
}

// All of a page is decided by the policy that suggested it.
func TestSearchBeginsAgainWhenThePolicyIsSwapped(t *testing.T) {
	for name, tc := range map[string]struct {
		swaps int
		busy  bool
	}{"once": {1, false}, "again and again": {1000, true}} {
		t.Run(name, func(t *testing.T) {
			n, j := 0, &judge{}
			j.query = func() (access.QueryAnswer, error) {
				n++
				if n <= tc.swaps {
					return access.QueryAnswer{Revision: fmt.Sprint("old-", n)}, nil
				}
				return access.QueryAnswer{Revision: "r1"}, nil
			}
			inJudgedWorld(t, j, false, func(t *testing.T, w *world) {
				w.mustAsk(time.Hour)
				q := engine.Search{Evaluation: engine.Evaluate(aliceDebugsAcme), What: engine.SearchSubjects, Digest: []byte("0123456789abcdef")}
				found, err := w.engine.Search(t.Context(), as(bob), q)
				if errors.Is(err, access.ErrBusy) != tc.busy || !tc.busy && (err != nil || len(found.Results) != 1 || found.Revision != "r1") {
					t.Errorf("found %+v, %v", found, err)
				}
			})
		})
	}
}

func TestSearchThatNoStoreAnswersIsAnError(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		q := engine.Search{Evaluation: engine.Evaluate(aliceDebugsAcme), What: engine.SearchSubjects, Digest: []byte("0123456789abcdef")}
		_, err := w.engine.Search(t.Context(), as(bob), q)
		must(t, err)
		must(t, w.ledger.Close())
		if found, err := w.engine.Search(t.Context(), as(bob), q); err == nil {
			t.Errorf("found %+v", found)
		}
	})
}
