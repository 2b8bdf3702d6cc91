package pdp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/pdp"
	"github.com/curfew-access/curfew/policies"
	"github.com/curfew-access/curfew/tests/bubble"
)

// records is a ledger in memory.
type records struct {
	mu        sync.Mutex
	away      bool
	late      bool // it takes down what is active, and its answer does not come
	active    access.PolicyRevision
	activated []string
	refused   []access.PolicyRefusal
}

var errAway = errors.New("the ledger is away")

func (r *records) do(f func()) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.away {
		return errAway
	}
	f()
	return nil
}

func (r *records) ActivatePolicy(_ context.Context, next access.PolicyRevision) error {
	late := false
	err := r.do(func() { r.active, r.activated, late = next, append(r.activated, next.Name), r.late })
	if late {
		err = errAway
	}
	return err
}

func (r *records) RefusePolicy(_ context.Context, refusal access.PolicyRefusal) error {
	return r.do(func() { r.refused = append(r.refused, refusal) })
}

func (r *records) ActivePolicy(context.Context) (p access.PolicyRevision, err error) {
	err = r.do(func() { p = r.active })
	return p, err
}

func (r *records) goAway(away bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.away = away
}

func (r *records) seen() (activated []string, refused []access.PolicyRefusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.activated), slices.Clone(r.refused)
}

// scene is a delivery that runs.
type scene struct {
	*pdp.Delivery
	t       *testing.T
	pdp     *pdp.PDP
	records *records
	log     *bytes.Buffer // to be read when it has ended
	stop    func()
}

func deliver(t *testing.T, r *records, change func(*pdp.DeliveryConfig)) *scene {
	t.Helper()
	s := &scene{t: t, records: r, pdp: pdp.New(pdp.Config{Library: policies.FS}), log: &bytes.Buffer{}}
	cfg := pdp.DeliveryConfig{PDP: s.pdp, Records: r, Log: slog.New(slog.NewTextHandler(s.log, nil)), Every: 5 * time.Millisecond}
	change(&cfg)
	s.Delivery = pdp.NewDelivery(cfg)
	ctx, cancel := context.WithCancel(t.Context())
	s.Begin(ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(s.stop)
	return s
}

func (s *scene) until(what string, is func(pdp.DeliveryState) bool) pdp.DeliveryState {
	s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if state := s.State(); is(state) {
			return state
		}
	}
	s.t.Fatalf("not in time: %s: %+v", what, s.State())
	return pdp.DeliveryState{}
}

func (s *scene) decides(effect access.Effect, code string) {
	s.t.Helper()
	d, _ := s.pdp.Decide(s.t.Context(), ask(nil))
	if d.Effect != effect || codes(d) != code {
		s.t.Errorf("got %s for %q, want %s for %q", d.Effect, codes(d), effect, code)
	}
}

// put writes a file as a whole, as editors do.
func put(t *testing.T, dir, name, content string) {
	t.Helper()
	half := filepath.Join(dir, ".half")
	if err := errors.Join(os.WriteFile(half, []byte(content), 0o600), os.Rename(half, filepath.Join(dir, name))); err != nil {
		t.Fatal(err)
	}
}

const broken = "package access\n\nallow contains {\"code\": \"hunter2\"} if undeclared\n"

func TestDirectoryIsReloadedWhenItChanges(t *testing.T) {
	t.Parallel()
	dir, r := team(t, map[string]string{"data.yaml": teams}), &records{}
	s := deliver(t, r, func(c *pdp.DeliveryConfig) { c.Dir = dir })
	first := s.State()
	if !first.Current() || first.Revision != s.pdp.Revision() || first.Since.IsZero() {
		t.Fatalf("at the start: %+v", first)
	}
	s.decides(access.Allow, "on_call")

	put(t, dir, "a.rego", "package access\nallow contains "+yes)
	second := s.until("a rule of its own", func(d pdp.DeliveryState) bool { return d.Revision != first.Revision })
	s.decides(access.Allow, "team")

	put(t, dir, "a.rego", broken)
	bad := s.until("a broken edit", func(d pdp.DeliveryState) bool { return d.Refused })
	if bad.Revision != second.Revision || bad.Current() || bad.Refusals != 1 {
		t.Errorf("a broken edit: %+v", bad)
	}
	s.decides(access.Allow, "team")
	put(t, dir, "b.yaml", "[1]") // broken in another way
	s.until("another broken edit", func(d pdp.DeliveryState) bool { return d.Refusals == 2 })

	if err := os.Remove(filepath.Join(dir, "b.yaml")); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "a.rego", "package access\nallow contains "+yes)
	mended := s.until("mended", func(d pdp.DeliveryState) bool { return !d.Refused })
	if mended.Revision != second.Revision || !mended.Since.Equal(second.Since) {
		t.Errorf("mended: %+v, was %+v", mended, second)
	}
	activated, refused := r.seen()
	if !slices.Equal(activated, []string{first.Revision, second.Revision}) || len(refused) < 2 {
		t.Fatalf("activated %v, refused %v", activated, refused)
	}
	told := refused[0]
	if told.Source != "directory "+dir || told.Faults != 1 || len(told.Lines) != 1 || !strings.Contains(told.Lines[0], "a.rego:3: rego_unsafe_var_error") ||
		strings.Contains(fmt.Sprint(told.Lines), "hunter2") {
		t.Errorf("refused: %+v", told)
	}
}

