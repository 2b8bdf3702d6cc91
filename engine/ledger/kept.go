package ledger

import (
	"context"
	"slices"
	"sync"

	"github.com/curfew-access/curfew/engine/access"
)

// maxKept bounds how many rows of a kind are remembered.
const maxKept = 100_000

// kept remembers rows that every decision reads and that hardly ever change.
// Only where no other process can change the ledger: there, what is remembered is
// what a read would find, because each change forgets it, before its commit and
// after.
type kept[K comparable, V any] struct {
	mu      sync.RWMutex
	changes uint64
	rows    map[K]V
}

// get returns what is remembered, or what a row that is read now must be put with.
func (k *kept[K, V]) get(key K) (row V, found bool, changes uint64) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	row, found = k.rows[key]
	return row, found, k.changes
}

// put remembers a row, unless something has changed since it was asked for.
func (k *kept[K, V]) put(key K, row V, changes uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.changes != changes {
		return
	}
	if k.rows == nil || len(k.rows) >= maxKept {
		k.rows = map[K]V{}
	}
	k.rows[key] = row
}

// forget makes the next reads real ones.
func (k *kept[K, V]) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.changes++
	k.rows = nil
}

// membership is what is known of a subject's groups.
type membership struct {
	groups []string
	known  bool
}

// memory is what a ledger remembers.
type memory struct {
	people    kept[access.Subject, membership]
	resources kept[access.ResourceRef, access.Resource]
}

// touched is which of it a transaction changes.
type touched struct{ people, resources bool }

func (m *memory) forget(t touched) {
	if t.people {
		m.people.forget()
	}
	if t.resources {
		m.resources.forget()
	}
}

// touch forgets what the transaction is about to change. The ledger does so once
// more when it has ended.
func (tx *Tx) touch(t touched) {
	tx.memory.forget(t)
	tx.touched.people, tx.touched.resources = tx.touched.people || t.people, tx.touched.resources || t.resources
}

// Groups returns the groups of a subject, and whether any source knows it. It
// satisfies facts.People.
func (l *Ledger) Groups(ctx context.Context, s access.Subject) (groups []string, known bool, err error) {
	m, found, changes := l.memory.people.get(s)
	if found {
		return slices.Clone(m.groups), m.known, nil
	}
	err = l.Look(ctx, func(tx *Tx) error {
		groups, known, err = tx.Groups(s)
		return err
	})
	if err == nil && l.Alone() {
		l.memory.people.put(s, membership{slices.Clone(groups), known}, changes)
	}
	return groups, known, err
}

// Resource returns a resource that is in the catalogue. Its properties must not be
// changed.
func (l *Ledger) Resource(ctx context.Context, ref access.ResourceRef) (r access.Resource, err error) {
	r, found, changes := l.memory.resources.get(ref)
	if found {
		return r, nil
	}
	err = l.Look(ctx, func(tx *Tx) error {
		r, err = tx.Resource(ref)
		return err
	})
	if err == nil && l.Alone() {
		l.memory.resources.put(ref, r, changes)
	}
	return r, err
}
