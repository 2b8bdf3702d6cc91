package access_test

import (
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

func TestIDsAreFoundByTheirTime(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 31, 9, 0, 0, 123_000_000, time.UTC)
	id := access.NewID(access.KindDecision, at)
	if got := access.IDTime(id); !got.Equal(at) {
		t.Errorf("%s was made at %s, want %s", id, got, at)
	}
	first, next := access.FirstID(access.KindDecision, at), access.FirstID(access.KindDecision, at.Add(time.Millisecond))
	if first > id || id >= next || !access.IDTime(first).Equal(at) {
		t.Errorf("%s is not from %s and before %s", id, first, next)
	}
	if zero := access.FirstID(access.KindDecision, time.Time{}); zero > first || access.CheckID(access.KindDecision, zero) != nil {
		t.Errorf("the first id of all is %s", zero)
	}
	for _, text := range []string{"", "dec", "dec_", "dec_u", "dec_0000"} {
		if got := access.IDTime(text); !got.IsZero() {
			t.Errorf("%q was made at %s", text, got)
		}
	}
}