func TestOneBrokenRevisionIsToldOnce(t *testing.T) {
	t.Parallel()
	dir, r := team(t, map[string]string{"a.rego": broken}), &records{}
	s := deliver(t, r, func(c *pdp.DeliveryConfig) { c.Dir = dir })
	if state := s.State(); state.Revision != "" || !state.Refused {
		t.Fatalf("got %+v", state)
	}
	s.decides(access.Deny, "policy_missing")
	for range 3 {
		put(t, dir, "a.rego", broken) // the same again, under a new time
		s.Reload()
	}
	put(t, dir, "a.rego", "package access\nallow contains "+yes)
	s.until("mended", func(d pdp.DeliveryState) bool { return d.Current() })
	s.decides(access.Allow, "team")
	if _, refused := r.seen(); len(refused) != 1 {
		t.Errorf("it was told %d times", len(refused))
	}
}

func TestDirectoryIsNotReadWhileItIsWritten(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		dir, r := team(t, map[string]string{"data.yaml": teams}), &records{}
		s := deliver(t, r, func(c *pdp.DeliveryConfig) { c.Dir, c.Every = dir, time.Second })
		first := s.State().Revision
		file, err := os.Create(filepath.Join(dir, "a.rego"))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(500 * time.Millisecond) // between two looks
		for _, piece := range []string{"package access\nallow ", "contains ", yes[:10], yes[10:]} {
			time.Sleep(time.Second)
			if _, err := file.WriteString(piece); err != nil {
				t.Fatal(err)
			}
			if state := s.State(); state.Refusals != 0 || state.Revision != first {
				t.Fatalf("it was read in its middle: %+v", state)
			}
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		s.decides(access.Allow, "team")
		if state := s.State(); state.Refusals != 0 || state.Revision == first {
			t.Errorf("got %+v", state)
		}

		put(t, dir, "b.rego", broken)
		s.Reload()
		time.Sleep(time.Millisecond)
		if !s.State().Refused {
			t.Error("it was told to look at once, and waited")
		}
		s.stop()
		time.Sleep(time.Minute) // until the evaluators have gone home
	})
}

func TestDirectoryThatIsGoneKeepsItsPolicies(t *testing.T) {
	t.Parallel()
	dir, r := filepath.Join(team(t, map[string]string{"p/data.yaml": teams}), "p"), &records{}
	s := deliver(t, r, func(c *pdp.DeliveryConfig) { c.Dir = dir })
	if err := os.Rename(dir, dir+"-away"); err != nil {
		t.Fatal(err)
	}
	s.until("gone", func(d pdp.DeliveryState) bool { return d.Refused })
	s.decides(access.Allow, "on_call")
	if err := os.Rename(dir+"-away", dir); err != nil {
		t.Fatal(err)
	}
	s.until("back", pdp.DeliveryState.Current)
}

