package ledgersuite

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// chunk is one of two decisions, the first at the time.
func chunk(node string, at time.Time, apart time.Duration) access.DecisionChunk {
	last := at.Add(apart)
	return access.DecisionChunk{
		ID: access.NewID("chk", at), FirstID: access.NewID(access.KindDecision, at), LastID: access.NewID(access.KindDecision, last),
		FirstAt: at, LastAt: last, Node: node, Count: 2, Body: []byte{0, 1, 0xff, '1', '2', 0, 0x80, '\'', '\\'},
	}
}

func (f *fixture) spans(from, to string, limit int) (ids []string) {
	f.t.Helper()
	f.view(func(tx *ledger.Tx) error {
		spans, err := tx.DecisionSpans(from, to, limit)
		for _, s := range spans {
			ids = append(ids, s.ID)
		}
		return err
	})
	return ids
}

func decisionLog(t *testing.T, f *fixture) {
	begin := f.l.Now()
	var chunks []access.DecisionChunk
	for i := range 5 {
		chunks = append(chunks, chunk("n", begin.Add(time.Duration(i)*time.Hour), access.DecisionChunkSpan))
	}
	digits := chunk("n", begin.Add(9*time.Hour), 0)
	digits.Body = []byte("12") // which is a number, if the column has a mind of its own
	f.must(f.l.PutDecisionChunks(t.Context(), append(slices.Clone(chunks), digits)...))
	for name, tc := range map[string]struct {
		from, to string
		limit    int
		want     []access.DecisionChunk
	}{
		"all":                      {chunks[0].FirstID, digits.FirstID, 10, chunks},
		"as many as are asked for": {chunks[0].FirstID, digits.FirstID, 2, chunks[:2]},
		"from within one":          {chunks[1].LastID, digits.FirstID, 10, chunks[1:]},
		"from behind one":          {chunks[1].LastID + "0", digits.FirstID, 10, chunks[2:]},
		"to the first of one":      {chunks[1].FirstID, chunks[3].FirstID, 10, chunks[1:3]},
		"to within one":            {chunks[1].FirstID, chunks[3].LastID, 10, chunks[1:4]},
	} {
		var want []string
		for _, c := range tc.want {
			want = append(want, c.ID)
		}
		if got := f.spans(tc.from, tc.to, tc.limit); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	for _, c := range []access.DecisionChunk{chunks[0], digits} {
		f.view(func(tx *ledger.Tx) error {
			body, err := tx.DecisionChunk(c.ID)
			if !bytes.Equal(body, c.Body) {
				t.Errorf("body came back as %q, want %q", body, c.Body)
			}
			return err
		})
	}
	err := f.l.View(t.Context(), func(tx *ledger.Tx) error { return discard(tx.DecisionChunk("chk_none")) })
	if !errors.Is(err, access.ErrNotFound) {
		t.Errorf("a chunk that is not there: %v", err)
	}
}

func chunksOnce(t *testing.T, f *fixture) {
	c := chunk("n", f.l.Now(), 0)
	f.must(f.l.PutDecisionChunks(t.Context(), c))
	f.must(f.l.PutDecisionChunks(t.Context(), c, chunk("n", f.l.Now(), 0)))
	if got := f.spans(access.FirstID(access.KindDecision, c.FirstAt), "dec_z", 10); len(got) != 2 {
		t.Errorf("there are %v, want two", got)
	}
}

func decisionsForgotten(t *testing.T, f *fixture) {
	now := f.l.Now()
	for i := range 5 {
		f.must(f.l.PutDecisionChunks(t.Context(), chunk("n", now.Add(-time.Duration(i)*24*time.Hour), time.Second)))
	}
	before := now.Add(-36 * time.Hour)
	for _, step := range []struct {
		node  string
		limit int
		want  int
	}{{"a", 2, 2}, {"b", 2, 0}, {"a", 2, 1}, {"a", 2, 0}} {
		n, err := f.l.ForgetDecisionChunks(t.Context(), step.node, before, step.limit)
		if err != nil || n != step.want {
			t.Errorf("%s forgot %d, %v; want %d", step.node, n, err, step.want)
		}
	}
	if got := f.spans(access.FirstID(access.KindDecision, now.Add(-999*time.Hour)), "dec_z", 10); len(got) != 2 {
		t.Errorf("left are %v, want the two of the last 36 hours", got)
	}
	f.must(f.l.TellDecisionsDropped(t.Context(), "a", 7, now))
	_, err := f.l.SealEvents(t.Context(), 10, nil)
	f.must(err)
	f.view(func(tx *ledger.Tx) error {
		events, err := tx.Events(ledger.EventFilter{Type: audit.DecisionLogOverflowed, Limit: 10})
		if len(events) != 1 || !bytes.Contains(events[0].Body, []byte(`"dropped":7`)) || !bytes.Contains(events[0].Body, []byte(`"node":"a"`)) {
			t.Errorf("events are %+v", events)
		}
		return err
	})
}

func decisionsListed(t *testing.T, f *fixture) {
	var made []access.DecisionRecord
	for i := range 4 {
		d := decision(f.l.Now().Add(time.Duration(i) * time.Second))
		made = append(made, d)
		f.update(func(tx *ledger.Tx) error { return tx.PutDecision(d) })
	}
	f.view(func(tx *ledger.Tx) error {
		got, err := tx.Decisions(made[1].ID, made[3].ID, 10)
		if err != nil || len(got) != 2 || got[0].ID != made[1].ID || got[1].ID != made[2].ID {
			t.Errorf("got %+v, %v", got, err)
			return err
		}
		d, want := got[0], made[1]
		if d.Took != want.Took || !d.DecidedAt.Equal(want.DecidedAt) || d.Revision != want.Revision {
			t.Errorf("got %+v, want %+v", d, want)
		}
		input, _ := json.Marshal(want.Input)
		output, _ := json.Marshal(want.Decision)
		if string(d.Input) != string(input) || string(d.Output) != string(output) {
			t.Errorf("input %s and output %s are not as they were stored", d.Input, d.Output)
		}
		return nil
	})
}
