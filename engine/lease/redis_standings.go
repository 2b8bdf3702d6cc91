package lease

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// Stand writes standings, each unless a newer one is there. nil says that every
// node sees them at its next check; access.ErrPropagating that they are written
// and that this is not certain.
func (r *Redis) Stand(ctx context.Context, standings ...access.Standing) error {
	l := r.live.Load()
	if l == nil {
		return errNotConnected
	}
	if len(standings) == 0 {
		return nil
	}
	commands := make([]command, len(standings))
	for i, s := range standings {
		if !l.takes(s) {
			return fmt.Errorf("the ledger was read in another epoch: %w", access.ErrPropagating)
		}
		commands[i] = stand(l, s, false)
	}
	sent, err := r.send(ctx, l, commands, r.replicated.Load())
	switch {
	case err != nil:
		return err
	case !sent.acked:
		return fmt.Errorf("no replica has it: %w", access.ErrPropagating)
	case time.Now().Before(l.settled):
		return fmt.Errorf("the epoch is new: %w", access.ErrPropagating)
	}
	return r.confirm(ctx, l)
}

// takes reports whether the standing was read from the ledger in this epoch. One
// that is older may be older than what another node has written here.
func (l *life) takes(s access.Standing) bool { return s.Epoch == 0 || s.Epoch == l.number }

var errOtherEpoch = errors.New("the ledger was read in another epoch of the lease")

// Epoch numbers the life of what is held; -1 while there is none.
func (r *Redis) Epoch() int64 {
	if l := r.live.Load(); l != nil {
		return l.number
	}
	return -1 // no epoch that there will be
}

// KeyOf is the key of a standing in this epoch.
func (r *Redis) KeyOf(x access.Entitled) string {
	if l := r.live.Load(); l != nil {
		return l.keys.standing(x)
	}
	return ""
}

// confirm reports whether the ledger is still in the epoch. Where a replica may
// have become the master meanwhile, what was written might be in a life that is
// over: if the ledger has begun no other since, then whoever builds one up will
// read the ledger after this, and so as it is now.
func (r *Redis) confirm(ctx context.Context, l *life) error {
	if !r.replicated.Load() {
		return nil
	}
	epoch, err := r.readEpoch(ctx)
	if err != nil {
		return fmt.Errorf("%w: the ledger's epoch can not be read: %w", access.ErrPropagating, err)
	}
	if !l.is(epoch) {
		return fmt.Errorf("another epoch has begun: %w", access.ErrPropagating)
	}
	return nil
}

// stand is the command that writes a standing. mending leaves one that need not
// be there missing.
func stand(l *life, s access.Standing, mending bool) command {
	leave := "0"
	if mending {
		leave = "1"
	}
	return run(standScript, l.keys.standing(s.Entitled), s.Version, encode(s), millisUp(keptUntil(s)), leave, linger.Milliseconds())
}

// Standing returns what is held of the subject, action and resource. It is not
// known when there is no key, when Redis does not answer in time, when the epoch
// is over or may be, and when the value is not one of ours.
func (r *Redis) Standing(ctx context.Context, x access.Entitled) (s access.Standing, known bool) {
	l := r.live.Load()
	if l == nil || !r.current() {
		return s, false
	}
	key := l.keys.standing(x)
	n := l.node(key)
	if n == nil {
		return s, false
	}
	asking, cancel := context.WithTimeout(ctx, r.cfg.Timeout)
	defer cancel()
	sentinel, value, err := r.read(asking, l, n, key)
	if err != nil {
		r.blame(ctx, l, err)
		return s, false
	}
	if sentinel != l.nonce {
		r.lose(l) // the server has lost its keys
		return s, false
	}
	return decode(x, value)
}

// current reports whether the epoch can be the ledger's still. A server alone can
// tell by itself that it lost its keys; one with replicas may not know that
// another has taken its place.
func (r *Redis) current() bool {
	if !r.replicated.Load() {
		return true
	}
	_, asked := r.ledger.read()
	return time.Since(asked) < fresh
}

