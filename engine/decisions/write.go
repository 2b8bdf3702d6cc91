package decisions

import (
	"context"
	"sync"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/trouble"
)

// How the loop writes: once a second, or when a batch is full, a few chunks in
// one transaction, each try bounded. After a failure it waits ever longer.
const (
	writeEvery = time.Second
	writeMost  = 16 // chunks of one transaction
	writeUntil = 10 * time.Second
	tellEvery  = time.Minute
	lastWords  = 5 * time.Second // what a stop waits for the store
)

var retries = trouble.Backoff{First: time.Second, Cap: 30 * time.Second}

// Run writes what is recorded until ctx ends, and then what is left.
func (l *Log) Run(ctx context.Context) error {
	var loops sync.WaitGroup
	loops.Go(func() { l.forgetLoop(ctx) })
	defer loops.Wait()
	tick := time.NewTicker(writeEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			l.buffer.seal()
		case <-l.wake:
		case <-ctx.Done():
			l.end(ctx)
			return nil
		}
		l.turn(ctx)
	}
}

// turn writes what is full, unless the store was away a moment ago, and tells
// what was dropped.
func (l *Log) turn(ctx context.Context) {
	l.pack()
	if time.Now().Before(l.retryAt) {
		return
	}
	ctx = context.WithoutCancel(ctx) // a stop does not cut a write off: it has its time
	if err := l.write(ctx); err != nil {
		l.failed("the decision log could not be written; trying again", err)
		return
	}
	if time.Since(l.toldAt) >= tellEvery {
		if err := l.tell(ctx); err != nil {
			l.failed("that decisions were dropped could not be written to the audit log; trying again", err)
			return
		}
	}
	l.failures = 0
}

// failed puts the next try off.
func (l *Log) failed(what string, err error) {
	l.failures++
	l.retryAt = time.Now().Add(retries.After(l.failures, false))
	l.unwritten.Failed(l.log, what, err)
}

// pack compresses what is full, also while the store is away: the buffer holds
// several times as much then.
func (l *Log) pack() {
	for {
		b, ok := l.buffer.take()
		if !ok {
			return
		}
		chunk := l.packer.pack(b)
		l.buffer.packed(b, len(chunk.Body))
		l.waiting = append(l.waiting, chunk)
	}
}

// write stores what waits, oldest first.
func (l *Log) write(ctx context.Context) error {
	for len(l.waiting) > 0 {
		some := l.waiting[:min(len(l.waiting), writeMost)]
		if err := l.put(ctx, some); err != nil {
			return err
		}
		size := 0
		for _, c := range some {
			size += len(c.Body)
		}
		l.buffer.written(size)
		l.waiting = l.waiting[len(some):]
		l.pack()
	}
	l.waiting = nil
	return nil
}

func (l *Log) put(ctx context.Context, chunks []access.DecisionChunk) error {
	ctx, cancel := context.WithTimeout(ctx, writeUntil)
	defer cancel()
	return l.store.PutDecisionChunks(ctx, chunks...)
}

// tell writes to the audit log how many decisions were dropped since it was last
// told.
func (l *Log) tell(ctx context.Context) error {
	dropped, since := l.buffer.lost()
	if dropped == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, writeUntil)
	defer cancel()
	if err := l.store.TellDecisionsDropped(ctx, l.packer.node, dropped, since); err != nil {
		return err
	}
	l.buffer.told(dropped, l.now())
	l.toldAt = time.Now()
	l.log.Warn("decisions were dropped: the decision log's buffer was full", "dropped", dropped, "since", since)
	return nil
}

// end writes what is left, in a bounded time.
func (l *Log) end(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	l.buffer.seal()
	l.pack()
	err := l.write(ctx)
	if err != nil {
		var lost int64
		for _, c := range l.waiting {
			lost += int64(c.Count)
		}
		l.log.Error("decisions are lost: they could not be written before the end", "decisions", lost, "error", err)
		return
	}
	if err := l.tell(ctx); err != nil {
		l.log.Error("that decisions were dropped is not in the audit log", "error", err)
	}
}

// How chunks are forgotten: once an hour, in small batches, so that
// nothing waits long for them.
const (
	forgetFirst = time.Minute
	forgetEvery = time.Hour
	forgetBatch = 100
)

// forgetLoop drops what is older than it is to be kept.
func (l *Log) forgetLoop(ctx context.Context) {
	timer := time.NewTimer(forgetFirst)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if err := l.forget(ctx); err != nil && ctx.Err() == nil {
			l.unkept.Failed(l.log, "old decisions were not dropped; trying again in an hour", err)
		}
		timer.Reset(forgetEvery)
	}
}

func (l *Log) forget(ctx context.Context) error {
	before := l.now().Add(-l.keep)
	for {
		n, err := l.store.ForgetDecisionChunks(ctx, l.packer.node, before, forgetBatch)
		if err != nil || n < forgetBatch {
			return err
		}
	}
}
