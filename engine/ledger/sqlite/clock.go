package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"time"
)

// clock is the ledger's time on SQLite: the process clock, which runs on from
// the high-water mark when the wall is set back, so that no deadline that has
// passed is ever ahead again.
type clock struct {
	mu   sync.Mutex
	seen time.Time // the process clock when last read
	at   time.Time // what was answered then
}

func newClock(ctx context.Context, db *sql.DB) (*clock, error) {
	c := &clock{seen: time.Now()}
	var tables int
	err := db.QueryRowContext(ctx, `SELECT COUNT(*) FROM sqlite_master WHERE name = 'clock'`).Scan(&tables)
	if err != nil {
		return nil, fmt.Errorf("read the file: %w", err)
	}
	if tables == 0 {
		return c, nil
	}
	var mark int64
	err = db.QueryRowContext(ctx, `SELECT high_water FROM clock WHERE id = 1`).Scan(&mark)
	c.at = time.UnixMicro(mark)
	return c, err
}

// now runs with the monotonic clock and follows the wall forward, never back.
func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := time.Now()
	at := c.at.Add(t.Sub(c.seen))
	if wall := t.Round(0); wall.After(at) {
		at = wall
	}
	c.seen, c.at = t, at
	return at.UTC().Truncate(time.Microsecond)
}

// persist records the time of a commit in it.
func (c *clock) persist(ctx context.Context, tx *sql.Tx) error {
	mark := c.now().UnixMicro()
	_, err := tx.ExecContext(ctx, `UPDATE clock SET high_water = $1 WHERE id = 1 AND high_water < $1`, mark)
	if err != nil && !hasClock(ctx, tx) {
		return nil // the first migration has not run yet
	}
	return err
}

func hasClock(ctx context.Context, tx *sql.Tx) bool {
	var n int
	err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM sqlite_master WHERE name = 'clock'`).Scan(&n)
	return err != nil || n > 0
}
