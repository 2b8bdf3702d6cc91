package audit_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/curfew-access/curfew/engine/audit"
)

// stored is a tree as tlog keeps it, all hashes in one list.
type stored []tlog.Hash

func (s stored) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		out[i] = s[at]
	}
	return out, nil
}

func (s *stored) add(t *testing.T, n int64, leaf tlog.Hash) {
	t.Helper()
	hashes, err := tlog.StoredHashesForRecordHash(n, leaf, *s)
	if err != nil {
		t.Fatal(err)
	}
	*s = append(*s, hashes...)
}

func TestEdgeHasTheRootsAndTilesOfTheTransparencyLog(t *testing.T) {
	var tree stored
	var edge audit.Edge
	tiles := 0
	for n := int64(0); n <= 70_000; n++ {
		if n < 600 || n%256 < 2 || n%4096 == 4095 {
			want, err := tlog.TreeHash(n, tree)
			if err != nil || edge.Root() != want {
				t.Fatalf("the root at %d is %s, want %s (%v)", n, edge.Root(), want, err)
			}
			again, err := audit.ParseEdge(edge.Size, edge.Text())
			if err != nil || again.Root() != want {
				t.Fatalf("written and read, the root at %d is %s, want %s (%v)", n, again.Root(), want, err)
			}
		}
		leaf := audit.Hash(audit.Leaf(fmt.Append(nil, n)))
		tree.add(t, n, leaf)
		edge.Add(leaf, func(whole audit.Node) {
			tiles++
			if want := tree[tlog.StoredHashIndex(whole.Level, whole.N)]; whole.Hash != want {
				t.Fatalf("node %d of level %d is %s, want %s", whole.N, whole.Level, whole.Hash, want)
			}
		})
	}
	if want := 70_001/256 + 1; tiles != want {
		t.Fatalf("%d nodes were given out, want %d", tiles, want)
	}
}

func TestEdgeOfAnotherSizeIsRefused(t *testing.T) {
	var edge audit.Edge
	for n := range 5 {
		edge.Add(audit.Hash(audit.Leaf([]byte{byte(n)})), nil)
	}
	for _, size := range []int64{-1, 0, 4, 7} {
		if _, err := audit.ParseEdge(size, edge.Text()); err == nil {
			t.Errorf("the edge of a tree of 5 was taken for one of %d", size)
		}
	}
	if _, err := audit.ParseEdge(5, "%"); err == nil {
		t.Error("what is no base64 was taken")
	}
}

func key(t *testing.T, name string) (signing, verifier string) {
	t.Helper()
	signing, verifier, err := audit.NewKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	return signing, verifier
}

func keys(t *testing.T, signing ...string) *audit.Keys {
	t.Helper()
	k, err := audit.NewKeys(signing...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestCheckpointIsOpenedByWhoeverTrustsOneOfItsKeys(t *testing.T) {
	old, oldVerifier := key(t, "curfew.example.com/audit")
	fresh, freshVerifier := key(t, "curfew.example.com/audit")
	_, stranger := key(t, "curfew.example.com/audit")
	_, namesake := key(t, "other.example.com/audit")
	another, _ := key(t, "curfew.example.com/audit")
	k := keys(t, fresh, old)
	without, err := keys(t, fresh, oldVerifier).Sign(audit.Checkpoint{Size: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := audit.OpenCheckpoint(without, oldVerifier); !errors.Is(err, audit.ErrUnknownKey) {
		t.Fatalf("a key that is lost has signed (%v)", err)
	}
	want := audit.Checkpoint{
		Origin: "curfew.example.com/audit", Size: 513, Root: audit.Hash(audit.Leaf([]byte("x"))), Time: time.Date(2026, 11, 22, 3, 0, 0, 5000, time.UTC),
	}
	signed, err := k.Sign(want)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		keys []string
		err  error
	}{
		"the key in use":                {keys: []string{freshVerifier}},
		"the key before":                {keys: []string{oldVerifier}},
		"one of several":                {keys: []string{stranger, oldVerifier}},
		"another key":                   {keys: []string{stranger}, err: audit.ErrUnknownKey},
		"the key of another log":        {keys: []string{namesake}, err: audit.ErrUnknownKey},
		"no key":                        {err: audit.ErrUnknownKey},
		"both, the second more trusted": {keys: []string{oldVerifier, freshVerifier}},
		"one of them twice":             {keys: []string{oldVerifier, freshVerifier, oldVerifier}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := audit.OpenCheckpoint(signed, tc.keys...)
			if !errors.Is(err, tc.err) {
				t.Fatalf("got %v, want %v", err, tc.err)
			}
			if err == nil && got != want {
				t.Fatalf("got %+v, want %+v", got, want)
			}
		})
	}
	if got, err := keys(t, another, oldVerifier).Open(signed); err != nil || got != want {
		t.Fatalf("the verifier of a key that is lost opens %+v, %v", got, err)
	}
	for _, own := range []*audit.Keys{k, keys(t, fresh, old, fresh, oldVerifier, freshVerifier)} {
		if got, err := own.Open(signed); err != nil || got != want || len(own.Verifiers()) != 2 {
			t.Fatalf("its own keys, %d, open %+v, %v", len(own.Verifiers()), got, err)
		}
	}
	if got := k.Verifiers(); len(got) != 2 || got[0] != freshVerifier || got[1] != oldVerifier {
		t.Fatalf("the verifiers are %v, want %v", got, []string{freshVerifier, oldVerifier})
	}
	edited := strings.Replace(signed, "\n513\n", "\n514\n", 1)
	if _, err := audit.OpenCheckpoint(edited, freshVerifier); err == nil || errors.Is(err, audit.ErrUnknownKey) {
		t.Fatalf("an edited checkpoint is %v", err)
	}
}

func TestKeysThatAreNoneAreRefusedWithoutBeingShown(t *testing.T) {
	signing, verifier := key(t, "a.example.com/audit")
	other, _ := key(t, "b.example.com/audit")
	for name, list := range map[string][]string{
		"nothing":                 {},
		"a verifier key":          {verifier},
		"a key that was cut":      {signing[:len(signing)-4]},
		"a key with another name": {strings.Replace(signing, "a.example", "c.example", 1)},
		"keys of two logs":        {signing, other},
		"a verifier of another":   {other, verifier},
		"what is no verifier":     {signing, "hunter2+x"},
		"free text":               {"hunter2"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := audit.NewKeys(list...)
			if err == nil {
				t.Fatal("they are taken")
			}
			for _, secret := range list {
				if strings.Contains(err.Error(), secret) {
					t.Fatalf("the error shows the key: %v", err)
				}
			}
		})
	}
	for _, name := range []string{"", "a b", "a+b", "a\nb"} {
		if _, _, err := audit.NewKey(rand.Reader, name); err == nil {
			t.Errorf("%q names a log", name)
		}
	}
}
