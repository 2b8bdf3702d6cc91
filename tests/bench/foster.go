package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// foster takes grants in that were written into the ledger past the gateway: it
// tells the lease of them, as the engine does of grants that it has made.
type foster struct {
	engine *engine.Engine
	ledger *ledger.Ledger
	lease  keptLease
}

func (f *foster) adopt(out http.ResponseWriter, r *http.Request) {
	var b batch
	err := json.NewDecoder(r.Body).Decode(&b)
	if err == nil {
		err = f.take(r.Context(), b)
	}
	if err != nil {
		http.Error(out, err.Error(), http.StatusInternalServerError)
	}
}

func (f *foster) take(ctx context.Context, b batch) error {
	numbers := make([]int, b.Count)
	for i := range numbers {
		numbers[i] = i
	}
	for page := range slices.Chunk(numbers, 500) {
		holds, bindings := make([]access.Hold, len(page)), make([]string, len(page))
		for i, n := range page {
			holds[i] = access.Hold{GrantID: b.id(access.KindGrant, n), Until: b.due(n)}
			bindings[i] = b.id(access.KindBinding, n)
		}
		if err := f.lease.Hold(ctx, holds...); err != nil {
			return err
		}
		if err := f.stand(ctx, bindings); err != nil {
			return err
		}
	}
	f.engine.Wake()
	return nil
}

func (f *foster) stand(ctx context.Context, bindings []string) error {
	if !f.lease.Checks() {
		return nil
	}
	var standings []access.Standing
	err := f.ledger.View(ctx, func(tx *ledger.Tx) (err error) {
		standings, err = tx.Standings(bindings...)
		return err
	})
	if err != nil {
		return err
	}
	for i := range standings {
		standings[i].Keep = standings[i].Until
	}
	if err := f.lease.Stand(ctx, standings...); !errors.Is(err, access.ErrPropagating) {
		return err
	}
	return nil // it is written
}