// Kubernetes changes all files of a volume at once, by a link.
func TestVolumeThatIsSwappedByALinkIsReloaded(t *testing.T) {
	t.Parallel()
	dir, r := t.TempDir(), &records{}
	version := func(name, content string) {
		err := errors.Join(os.Mkdir(filepath.Join(dir, name), 0o700), os.WriteFile(filepath.Join(dir, name, "data.yaml"), []byte(content), 0o600),
			os.Symlink(name, filepath.Join(dir, "..tmp")), os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")))
		if err != nil {
			t.Fatal(err)
		}
	}
	version("..1", "teams: {}")
	if err := os.Symlink("..data/data.yaml", filepath.Join(dir, "data.yaml")); err != nil {
		t.Fatal(err)
	}
	s := deliver(t, r, func(c *pdp.DeliveryConfig) { c.Dir = dir })
	s.decides(access.Deny, "team_unknown")
	first := s.State().Revision
	version("..2", teams)
	s.until("swapped", func(d pdp.DeliveryState) bool { return d.Revision != first })
	s.decides(access.Allow, "on_call")
}

func TestFileWithoutEndIsNotRead(t *testing.T) {
	t.Parallel()
	dir := team(t, map[string]string{"data.yaml": teams})
	if err := os.Mkdir(filepath.Join(dir, "x.json"), 0o700); err != nil { // a directory is walked
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/zero", filepath.Join(dir, "zero.json")); err != nil {
		t.Fatal(err)
	}
	_, err := pdp.Open(t.Context(), pdp.Config{Library: policies.FS, Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "zero.json: it is not a regular file") {
		t.Errorf("got %v", err)
	}
}

func TestPoliciesWaitForTheLedger(t *testing.T) {
	t.Parallel()
	dir, r := team(t, map[string]string{"data.yaml": teams}), &records{}
	s := deliver(t, r, func(c *pdp.DeliveryConfig) { c.Dir = dir })
	first := s.State().Revision
	r.goAway(true)
	put(t, dir, "a.rego", "package access\nallow contains "+yes)
	state := s.until("it waits", func(d pdp.DeliveryState) bool { return d.Waiting })
	if state.Revision != first || state.Current() {
		t.Errorf("got %+v", state)
	}
	s.decides(access.Allow, "on_call")
	put(t, dir, "a.rego", broken)
	s.until("and the next is broken", func(d pdp.DeliveryState) bool { return d.Refused })
	r.goAway(false)
	state = s.until("what was good is in force", func(d pdp.DeliveryState) bool { return !d.Waiting })
	if state.Revision == first || !state.Refused || state.Current() {
		t.Errorf("got %+v", state)
	}
	s.decides(access.Allow, "team")
	if activated, refused := r.seen(); len(activated) != 2 || len(refused) != 1 {
		t.Errorf("activated %v, refused %v", activated, refused)
	}
}

func TestPoliciesThatComeBackTakeThePlaceOfThoseThatWaited(t *testing.T) {
	t.Parallel()
	dir, r := team(t, map[string]string{"data.yaml": teams}), &records{}
	s := deliver(t, r, func(c *pdp.DeliveryConfig) { c.Dir = dir })
	first := s.State().Revision
	r.mu.Lock()
	r.late = true
	r.mu.Unlock()
	put(t, dir, "a.rego", "package access\nallow contains "+yes)
	s.until("it waits", func(d pdp.DeliveryState) bool { return d.Waiting })
	if err := os.Remove(filepath.Join(dir, "a.rego")); err != nil {
		t.Fatal(err)
	}
	s.until("the first is the active one for all again", func(pdp.DeliveryState) bool {
		active, err := r.ActivePolicy(t.Context())
		return err == nil && active.Name == first
	})
}

// courier hands out bundles, as it is told.
type courier struct {
	mu   sync.Mutex
	raw  []byte
	err  error
	asks int
}

func (c *courier) set(raw []byte, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw, c.err = raw, err
}

func (c *courier) asked() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asks
}

func (c *courier) Fetch(context.Context, bool) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asks++
	return c.raw, c.err
}

func (*courier) Pause() time.Duration { return 5 * time.Millisecond }
func (*courier) String() string       { return "https://bundles.example.com" }

// rare is a courier that is to be asked once in an hour.
type rare struct{ courier }

func (*rare) Pause() time.Duration { return time.Hour }

func TestBundleThatWaitsForTheLedgerIsNotFetchedAgain(t *testing.T) {
	t.Parallel()
	r, from := &records{away: true}, &rare{courier{raw: pack(t, map[string]string{"data.yaml": teams})}}
	s := deliver(t, r, func(c *pdp.DeliveryConfig) { c.Bundle = &pdp.Bundle{From: from} })
	if state := s.State(); !state.Waiting {
		t.Fatalf("got %+v", state)
	}
	r.goAway(false)
	s.until("it is in force", func(d pdp.DeliveryState) bool { return d.Current() })
	if n := from.asked(); n != 1 {
		t.Errorf("it was fetched %d times", n)
	}
}

