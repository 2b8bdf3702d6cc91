package watch

import (
	"context"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// closedMargin is how much further back than the last answer of a source it is
// read which incidents were closed: clocks and commits of nodes differ.
const closedMargin = time.Minute

// read brings the book up to what the ledger has.
func (w *Watcher) read(ctx context.Context) error {
	news, err := w.Store.SourceNews(ctx, w.Name)
	if err != nil {
		return err
	}
	s := &w.state
	if s.mine {
		s.wanted = s.wanted || news.PokedAt.After(s.began)
	} else {
		w.Book.Failing(w.Name, news.FailedSince, news.Error)
	}
	if news.FetchedAt.After(s.held) {
		if err := w.readSnapshot(ctx, news); err != nil {
			return err
		}
	}
	return w.readClosed(ctx)
}

// readSnapshot takes what another node kept. Its body is read only if it says
// something else than what is in the book.
func (w *Watcher) readSnapshot(ctx context.Context, news access.SourceNews) error {
	s := &w.state
	same := !s.held.IsZero() && s.held.Equal(s.kept.FetchedAt) && !news.ChangedAt.After(s.held)
	if same {
		s.kept.FetchedAt, s.kept.Until = news.FetchedAt, news.Until
		w.Book.Confirm(w.Name, news.FetchedAt, news.Until)
		s.held = news.FetchedAt
		return nil
	}
	kept, found, err := w.Store.LastSnapshot(ctx, w.Name)
	if err != nil || !found {
		return err
	}
	w.Book.Put(kept)
	s.kept, s.held = kept, kept.FetchedAt
	return nil
}

// readClosed takes which incidents are closed since the source was asked.
func (w *Watcher) readClosed(ctx context.Context) error {
	if w.Kind != access.SourceIncidents {
		return nil
	}
	since := w.state.held
	if since.IsZero() {
		since = w.Now().Add(-w.StaleAfter)
	}
	closed, err := w.Store.ClosedIncidents(ctx, since.Add(-closedMargin))
	if err == nil {
		w.Book.Close(closed...)
	}
	return err
}
