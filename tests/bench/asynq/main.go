// Command asynq measures how late delayed tasks of hibiken/asynq are handled, at
// its defaults, and writes the figures as JSON. It is a module of its own, so that
// asynq is none of Curfew's; tests/bench runs it beside Curfew on the same Redis.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/hibiken/asynq"
)

type options struct {
	redis       string
	db          int
	live, rate  int
	length      time.Duration
	wait        time.Duration
	concurrency int
}

// found is what is written: how late each task was handled, in nanoseconds, and
// how many were not while it was waited for them.
type found struct {
	Late    []time.Duration
	Missing int
}

func main() {
	var o options
	flag.StringVar(&o.redis, "redis", "127.0.0.1:6379", "where Redis is")
	flag.IntVar(&o.db, "db", 0, "which database of it")
	flag.IntVar(&o.live, "live", 1000, "how many other tasks are scheduled, for much later")
	flag.IntVar(&o.rate, "rate", 200, "how many tasks are due in a second")
	flag.DurationVar(&o.length, "length", 30*time.Second, "for how long they are due")
	flag.DurationVar(&o.wait, "wait", time.Minute, "how long after that is waited for what is late")
	flag.IntVar(&o.concurrency, "concurrency", 0, "how many are handled at once; 0 for asynq's default")
	flag.Parse()
	f, err := measure(o)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(f)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "asynq:", err)
		os.Exit(1)
	}
}

const kind = "end"

func measure(o options) (f found, err error) {
	where := asynq.RedisClientOpt{Addr: o.redis, DB: o.db}
	client := asynq.NewClient(where)
	defer func() { err = errors.Join(err, client.Close()) }()
	far := time.Now().Add(30 * 24 * time.Hour)
	if err := enqueue(client, "live", o.live, func(int) time.Time { return far }); err != nil {
		return f, err
	}
	count := int(o.length.Seconds() * float64(o.rate))
	step := time.Second / time.Duration(o.rate)
	base := time.Now().Add(2*time.Second + time.Duration(count)*200*time.Microsecond)
	due := func(n int) time.Time { return base.Add(time.Duration(n) * step) }
	if err := enqueue(client, "due", count, due); err != nil {
		return f, err
	}
	s := &sink{due: due, count: count, all: make(chan struct{})}
	server := asynq.NewServer(where, asynq.Config{Concurrency: o.concurrency, LogLevel: asynq.FatalLevel, Logger: silent{log.New(io.Discard, "", 0)}})
	if err := server.Start(asynq.HandlerFunc(s.handle)); err != nil {
		return f, err
	}
	select {
	case <-s.all:
	case <-time.After(time.Until(due(count).Add(o.wait))):
	}
	s.mu.Lock()
	f = found{Late: s.late, Missing: count - len(s.late)}
	s.mu.Unlock()
	server.Shutdown()
	return f, nil
}

// enqueue schedules tasks from many callers at once: asynq has no way to hand over
// several.
func enqueue(client *asynq.Client, name string, count int, at func(int) time.Time) error {
	const callers = 64
	faults := make([]error, callers)
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			for n := i; n < count && faults[i] == nil; n += callers {
				task := asynq.NewTask(kind, []byte(strconv.Itoa(n)))
				_, faults[i] = client.Enqueue(task, asynq.TaskID(name+strconv.Itoa(n)), asynq.ProcessAt(at(n)))
			}
		})
	}
	group.Wait()
	return errors.Join(faults...)
}

// sink handles tasks and notes how late.
type sink struct {
	due   func(int) time.Time
	count int
	all   chan struct{}

	mu   sync.Mutex
	late []time.Duration
}

func (s *sink) handle(_ context.Context, t *asynq.Task) error {
	now := time.Now()
	n, err := strconv.Atoi(string(t.Payload()))
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.late = append(s.late, now.Sub(s.due(n))); len(s.late) == s.count {
		close(s.all)
	}
	return nil
}

// silent logs nothing.
type silent struct{ *log.Logger }

func (silent) Debug(...any) {}
func (silent) Info(...any)  {}
func (silent) Warn(...any)  {}
func (silent) Error(...any) {}
func (silent) Fatal(...any) {}
