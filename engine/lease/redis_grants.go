package lease

import (
	"context"

	"github.com/curfew-access/curfew/engine/access"
)

// Hold expects the end of each grant at its time, instead of any expected before.
// One that is past is announced at once.
func (r *Redis) Hold(ctx context.Context, holds ...access.Hold) error {
	l := r.live.Load()
	if l == nil {
		return errNotConnected
	}
	commands := make([]command, len(holds))
	for i, h := range holds {
		commands[i] = on("set", l.keys.grant(h.GrantID), "1", "pxat", max(1, millisUp(h.Until)))
	}
	_, err := r.send(ctx, l, commands, false)
	return err
}

// Drop expects the grants' ends no longer.
func (r *Redis) Drop(ctx context.Context, grantIDs ...string) error {
	l := r.live.Load()
	if l == nil {
		return errNotConnected
	}
	commands := make([]command, len(grantIDs))
	for i, id := range grantIDs {
		commands[i] = on("del", l.keys.grant(id))
	}
	_, err := r.send(ctx, l, commands, false)
	return err
}

// Poke reads the grants' keys: Redis deletes one that is past its time when it is
// read, and announces that, and otherwise when it finds it, which can take
// minutes. An announcement comes if the keys are gone and somebody listens.
func (r *Redis) Poke(ctx context.Context, grantIDs ...string) (announced bool) {
	l := r.live.Load()
	if l == nil {
		return false
	}
	commands := make([]command, len(grantIDs))
	for i, id := range grantIDs {
		commands[i] = on("exists", l.keys.grant(id))
	}
	sent, err := r.send(ctx, l, commands, false)
	if err != nil {
		return false
	}
	for _, answer := range sent.answers {
		if there, err := answer.Int(); err != nil || there != 0 {
			return false // its clock is behind: not over yet
		}
	}
	return r.announced(l)
}
