package lease

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/curfew-access/curfew/engine/access"
)

// scanned is about how many keys the server walks over for one page.
const scanned = 500

func unlessNil(err error) error {
	if errors.Is(err, redis.Nil) {
		return nil
	}
	return err
}

// Page lists some of what is held: what is held throughout is on some page, and
// may be on several. A cursor is good in its epoch only.
func (r *Redis) Page(ctx context.Context, cursor string) (page access.LeasePage, err error) {
	l := r.live.Load()
	if l == nil {
		return page, errNotConnected
	}
	at, from, err := l.place(cursor)
	if err != nil {
		return page, err
	}
	n := l.nodes[at]
	names, next, err := n.client.Scan(ctx, from, l.keys.epoch+"*", scanned).Result()
	if err == nil {
		err = r.sort(ctx, l, n, names, &page)
	}
	if err != nil {
		r.blame(ctx, l, err)
		return page, fmt.Errorf("redis at %s: %w", n.addr, plain(err))
	}
	if next == 0 {
		at++
	}
	if at < len(l.nodes) {
		page.Next = fmt.Sprintf("%d:%d:%d", l.number, at, next)
	}
	return page, nil
}

// place is which master a cursor is at, and where there.
func (l *life) place(cursor string) (at int, from uint64, err error) {
	if cursor == "" {
		return 0, 0, nil
	}
	parts := strings.Split(cursor, ":")
	if len(parts) != 3 || parts[0] != strconv.FormatInt(l.number, 10) {
		return 0, 0, errCursor
	}
	at, errAt := strconv.Atoi(parts[1])
	from, errFrom := strconv.ParseUint(parts[2], 10, 64)
	if errAt != nil || errFrom != nil || at < 0 || at >= len(l.nodes) {
		return 0, 0, errCursor
	}
	return at, from, nil
}

// sort puts keys by their names where they belong, and reads what standings hold.
func (r *Redis) sort(ctx context.Context, l *life, n *node, names []string, page *access.LeasePage) error {
	pipe := n.client.Pipeline()
	var standings []string
	var values []*redis.StringCmd
	for _, name := range names {
		id, grant := l.keys.grantOf(name)
		switch {
		case grant:
			page.Grants = append(page.Grants, id)
		case l.keys.isStanding(name):
			standings, values = append(standings, name), append(values, pipe.Get(ctx, name))
		case !l.keys.isOwn(name):
			page.Unknown = append(page.Unknown, name)
		}
	}
	if len(standings) == 0 {
		return nil
	}
	if err := exec(ctx, pipe); err != nil {
		return err
	}
	for i, value := range values {
		s, ok := decode(access.Entitled{}, value.Val())
		switch err := value.Err(); {
		case errors.Is(err, redis.Nil): // it ended meanwhile
		case redis.HasErrorPrefix(err, "WRONGTYPE"), err == nil && !ok:
			page.Unknown = append(page.Unknown, standings[i])
		case err != nil:
			return err
		default:
			page.Bindings, page.Keys = append(page.Bindings, s.BindingID), append(page.Keys, standings[i])
		}
	}
	return nil
}

// DropUnknown deletes keys that nobody of ours wrote. What is not in our epoch
// is not ours to delete.
func (r *Redis) DropUnknown(ctx context.Context, names ...string) error {
	l := r.live.Load()
	if l == nil {
		return errNotConnected
	}
	var commands []command
	for _, name := range names {
		if strings.HasPrefix(name, l.keys.epoch) && !l.keys.isOwn(name) {
			commands = append(commands, on("unlink", name))
		}
	}
	_, err := r.send(ctx, l, commands, false)
	return err
}

const (
	// sweepPause leaves the server to others between two pages of a sweep, and
	// sweepRetry leaves it time when it does not answer.
	sweepPause = 10 * time.Millisecond
	sweepRetry = time.Second
)

// sweepOld deletes, little by little, what is left of earlier epochs. The node
// that began the epoch does it; what it leaves undone has a time to live.
func (m *monitor) sweepOld(ctx context.Context, l *life) {
	if m.mine != l.nonce {
		return
	}
	m.work.Go(func() {
		for _, n := range l.nodes {
			m.sweepNode(ctx, l, n)
		}
	})
}

// sweepNode ends with the last key, or with the epoch: a server that does not
// answer, or is not live for a while, is waited for.
func (m *monitor) sweepNode(ctx context.Context, l *life, n *node) {
	var cursor uint64
	for m.adopted.Load().same(l) {
		wait := sweepRetry
		if m.live.Load() != nil {
			if next, err := l.sweepPage(ctx, n, cursor); err == nil {
				cursor, wait = next, sweepPause
				if cursor == 0 {
					return
				}
			}
		}
		if !pause(ctx, wait) {
			return
		}
	}
}

// sweepPage deletes what is of an earlier epoch on one page.
func (l *life) sweepPage(ctx context.Context, n *node, cursor uint64) (next uint64, err error) {
	names, next, err := n.client.Scan(ctx, cursor, l.keys.prefix+"*", scanned).Result()
	if err != nil {
		return 0, err
	}
	pipe := n.client.Pipeline()
	for _, name := range names {
		if epoch, ok := l.keys.epochOf(name); ok && epoch < l.number {
			pipe.Unlink(ctx, name)
		}
	}
	if pipe.Len() > 0 {
		_, err = pipe.Exec(ctx)
	}
	return next, err
}

// pause sleeps unless ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
