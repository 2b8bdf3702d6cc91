package postgres

import (
	"context"
	"database/sql"
	"time"
)

const (
	sampleEvery  = time.Second
	firstSamples = 4
	probeTimeout = 2 * time.Second

	// After so many samples in a row without an answer, each on a connection of
	// its own, lines that have waited longer than lost are given up.
	missesToLose = 2
	lost         = 3 * time.Second
)

// Now is the server's clock.
func (db *DB) Now() time.Time { return db.clock.now().UTC().Truncate(time.Microsecond) }

// Uncertainty bounds how far Now is from the server's own clock.
func (db *DB) Uncertainty() time.Duration { return db.clock.uncertainty() }

// Skew is the server's clock minus the wall clock of this machine.
func (db *DB) Skew() time.Duration { return db.clock.now().Sub(time.Now().Round(0)) }

// watch samples the server's clock, and so knows when the server does not answer.
func (db *DB) watch(ctx context.Context) {
	defer close(db.ended)
	ticker := time.NewTicker(sampleEvery)
	defer ticker.Stop()
	misses := 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if db.sample(ctx, probeTimeout) == nil {
			misses = 0
			continue
		}
		if misses++; misses >= missesToLose {
			db.lines.cut(lost)
		}
	}
}

// sample asks the server what time it is.
func (db *DB) sample(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := db.timing.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	return db.ask(ctx, conn)
}

func (db *DB) ask(ctx context.Context, conn *sql.Conn) error {
	var micros int64
	began := db.clock.mono()
	err := conn.QueryRowContext(ctx, `SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)`).Scan(&micros)
	if err != nil {
		return err
	}
	half := (db.clock.mono() - began) / 2
	db.clock.take(sample{at: began + half, server: time.UnixMicro(micros), bound: half + time.Microsecond})
	return nil
}
