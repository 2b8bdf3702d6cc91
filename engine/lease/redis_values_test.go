package lease_test

import (
	"slices"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/service"
	"github.com/curfew-access/curfew/tests/suite/leasesuite"
)

// key is the key of what stands of the name, which it writes for that.
func key(s *leasesuite.Scene, name, addr string) string {
	s.Helper()
	c := client(s.T, addr)
	before := c.Keys(s.Context(), "curfew:*:s:*").Val()
	certain(s, live(s, name, 1))
	for _, k := range c.Keys(s.Context(), "curfew:*:s:*").Val() {
		if !slices.Contains(before, k) {
			return k
		}
	}
	s.Fatal("nothing was written")
	return ""
}

func TestAValueThatIsNotOursIsNotKnown(t *testing.T) {
	t.Parallel()
	server := service.Redis(t)
	s := scene(t, config(t, "redis://"+server.Addr))
	c := client(t, server.Addr)
	k := key(s, "alice", server.Addr)
	for _, value := range []string{
		"", "1", "1 2", "1 2 ", " 1 2 bnd_a", "1  2 bnd_a", "01 2 bnd_a", "-1 2 bnd_a", "+1 2 bnd_a", "1 2 bnd_a ", "1 2 bnd a", "1 2 bnd_a\n",
		"1.0 2 bnd_a", "1e3 2 bnd_a", "1 99999999999999999999 bnd_a", "99999999999999999999 2 bnd_a", "1 9999999999999999 bnd_a", "yes", "{}",
	} {
		must(t, c.Set(t.Context(), k, value, time.Hour).Err())
		if got, known := s.Lease.Standing(t.Context(), leasesuite.Of("alice")); known {
			t.Errorf("%q is taken for %+v", value, got)
		}
	}
	must(t, c.Del(t.Context(), k).Err())
	must(t, c.RPush(t.Context(), k, "1 2 bnd_a").Err())
	if got, known := s.Lease.Standing(t.Context(), leasesuite.Of("alice")); known {
		t.Errorf("a list is taken for %+v", got)
	}
	if !s.Lease.State().Connected {
		t.Error("a value opens the circuit")
	}
	certain(s, live(s, "alice", 2))
	if !allowed(s, "alice") {
		t.Error("what can not be read is not written over")
	}
}

func TestWhatCanNotBeReadIsListedAndDropped(t *testing.T) {
	t.Parallel()
	server := service.Redis(t)
	s := scene(t, config(t, "redis://"+server.Addr))
	c := client(t, server.Addr)
	k := key(s, "alice", server.Addr)
	must(t, c.Set(t.Context(), k, "yes", time.Hour).Err())
	must(t, c.Set(t.Context(), "curfew:1:what", "is this", time.Hour).Err())
	must(t, c.Set(t.Context(), "other:key", "of another", time.Hour).Err())
	page, err := s.Lease.Page(t.Context(), "")
	must(t, err)
	if slices.Sort(page.Unknown); !slices.Equal(page.Unknown, []string{k, "curfew:1:what"}) || page.Next != "" {
		t.Fatalf("listed %+v", page)
	}
	must(t, s.Lease.DropUnknown(t.Context(), append(page.Unknown, "other:key", "curfew:1:sentinel{0}")...))
	if n := c.Exists(t.Context(), page.Unknown...).Val(); n != 0 {
		t.Errorf("%d are still there", n)
	}
	if n := c.Exists(t.Context(), "other:key", "curfew:1:sentinel{0}").Val(); n != 2 {
		t.Error("what is not ours was dropped")
	}
}

func TestEveryKeyHasATimeToLive(t *testing.T) {
	t.Parallel()
	server := service.Redis(t)
	s := scene(t, config(t, "redis://"+server.Addr))
	must(t, s.Lease.Hold(t.Context(), access.Hold{GrantID: "a", Until: time.Now().Add(time.Minute)}))
	certain(s, live(s, "alice", 1))
	certain(s, s.Stands("bob", 1, time.Time{}))
	c := client(t, server.Addr)
	for _, k := range c.Keys(t.Context(), "*").Val() {
		if ttl := c.PTTL(t.Context(), k).Val(); ttl <= 0 {
			t.Errorf("%s lives for %v", k, ttl)
		}
	}
}

func TestTheTimeToLiveOfAStandingIsMendedAndNeverMadeShorter(t *testing.T) {
	t.Parallel()
	server := service.Redis(t)
	s := scene(t, config(t, "redis://"+server.Addr))
	c := client(t, server.Addr)
	k := key(s, "alice", server.Addr)
	right := live(s, "alice", 2)
	certain(s, right)
	must(t, c.PExpire(t.Context(), k, time.Minute).Err())
	for _, want := range []access.Mended{{Wrong: 1}, {}} {
		if mended, _, err := s.Lease.Mend(t.Context(), nil, []access.Standing{right}); err != nil || mended != want {
			t.Errorf("mended %+v, %v", mended, err)
		}
	}
	must(t, c.Persist(t.Context(), k).Err())
	if mended, _, err := s.Lease.Mend(t.Context(), nil, []access.Standing{right}); err != nil || mended != (access.Mended{Wrong: 1}) {
		t.Errorf("mended %+v, %v", mended, err)
	}
	must(t, c.PExpire(t.Context(), k, 24*time.Hour).Err())
	certain(s, access.Standing{Entitled: leasesuite.Of("alice"), BindingID: "bnd_alice", Version: 3})
	if ttl := c.PTTL(t.Context(), k).Val(); ttl < 23*time.Hour {
		t.Errorf("a tombstone made it %v", ttl)
	}
}

func TestAGrantsKeyThatLivesForEverIsMended(t *testing.T) {
	t.Parallel()
	server := service.Redis(t)
	s := scene(t, config(t, "redis://"+server.Addr))
	hold := access.Hold{GrantID: "a", Until: time.Now().Add(time.Hour)}
	must(t, s.Lease.Hold(t.Context(), hold))
	must(t, client(t, server.Addr).Persist(t.Context(), "curfew:1:g:a").Err())
	for _, want := range []access.Mended{{Wrong: 1}, {}} {
		if mended, _, err := s.Lease.Mend(t.Context(), []access.Hold{hold}, nil); err != nil || mended != want {
			t.Errorf("mended %+v, %v", mended, err)
		}
	}
}

func TestScriptsThatTheServerForgotAreSentAgain(t *testing.T) {
	t.Parallel()
	server := service.Redis(t)
	s := scene(t, config(t, "redis://"+server.Addr))
	for version := range int64(3) {
		must(t, client(t, server.Addr).ScriptFlush(t.Context()).Err())
		certain(s, live(s, "alice", version))
	}
	if !allowed(s, "alice") {
		t.Error("it does not stand")
	}
}
