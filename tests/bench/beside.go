package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// besideFigure is the same as a latenessFigure's Told by other means: as many
// live keys, due at the same rate, on the same Redis, right after.
type besideFigure struct {
	Name   string  `json:"name"`
	Late   tail    `json:"late"`
	Waited float64 `json:"waited_s"` // after the last was due; what is missing is later than that
	// P50Ratio and P99Ratio are these over Curfew's: at the least, where it has not
	// happened in time.
	P50Ratio float64 `json:"p50_ratio"`
	P99Ratio float64 `json:"p99_ratio"`
}

// The databases of the Redis that the contenders have to themselves: Curfew's is 0.
const (
	listenerDB = 1
	asynqDB    = 2
)

// beside measures the contenders. The gateway idles, so that nothing takes from
// them; its keys stay in their database.
func (s *stage) beside(ctx context.Context, sc *scene, live int) ([]besideFigure, error) {
	listener, err := s.listener(ctx, sc.redis.Addr, live)
	if err != nil {
		return nil, fmt.Errorf("keyspace listener: %w", err)
	}
	tasks, err := s.asynq(ctx, sc.redis.Addr, live)
	if err != nil {
		return nil, fmt.Errorf("asynq: %w", err)
	}
	return []besideFigure{
		{Name: "keyspace listener", Late: listener, Waited: s.opts.Wait.Seconds()},
		{Name: "asynq, delayed tasks", Late: tasks, Waited: s.opts.Wait.Seconds()},
	}, nil
}

// compare fills in the ratios.
func (f *latenessFigure) compare() {
	for i := range f.Beside {
		b := &f.Beside[i]
		b.P50Ratio, b.P99Ratio = b.Late.P50/f.Told.P50, b.Late.P99/f.Told.P99
	}
}

// listener is a plain listener for the end of keys: what a gateway would be that
// took the event for the clock.
func (s *stage) listener(ctx context.Context, addr string, live int) (tail, error) {
	client := redis.NewClient(&redis.Options{Addr: addr, DB: listenerDB, ReadTimeout: time.Minute, WriteTimeout: time.Minute})
	defer client.Close()
	s.say("keyspace listener: writing %d keys", live)
	if err := client.ConfigSet(ctx, "notify-keyspace-events", "Ex").Err(); err != nil {
		return tail{}, err
	}
	far := time.Now().Add(30 * 24 * time.Hour)
	if err := setKeys(ctx, client, "live", live, func(int) time.Time { return far }); err != nil {
		return tail{}, err
	}
	count := int(s.opts.Length.Seconds() * float64(s.opts.Rate))
	due := batch{Count: count, Base: time.Now().Add(2 * time.Second), Step: time.Second / time.Duration(s.opts.Rate)}
	sub := client.PSubscribe(ctx, fmt.Sprintf("__keyevent@%d__:expired", listenerDB))
	defer sub.Close()
	if _, err := sub.Receive(ctx); err != nil {
		return tail{}, err
	}
	if err := setKeys(ctx, client, "due", count, due.due); err != nil {
		return tail{}, err
	}
	return hear(ctx, sub.Channel(redis.WithChannelSize(count)), due, s.opts.Wait)
}

// hear collects the events until all came or the wait is over.
func hear(ctx context.Context, events <-chan *redis.Message, due batch, wait time.Duration) (tail, error) {
	var late []time.Duration
	end := time.After(time.Until(due.due(due.Count).Add(wait)))
	for len(late) < due.Count {
		select {
		case <-ctx.Done():
			return tail{}, ctx.Err()
		case <-end:
			return tailOf(late, due.Count-len(late), wait), nil
		case e := <-events:
			var n int
			if _, err := fmt.Sscanf(e.Payload, "due:%d", &n); err == nil {
				late = append(late, time.Since(due.due(n)))
			}
		}
	}
	return tailOf(late, 0, 0), nil
}

// setKeys writes keys that end, many at a time.
func setKeys(ctx context.Context, client *redis.Client, name string, count int, end func(int) time.Time) error {
	const page = 10_000
	for from := 0; from < count; from += page {
		pipe := client.Pipeline()
		for n := from; n < min(from+page, count); n++ {
			pipe.Do(ctx, "set", fmt.Sprintf("%s:%d", name, n), "1", "pxat", end(n).UnixMilli())
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// asynq runs the program beside, which is a module of its own, so that asynq is
// none of ours.
func (s *stage) asynq(ctx context.Context, addr string, live int) (tail, error) {
	program, err := s.asynqProgram(ctx)
	if err != nil {
		return tail{}, err
	}
	s.say("asynq: enqueuing %d tasks", live)
	cmd := exec.CommandContext(ctx, program, "-redis", addr, "-db", fmt.Sprint(asynqDB), "-live", fmt.Sprint(live),
		"-rate", fmt.Sprint(s.opts.Rate), "-length", s.opts.Length.String(), "-wait", s.opts.Wait.String())
	var said strings.Builder
	cmd.Stderr = &said
	raw, err := cmd.Output()
	if err != nil {
		return tail{}, fmt.Errorf("%w: %s", err, said.String())
	}
	var found struct {
		Late    []time.Duration // nanoseconds
		Missing int
	}
	if err := json.Unmarshal(raw, &found); err != nil {
		return tail{}, err
	}
	return tailOf(found.Late, found.Missing, s.opts.Wait), nil
}

func (s *stage) asynqProgram(ctx context.Context) (string, error) {
	program := filepath.Join(s.dir, "asynq")
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-C", s.opts.Asynq, "-o", program, ".")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", errors.Join(err, errors.New(string(out)))
	}
	return program, nil
}

// besideTable sets Curfew beside the others.
func besideTable(figures []latenessFigure) table {
	t := table{
		title: "The same by other means on the same Redis: lateness in ms, and how many times Curfew's that is",
		head:  []string{"live", "", "p50", "p99", "max", "in time", "p50 ratio", "p99 ratio"},
	}
	for _, f := range figures {
		if len(f.Beside) == 0 {
			continue
		}
		t.row(fmt.Sprint(f.Live), "curfew on "+f.Ledger, f.Told.ms(0.5), f.Told.ms(0.99), f.Told.ms(1), "100 %", "1", "1")
		for _, b := range f.Beside {
			inTime := 100 * float64(b.Late.N) / float64(b.Late.N+b.Late.Missing)
			t.row(fmt.Sprint(f.Live), b.Name, b.Late.ms(0.5), b.Late.ms(0.99), b.Late.ms(1), fmt.Sprintf("%.1f %% (within %.0f s)", inTime, b.Waited),
				b.times(0.5, b.P50Ratio), b.times(0.99, b.P99Ratio))
		}
	}
	return t
}

// times renders a ratio.
func (f besideFigure) times(q, ratio float64) string {
	over := ""
	if f.Late.open(q) {
		over = "over "
	}
	return fmt.Sprintf("%s%.0f", over, ratio)
}