// read reads a key with its master's sentinel: at one moment, so that a key that
// was written after all keys were lost is never taken for one of before.
func (r *Redis) read(ctx context.Context, l *life, n *node, key string) (sentinel, value string, err error) {
	if l.cluster {
		return r.readApart(ctx, l, n, key)
	}
	both, err := n.client.MGet(ctx, l.keys.sentinel(l.masters[0].tag), key).Result()
	if err == nil && len(both) == 2 {
		sentinel, _ = both[0].(string)
		value, _ = both[1].(string)
	}
	return sentinel, value, err
}

// readApart reads the two one after the other, the sentinel first, because in a
// Cluster no command may name keys of two slots.
func (r *Redis) readApart(ctx context.Context, l *life, n *node, key string) (sentinel, value string, err error) {
	pipe := n.client.Pipeline()
	first, second := pipe.Get(ctx, l.keys.sentinel(l.tagOf(n))), pipe.Get(ctx, key)
	err = exec(ctx, pipe)
	err = cmp.Or(err, unlessNil(first.Err()), unlessNil(second.Err()))
	return first.Val(), second.Val(), err
}

// tagOf is the tag of the node's sentinel.
func (l *life) tagOf(n *node) string {
	for i := range l.nodes {
		if l.nodes[i] == n {
			return l.masters[i].tag
		}
	}
	return ""
}

// Mend puts right what is missing or wrong. A grant that is about to end is left
// alone: a key that is past its time is announced as soon as it is written.
func (r *Redis) Mend(ctx context.Context, holds []access.Hold, standings []access.Standing) (mended access.Mended, ahead []access.Ahead, err error) {
	l := r.live.Load()
	if l == nil {
		return mended, nil, errNotConnected
	}
	var commands []command
	soon := r.cfg.Now().Add(time.Second + r.Skew().Abs())
	for _, h := range holds {
		switch key := l.keys.grant(h.GrantID); {
		case h.Until.IsZero():
			commands = append(commands, on("del", key))
		case h.Until.After(soon):
			commands = append(commands, run(holdScript, key, millisUp(h.Until)))
		}
	}
	grants := len(commands)
	for _, s := range standings {
		if !l.takes(s) {
			return mended, nil, errOtherEpoch
		}
		commands = append(commands, stand(l, s, true))
	}
	sent, err := r.send(ctx, l, commands, false)
	if err != nil {
		return mended, nil, err
	}
	for i, answer := range sent.answers {
		text := fmt.Sprint(answer.Val())
		switch text {
		case "m":
			mended.Missing++
		case "w":
			mended.Wrong++
		case "=", "0":
		case "1":
			mended.Extra++
		default:
			ahead = append(ahead, aheadOf(standings[i-grants].Entitled, text))
		}
	}
	return mended, ahead, nil
}

func aheadOf(x access.Entitled, seen string) access.Ahead {
	s, _ := decode(x, seen)
	return access.Ahead{Entitled: x, BindingID: s.BindingID, Version: s.Version, Seen: seen}
}

// Force replaces standings that nobody of ours can have written, each only as it
// was seen.
func (r *Redis) Force(ctx context.Context, seen []access.Ahead, right []access.Standing) (n int, err error) {
	l := r.live.Load()
	if l == nil {
		return 0, errNotConnected
	}
	var commands []command
	for _, s := range right {
		if was := seenOf(seen, s.Entitled); was != nil {
			commands = append(commands, run(forceScript, l.keys.standing(s.Entitled),
				was.Seen, encode(s), strconv.FormatInt(millisUp(keptUntil(s)), 10), linger.Milliseconds()))
		}
	}
	sent, err := r.send(ctx, l, commands, r.replicated.Load())
	if err != nil {
		return 0, err
	}
	for _, answer := range sent.answers {
		replaced, _ := answer.Int()
		n += replaced
	}
	return n, nil
}