func TestBundleIsDelivered(t *testing.T) {
	t.Parallel()
	r, from := &records{}, &courier{raw: pack(t, map[string]string{"data.yaml": teams, ".manifest": `{"revision": "v1"}`})}
	s := deliver(t, r, func(c *pdp.DeliveryConfig) { c.Bundle = &pdp.Bundle{From: from} })
	s.decides(access.Allow, "on_call")
	if state := s.State(); state.Bundle != "v1" || !strings.HasSuffix(state.Revision, "+v1") {
		t.Errorf("got %+v", state)
	}
	from.set(nil, errors.New("it does not answer"))
	if state := s.until("silent", func(d pdp.DeliveryState) bool { return d.Silent }); !state.Current() {
		t.Errorf("got %+v", state)
	}
	from.set([]byte("no bundle"), nil)
	s.until("broken", func(d pdp.DeliveryState) bool { return d.Refused && !d.Silent })
	again := from.asked() + 3
	s.until("the same broken one again", func(pdp.DeliveryState) bool { return from.asked() > again })
	s.decides(access.Allow, "on_call")
	from.set(pack(t, map[string]string{"a.rego": "package access\nallow contains " + yes, ".manifest": `{"revision": "v2"}`}), nil)
	s.until("the next", func(d pdp.DeliveryState) bool { return d.Bundle == "v2" && d.Current() })
	s.decides(access.Allow, "team")
	again = from.asked() + 3
	s.until("the same again", func(pdp.DeliveryState) bool { return from.asked() > again })
	if activated, refused := r.seen(); len(activated) != 2 || len(refused) != 1 || refused[0].Source != "bundle https://bundles.example.com" {
		t.Errorf("activated %v, refused %v", activated, refused)
	}
}

func TestLastGoodBundleIsUsedWhenItsSourceIsSilentAtTheStart(t *testing.T) {
	t.Parallel()
	s := signers(t)["HS256"]
	signed := s.build(t, signedFiles, "")
	by := &pdp.Signature{Key: s.public, Algorithm: s.alg}
	cache := filepath.Join(t.TempDir(), "kept.tar.gz")
	start := func(from *courier, by *pdp.Signature) *scene {
		return deliver(t, &records{}, func(c *pdp.DeliveryConfig) { c.Bundle = &pdp.Bundle{From: from, By: by, Cache: cache} })
	}
	away := errors.New("it does not answer")

	empty := start(&courier{err: away}, by)
	empty.decides(access.Deny, "policy_missing")
	empty.stop()

	start(&courier{raw: signed}, by).stop()
	info, err := os.Stat(cache)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("it is not kept: %v %v", info, err)
	}
	left, err := os.ReadDir(filepath.Dir(cache))
	if err != nil || len(left) != 1 {
		t.Errorf("beside it: %v %v", left, err)
	}

	for name, from := range map[string]*courier{"silent": {err: away}, "broken": {raw: []byte("no bundle")}} {
		kept := start(from, by)
		kept.decides(access.Allow, "team")
		if state := kept.State(); !state.Recalled || state.Bundle != "git-4711" {
			t.Errorf("%s: %+v", name, state)
		}
		from.set(s.build(t, map[string]string{"data.yaml": teams}, ""), nil)
		kept.until("it answers", func(d pdp.DeliveryState) bool { return !d.Recalled && d.Current() })
		kept.decides(access.Allow, "on_call")
		kept.stop()
		if err := os.WriteFile(cache, signed, 0o600); err != nil {
			t.Fatal(err)
		}
	}

	for name, raw := range map[string][]byte{
		"tampered":  rewrite(t, signed, func(_, content string) string { return strings.ReplaceAll(content, `"team"`, `"mine"`) }),
		"no bundle": []byte("x"),
	} {
		if err := os.WriteFile(cache, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		bad := start(&courier{err: away}, by)
		bad.decides(access.Deny, "policy_missing")
		bad.stop()
		if !strings.Contains(bad.log.String(), "kept can not be used") {
			t.Errorf("%s: the log: %s", name, bad.log)
		}
	}
}

// tagged is a courier that brings what it has once, unless it is to forget.
type tagged struct {
	courier
	brought bool
}

func (c *tagged) Fetch(context.Context, bool) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.brought {
		return nil, nil
	}
	c.brought = true
	return c.raw, c.err
}

func (c *tagged) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.brought = false
}

func TestBundleThatWasCutOffIsFetchedAgain(t *testing.T) {
	t.Parallel()
	whole := pack(t, map[string]string{"data.yaml": teams})
	r, from := &records{}, &tagged{courier: courier{raw: whole[:len(whole)/2]}}
	s := deliver(t, r, func(c *pdp.DeliveryConfig) { c.Bundle = &pdp.Bundle{From: from} })
	if state := s.State(); !state.Refused {
		t.Fatalf("got %+v", state)
	}
	from.set(whole, nil)
	s.until("the whole is in force", func(d pdp.DeliveryState) bool { return d.Current() })
	s.stop()
	if _, refused := r.seen(); len(refused) != 1 {
		t.Errorf("refused %v", refused)
	}
}

