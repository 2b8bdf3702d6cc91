package lease

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// What two nodes make of the same moment decides whether they agree; moments are
// easier written down than brought about.
func TestANodeJudgesTheEpochByWhatItSees(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	epoch := func(number int64, server string, age time.Duration) access.LeaseEpoch {
		return access.LeaseEpoch{Number: number, Server: server, Since: now.Add(-age)}
	}
	cases := map[string]struct {
		epoch     access.LeaseEpoch
		identity  string
		mine      string
		sentinels []string
		want      verdict
	}{
		"there was none yet":                              {epoch(0, "", time.Hour), "a", "", []string{""}, begin},
		"it is on these servers":                          {epoch(3, "a#n", time.Hour), "a", "", []string{"n"}, agrees},
		"it is on these servers, and mine":                {epoch(3, "a#n", 0), "a", "n", []string{"n", "n"}, agrees},
		"it is on another server":                         {epoch(3, "a#n", time.Hour), "b", "", []string{"n"}, begin},
		"another node sees another server just now":       {epoch(3, "a#n", time.Second), "b", "m", []string{""}, wait},
		"the ledger's clock was set back meanwhile":       {epoch(3, "a#n", -time.Second), "b", "m", []string{""}, wait},
		"the server changed after this node began":        {epoch(3, "a#n", time.Second), "b", "n", []string{""}, begin},
		"all keys are lost":                               {epoch(3, "a#n", time.Hour), "a", "", []string{""}, begin},
		"all keys of one master are lost":                 {epoch(3, "a,b#n", time.Hour), "a,b", "", []string{"n", ""}, begin},
		"another node is setting it up":                   {epoch(3, "a#n", time.Millisecond), "a", "m", []string{""}, wait},
		"another node has not set it up":                  {epoch(3, "a#n", 2*time.Second), "a", "m", []string{""}, begin},
		"this node did not get it set up":                 {epoch(3, "a#n", time.Millisecond), "a", "n", []string{""}, begin},
		"the sentinel is another ledger's":                {epoch(3, "a#n", time.Hour), "a", "m", []string{"other"}, begin},
		"an epoch of a release that knew no nonce is old": {epoch(3, "a", time.Hour), "a", "", []string{""}, begin},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := judge(tc.epoch, now, tc.identity, tc.mine, tc.sentinels); got != tc.want {
				t.Errorf("got %d, want %d", got, tc.want)
			}
		})
	}
}

func TestSlotsAreThoseOfRedis(t *testing.T) {
	// By CLUSTER KEYSLOT.
	for key, want := range map[string]int{
		"": 0, "123456789": 12739, "foo": 12182, "{foo}bar": 12182, "x{foo}{bar}": 12182, "{}foo": 9500, "foo{": 7673, "a{}{foo}": 700,
	} {
		if got := slotOf(key); got != want {
			t.Errorf("%q is in slot %d, want %d", key, got, want)
		}
	}
	some := []slotRange{{5, 5}, {16000, 16383}}
	if tag := tagIn(some); !within(some, slotOf("sentinel{"+tag+"}")) {
		t.Errorf("%q is in slot %d", tag, slotOf(tag))
	}
}

func TestFlagsAreAddedAndKept(t *testing.T) {
	for flags, want := range map[string]string{"": "Ex", "K": "KEx", "KEA": "KEA", "Ex": "Ex", "xK": "xKE", "Elg": "Elgx", "AK": "AKE"} {
		if got := addFlags(flags); got != want || !announcing(got) {
			t.Errorf("%q becomes %q, want %q", flags, got, want)
		}
	}
}

func TestIDsArePackedAndUnpackedWhole(t *testing.T) {
	known := ids{kind: access.KindGrant}
	id := access.NewID(access.KindGrant, time.Now())
	for _, id := range []string{
		id, "", "a", "grt_", "bnd" + id[3:], id + "0", id[:29], id[:29] + "z", "grt_ZZZZZZZZZZZZZZZZZZZZZZZZZZ", "grt_zzzzzzzzzzzzzzzzzzzzzzzzzz",
	} {
		if got := known.unpack(known.pack(id)); got != id {
			t.Errorf("%q becomes %q", id, got)
		}
	}
	if _, odd := known.key(id); odd {
		t.Error("a fresh id is kept whole")
	}
}

func TestDeadlinesStayInOrderAndAreFound(t *testing.T) {
	var d deadlines[int64]
	want := map[[16]byte]int64{}
	random := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		var key [16]byte
		binary.LittleEndian.PutUint64(key[8:], random.Uint64N(5000)) // so that many begin at the same slot
		if due := random.Int64N(1000); due < 400 {
			if _, ok := want[key]; d.drop(key) != ok {
				t.Fatal("what is there is not dropped, or what is not there is")
			}
			delete(want, key)
		} else {
			d.put(key, due, due)
			want[key] = due
		}
	}
	seen := 0
	for place := 0; place >= 0; {
		place = d.page(place, 100, func(e deadline[int64]) {
			if seen++; want[e.key] != e.held {
				t.Error("another is held")
			}
		})
	}
	if seen != len(want) || d.len() != len(want) {
		t.Fatalf("%d are seen and %d held, want %d", seen, d.len(), len(want))
	}
	last := int64(0)
	for first, ok := d.first(); ok; first, ok = d.first() {
		if held, found := d.get(first.key); !found || held.due != want[first.key] || first.due < last {
			t.Fatalf("%d comes after %d", first.due, last)
		}
		last = first.due
		d.drop(first.key)
	}
	if d.places.used != 0 {
		t.Errorf("%d places are left", d.places.used)
	}
}
