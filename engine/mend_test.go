package engine_test

import (
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

func TestLeaseIsMended(t *testing.T) {
	later := func(w *world) time.Time { return w.ledger.Now().Add(3 * time.Hour) }
	for name, tc := range map[string]struct {
		spoil func(*world, access.Grant)
		want  access.Mended
	}{
		"a grant that it lost": {
			func(w *world, g access.Grant) { must(w.t, w.lease.Drop(w.t.Context(), g.ID)) }, access.Mended{Missing: 1},
		},
		"a grant that nobody gave": {
			func(w *world, _ access.Grant) {
				bogus := access.Hold{GrantID: access.NewID(access.KindGrant, w.ledger.Now()), Until: later(w)}
				must(w.t, w.lease.Hold(w.t.Context(), bogus))
			},
			access.Mended{Extra: 1},
		},
		"a grant with another end": {
			func(w *world, g access.Grant) {
				must(w.t, w.lease.Hold(w.t.Context(), access.Hold{GrantID: g.ID, Until: later(w)}))
			},
			access.Mended{Wrong: 1},
		},
		"a standing of a version that never was": {
			func(w *world, g access.Grant) {
				forged := access.Standing{
					Entitled: g.Entitled, BindingID: g.BindingID, Version: 1_000_000, Until: later(w), Keep: later(w),
				}
				must(w.t, w.lease.Stand(w.t.Context(), forged))
			},
			access.Mended{Wrong: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				r := w.mustAsk(2 * time.Minute)
				w.pass(30 * time.Second)
				if m := w.counted.repaired(); m != (access.Mended{}) {
					t.Fatalf("a sound lease was mended: %+v", m)
				}
				tc.spoil(w, *r.Grant)
				w.pass(30 * time.Second)
				if m := w.counted.repaired(); m != tc.want {
					t.Fatalf("mended %+v, want %+v", m, tc.want)
				}
				s, known := w.lease.Standing(t.Context(), r.Grant.Entitled)
				if !known || !s.Until.Equal(r.Grant.ExpiresAt) {
					t.Fatalf("the lease says until %s (%v), want %s", s.Until, known, r.Grant.ExpiresAt)
				}
				w.pass(time.Minute + time.Second)
				if verbs := w.target.verbs(); len(verbs) != 2 {
					t.Errorf("the target was told %v", verbs)
				}
			})
		})
	}
}

func TestLeaseIsRebuiltAtTheStart(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		r := w.mustAsk(time.Hour)
		w.pass(time.Second)
		w.stop()
		w.start()
		w.settle()
		s, known := w.lease.Standing(t.Context(), r.Grant.Entitled)
		if !known || !s.Until.Equal(r.Grant.ExpiresAt) || w.lease.Len() != 1 {
			t.Errorf("the lease holds %d grants and says until %s (%v)", w.lease.Len(), s.Until, known)
		}
	})
}

// A lease that has lost everything and does not take its first page, as one that
// is too busy for a moment, has everything again a moment after it takes it.
func TestRebuildThatFailedIsTriedAgainSoon(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		r := w.mustAsk(time.Hour)
		w.pass(time.Second)
		must(t, w.lease.Drop(t.Context(), r.Grant.ID))
		w.lease.set(func(f *moody) { f.writes = errDown })
		w.engine.Rebuild()
		w.pass(200 * time.Millisecond)
		w.lease.set(func(f *moody) { f.writes = nil })
		w.pass(2 * time.Second)
		if n := w.lease.Len(); n != 1 {
			t.Errorf("the lease holds %d grants", n)
		}
	})
}

// An announcement is a hint: it ends nothing that the ledger does not call due,
// and a key that went too early is put back.
func TestForgedAnnouncementEndsNothing(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		r := w.mustAsk(time.Hour)
		w.pass(time.Second)
		must(t, w.lease.Drop(t.Context(), r.Grant.ID))
		w.engine.Announced(r.Grant.ID)
		w.engine.Announced("grt_nobody")
		w.engine.Announced("not even an id")
		w.pass(250 * time.Millisecond)
		if w.lease.Len() != 1 {
			t.Errorf("%d grants are held", w.lease.Len())
		}
		w.wantCheck(true, "lease")
		if verbs := w.target.verbs(); len(verbs) != 1 {
			t.Errorf("the target was told %v", verbs)
		}
	})
}

func TestEndsAreHeardFromTheLeaseAndPromptWithoutIt(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.mustAsk(30 * time.Second)
		w.pass(31 * time.Second)
		if w.counted.heard != 1 || w.counted.late > 20*time.Millisecond {
			t.Errorf("%d ends were heard, the latest %s late", w.counted.heard, w.counted.late)
		}
		w.lease.set(func(f *moody) { f.writes = errDown })
		w.mustAsk(30 * time.Second)
		w.pass(31 * time.Second)
		if w.counted.heard+w.counted.unheard != 2 || w.counted.late > 20*time.Millisecond {
			t.Errorf("%d ends, the latest %s late", w.counted.heard+w.counted.unheard, w.counted.late)
		}
	})
}