func TestBrokenBundleIsNotKept(t *testing.T) {
	t.Parallel()
	cache := filepath.Join(t.TempDir(), "kept.tar.gz")
	s := deliver(t, &records{}, func(c *pdp.DeliveryConfig) { c.Bundle = &pdp.Bundle{From: &courier{raw: []byte("x")}, Cache: cache} })
	s.stop()
	if _, err := os.Stat(cache); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// Two rules that change together are never seen apart.
func TestNobodySeesHalfAPolicy(t *testing.T) {
	t.Parallel()
	p := pdp.New(pdp.Config{Library: policies.FS})
	var revisions []*pdp.Revision
	for i := range 2 {
		r, err := p.Load(t.Context(), team(t, map[string]string{
			"a.rego":     fmt.Sprintf("package pair\n\na := %d\n\nc := data.other.c\n", i),
			"b.rego":     fmt.Sprintf("package other\n\nb := %d\n\nc := %d\n", i, i),
			"data.yaml":  fmt.Sprintf("number: %d", i),
			"check.rego": fmt.Sprintf("package check\n\ndecision := {\"decision\": true, \"reason\": sprintf(\"r%%d%%d\", [data.pair.a, %d])}\n", i),
		}))
		if err != nil {
			t.Fatal(err)
		}
		revisions = append(revisions, r)
	}
	p.Use(t.Context(), revisions[0])
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var askers sync.WaitGroup
	for range 4 {
		askers.Go(func() {
			for range 300 {
				halfAPolicy(t, p, revisions)
			}
		})
	}
	go func() {
		defer cancel()
		askers.Wait()
	}()
	for i := 1; ctx.Err() == nil; i++ {
		p.Use(ctx, revisions[i%2])
		time.Sleep(50 * time.Microsecond)
	}
}

func halfAPolicy(t *testing.T, p *pdp.PDP, revisions []*pdp.Revision) {
	got, err := p.Query(t.Context(), access.Query{})
	var all struct {
		Number int
		Pair   struct{ A, C int }
		Other  struct{ B, C int }
	}
	if err := errors.Join(err, json.Unmarshal(got.Result, &all)); err != nil {
		t.Error(err)
		return
	}
	n := all.Number
	if all.Pair.A != n || all.Pair.C != n || all.Other.B != n || all.Other.C != n || got.Revision != revisions[n].Name() {
		t.Errorf("half a policy: %+v by %s", all, got.Revision)
	}
	in := access.CheckInput{
		Subject: json.RawMessage(`{"type":"user","id":"a"}`), Resource: json.RawMessage(`{"type":"b","id":"c"}`), Action: json.RawMessage(`{"name":"d"}`),
		Now: now,
	}
	answers := p.Check(t.Context(), []access.CheckInput{in, in, in}, nil)
	for _, a := range answers {
		if want := map[string]string{revisions[0].Name(): "r00", revisions[1].Name(): "r11"}[a.Revision]; a.Reason != want || a.Revision != answers[0].Revision {
			t.Errorf("half a policy: %q by %s: %v", a.Reason, a.Revision, a.Failure)
		}
	}
}

func TestNodeOnAnotherRevisionSaysSo(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		r := &records{}
		s := deliver(t, r, func(*pdp.DeliveryConfig) {})
		ours := s.State().Revision
		if state := s.State(); state.Elsewhere || !state.Current() {
			t.Errorf("got %+v", state)
		}
		active := func(name string) {
			_ = r.ActivatePolicy(t.Context(), access.PolicyRevision{Name: name, Source: "directory elsewhere"})
		}
		active("another")
		time.Sleep(6 * time.Second)
		if state := s.State(); !state.Elsewhere || state.Revision != ours || s.pdp.Revision() != ours {
			t.Errorf("got %+v", state)
		}
		r.goAway(true)
		time.Sleep(6 * time.Second)
		if !s.State().Elsewhere {
			t.Error("that the ledger does not answer is no news")
		}
		r.goAway(false)
		active(ours)
		time.Sleep(6 * time.Second)
		if s.State().Elsewhere {
			t.Error("they agree")
		}
		s.stop()
		if n := strings.Count(s.log.String(), "another revision of the policies is active"); n != 1 {
			t.Errorf("it was told %d times: %s", n, s.log)
		}
	})
}
