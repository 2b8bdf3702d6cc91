package lease

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// waits is how long a change waits for a replica to have it.
	waits = 200 * time.Millisecond
	// pipelined is how many commands are under way at once.
	pipelined = 500
)

var (
	errNotConnected = errors.New("redis is not connected, or not in the ledger's epoch")
	errNoMaster     = errors.New("no master has the key's slot")
)

// command is a command on one key.
type command struct {
	key    string
	args   []any   // the whole command; for a script what follows the key
	script *script // nil: none
}

// on is a command by name with what follows the key.
func on(name, key string, args ...any) command {
	return command{key: key, args: append([]any{name, key}, args...)}
}

// run is a command that runs a script.
func run(script *script, key string, args ...any) command {
	return command{key: key, args: args, script: script}
}

// words is the command as it is sent. whole sends a script's text, which the
// server then keeps, in place of its digest.
func (c command) words(whole bool) []any {
	switch {
	case c.script == nil:
		return c.args
	case whole:
		return append([]any{"eval", c.script.text, 1, c.key}, c.args...)
	}
	return append([]any{"evalsha", c.script.digest, 1, c.key}, c.args...)
}

// sent is what came of commands.
type sent struct {
	answers []*redis.Cmd // in the order of the commands
	acked   bool         // a replica has each change, if that was waited for
}

// send sends each command to the master that has its key, many at a time. The
// error is the first of any; answers of a nil value are none.
func (r *Redis) send(ctx context.Context, l *life, commands []command, ack bool) (sent, error) {
	out := sent{answers: make([]*redis.Cmd, len(commands)), acked: true}
	by := map[*node][]int{}
	for i, c := range commands {
		n := l.node(c.key)
		if n == nil {
			r.doubt.Store(true)
			return out, errNoMaster
		}
		by[n] = append(by[n], i)
	}
	for n, which := range by {
		for len(which) > 0 {
			some := which[:min(pipelined, len(which))]
			which = which[len(some):]
			if err := r.sendTo(ctx, n, commands, some, &out, ack && n.replicas() > 0, false); err != nil {
				r.blame(ctx, l, err)
				return out, fmt.Errorf("redis at %s: %w", n.addr, plain(err))
			}
		}
	}
	return out, nil
}

// sendTo sends some of the commands to their master, as one pipeline on one
// connection: what WAIT waits for is what was written on the same.
func (r *Redis) sendTo(ctx context.Context, n *node, commands []command, some []int, out *sent, ack, whole bool) error {
	pipe := n.client.Pipeline()
	for _, i := range some {
		out.answers[i] = pipe.Do(ctx, commands[i].words(whole)...)
	}
	var acks *redis.Cmd
	if ack {
		acks = pipe.Do(ctx, "wait", 1, waits.Milliseconds())
	}
	if err := exec(ctx, pipe); err != nil {
		return err
	}
	var unknown []int
	for _, i := range some {
		err := out.answers[i].Err()
		switch {
		case err == nil, errors.Is(err, redis.Nil):
		case redis.HasErrorPrefix(err, "NOSCRIPT") && !whole:
			unknown = append(unknown, i)
		default:
			if refusedWrite(err) != "" && !commands[i].isRead() {
				r.noteWrite(n, err)
			}
			return err
		}
	}
	if len(unknown) > 0 {
		return r.sendTo(ctx, n, commands, unknown, out, ack, true)
	}
	if acks != nil {
		if n, err := acks.Int(); err != nil || n == 0 {
			out.acked = false
		}
	}
	return nil
}

// exec sends what is in the pipe. Each command has its own error afterwards; the
// one returned is of a connection that did not come about because the server
// refused it, of which the library tells the commands nothing.
func exec(ctx context.Context, pipe redis.Pipeliner) error {
	commands, err := pipe.Exec(ctx)
	if slices.ContainsFunc(commands, func(c redis.Cmder) bool { return c.Err() != nil }) {
		return nil
	}
	return err
}

// blame opens the circuit for an error that says that the connection, or the
// server, is not what it was. The caller's own haste is no such error.
func (r *Redis) blame(ctx context.Context, l *life, err error) {
	var refusal redis.Error
	switch {
	case err == nil, errors.Is(err, redis.Nil), ctx.Err() != nil, errors.Is(err, redis.ErrPoolTimeout):
	case !errors.As(err, &refusal):
		r.lose(l)
	case redis.HasErrorPrefix(err, "MOVED"), redis.HasErrorPrefix(err, "ASK"):
		r.doubt.Store(true)
		r.signal()
	default:
		for _, word := range []string{"LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "NOAUTH", "WRONGPASS"} {
			if strings.HasPrefix(err.Error(), word) {
				r.lose(l)
			}
		}
	}
}
