package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// stalePatience is the least that a source may be late before it is stale.
const stalePatience = time.Minute

// declareSources notes since when snapshots of the declared sources are expected.
func (e *Engine) declareSources(ctx context.Context) error {
	if e.declared.Load() || len(e.catalogueSources) == 0 {
		return nil
	}
	names := make([]string, len(e.catalogueSources))
	for i, s := range e.catalogueSources {
		names[i] = s.Name
	}
	slices.Sort(names) // whoever changes several rows does it in one order
	err := e.ledger.Update(ctx, func(tx *ledger.Tx) error { return tx.DeclareSources(names) })
	if err == nil {
		e.declared.Store(true)
	}
	return err
}

// knownSources lists the sources of resources, by name: those that are declared,
// and those that have brought something.
func (e *Engine) knownSources(tx *ledger.Tx) ([]SourceView, error) {
	kept, err := tx.SyncSources()
	if err != nil {
		return nil, err
	}
	views := map[string]SourceView{}
	for _, s := range kept {
		views[s.Source] = e.expected(SourceView{Source: s.Source, LastSyncedAt: s.SyncedAt}, s.DeclaredAt, tx.Now())
	}
	for _, s := range e.catalogueSources {
		if _, known := views[s.Name]; !known {
			views[s.Name] = e.expected(SourceView{Source: s.Name}, tx.Now(), tx.Now())
		}
	}
	list := make([]SourceView, 0, len(views))
	for _, v := range views {
		list = append(list, v)
	}
	slices.SortFunc(list, func(a, b SourceView) int { return strings.Compare(a.Source, b.Source) })
	return list, nil
}

// expected says when the next snapshot of a source is due, and whether it is
// overdue: by a tenth of its interval, and at least stalePatience.
func (e *Engine) expected(v SourceView, declaredAt, now time.Time) SourceView {
	i := slices.IndexFunc(e.catalogueSources, func(s CatalogueSource) bool { return s.Name == v.Source })
	if i < 0 || e.catalogueSources[i].Every <= 0 {
		return v
	}
	every := e.catalogueSources[i].Every
	seconds := int64(every / time.Second)
	since := declaredAt
	if v.LastSyncedAt != nil {
		since = *v.LastSyncedAt
	}
	due := since.Add(every)
	v.EverySeconds, v.DueAt = &seconds, &due
	v.Stale = now.After(due.Add(max(every/10, stalePatience)))
	return v
}

// Sources lists the sources of resources.
func (e *Engine) Sources(ctx context.Context, call Call, p Paging) (page Page[SourceView], err error) {
	after, limit, err := p.page()
	if err != nil {
		return page, err
	}
	if err := e.authorize(ctx, call, opSources, access.APIObject{}); err != nil {
		return page, err
	}
	err = e.ledger.View(ctx, func(tx *ledger.Tx) error {
		list, err := e.knownSources(tx)
		if err != nil {
			return err
		}
		begin, found := slices.BinarySearchFunc(list, after, func(v SourceView, name string) int { return strings.Compare(v.Source, name) })
		if found {
			begin++
		}
		page = cutPage(list[begin:], limit, func(v SourceView) string { return v.Source })
		for i := range page.Items {
			if err := fill(tx, &page.Items[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return page, err
}

// fill adds what is counted and read for each source by itself.
func fill(tx *ledger.Tx, v *SourceView) (err error) {
	if v.Resources, err = tx.CountResources(v.Source); err != nil {
		return err
	}
	runs, err := tx.SyncRuns(v.Source, "", 1)
	if err != nil || len(runs) == 0 {
		return err
	}
	last, err := runView(runs[0])
	v.LastRun = &last
	return err
}

// SyncRuns lists the runs of a source, newest first.
func (e *Engine) SyncRuns(ctx context.Context, call Call, source string, p Paging) (page Page[SyncRun], err error) {
	before, limit, err := p.page()
	if err != nil {
		return page, err
	}
	if err := e.authorize(ctx, call, opSource, access.APIObject{Source: &source}); err != nil {
		return page, err
	}
	err = e.ledger.View(ctx, func(tx *ledger.Tx) error {
		known, err := e.knownSources(tx)
		if err != nil {
			return err
		}
		runs, err := tx.SyncRuns(source, before, limit+1)
		if err != nil {
			return err
		}
		if len(runs) == 0 && !slices.ContainsFunc(known, func(v SourceView) bool { return v.Source == source }) {
			return access.NotFound("source", source)
		}
		views := make([]SyncRun, 0, len(runs))
		for _, r := range runs {
			v, err := runView(r)
			if err != nil {
				return err
			}
			views = append(views, v)
		}
		page = cutPage(views, limit, func(r SyncRun) string { return r.ID })
		return nil
	})
	return page, err
}

func runView(r ledger.SyncRun) (SyncRun, error) {
	v := SyncRun{
		ID: r.ID, Source: r.Source, Outcome: r.Outcome, StartedAt: r.StartedAt, Actor: r.Actor, SyncCounts: r.SyncCounts,
		Code: r.Code, Detail: r.Detail, Errors: []SyncError{}, ErrorCount: r.ErrorCount,
	}
	if r.FinishedAt != nil {
		v.FinishedAt = *r.FinishedAt
	}
	if err := json.Unmarshal(r.Errors, &v.Errors); err != nil {
		return v, fmt.Errorf("the faults of %s: %w", r.ID, err)
	}
	return v, nil
}
