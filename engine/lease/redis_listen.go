package lease

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// quiet is how long a subscription may be silent before it is asked whether it
	// is there, and answers how long it may take to answer. Together with the time
	// of a connection they stay under three seconds.
	quiet   = 800 * time.Millisecond
	answers = time.Second
	// echoes is how often a listener has an end announced to itself, echoesSoon how
	// often while none is heard, echoLife for how long it believes that ends are
	// announced after it heard one, and mute after how long without one it is said.
	echoes     = 10 * time.Second
	echoesSoon = 500 * time.Millisecond
	echoLife   = 25 * time.Second
	mute       = 5 * time.Second
	// relisten is how long to wait before a subscription is tried again.
	relisten = 100 * time.Millisecond
)

// announces reports whether ends are heard.
func (n *node) announces() bool {
	return n.heard.Load() && time.Since(time.UnixMilli(n.echoed.Load())) < echoLife
}

// ear is one subscription on one master.
type ear struct {
	*Redis
	node   *node
	pubsub *redis.PubSub
	began  time.Time
	token  string    // of the key whose end it has announced to itself
	echoed time.Time // when it asked for that last
	asked  bool      // for a pong
}

// listen subscribes again and again until ctx ends.
func (m *monitor) listen(ctx context.Context, n *node) {
	pattern := true
	for ctx.Err() == nil {
		wait := relisten
		err := m.hear(ctx, n, pattern)
		n.heard.Store(false)
		switch {
		case ctx.Err() != nil:
			return
		case redis.HasErrorPrefix(err, "NOPERM"):
			if !pattern { // neither by the one nor by the other
				wait = inspects
				m.notes.warn("subscription", err, "Redis does not let this user subscribe to %s, so that ends are not announced; grant it "+
					"with: ACL SETUSER <user> +psubscribe +subscribe +ping '&%s'", m.channel(true), m.channel(true))
			}
			pattern = !pattern
		default:
			m.signal()
		}
		if !pause(ctx, wait) {
			return
		}
	}
}

// channel is what is subscribed to. An ACL's pattern allows a pattern only if it
// is the same to the letter; by the channel of the one database it may allow more.
func (r *Redis) channel(pattern bool) string {
	if pattern {
		return "__keyevent@*__:expired"
	}
	return "__keyevent@" + strconv.Itoa(r.cfg.URL.DB) + "__:expired"
}

// hear holds one subscription until it fails.
func (m *monitor) hear(ctx context.Context, n *node, pattern bool) error {
	e := &ear{Redis: m.Redis, node: n, began: time.Now(), token: newNonce()}
	if pattern {
		e.pubsub = n.client.PSubscribe(ctx)
	} else {
		e.pubsub = n.client.Subscribe(ctx)
	}
	defer func() { _ = e.pubsub.Close() }()
	// Reading does not go by ctx: closing ends it.
	defer context.AfterFunc(ctx, func() { _ = e.pubsub.Close() })()
	if err := e.subscribe(ctx, pattern); err != nil {
		return err
	}
	n.heard.Store(true)
	m.notes.warn("subscription", nil, "")
	m.events.Connected()
	for {
		if err := e.next(ctx); err != nil {
			return err
		}
	}
}

func (e *ear) subscribe(ctx context.Context, pattern bool) error {
	asking, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	var err error
	if pattern {
		err = e.pubsub.PSubscribe(asking, e.channel(true))
	} else {
		err = e.pubsub.Subscribe(asking, e.channel(false))
	}
	if err != nil {
		return err
	}
	answer, err := e.pubsub.ReceiveTimeout(ctx, answers)
	if err != nil {
		return err
	}
	if _, ok := answer.(*redis.Subscription); !ok {
		return fmt.Errorf("a subscription is answered by %T", answer)
	}
	return nil
}

// next hears one message, or the silence in which there is none.
func (e *ear) next(ctx context.Context) error {
	limit := quiet
	switch {
	case time.Since(e.echoed) > echoes, !e.node.announces() && time.Since(e.echoed) > echoesSoon:
		e.echo(ctx)
	case e.asked:
		limit = answers
	}
	message, err := e.pubsub.ReceiveTimeout(ctx, limit)
	var silence net.Error
	switch {
	case errors.As(err, &silence) && silence.Timeout() && !e.asked:
		e.asked = true
		return e.pubsub.Ping(ctx)
	case err != nil:
		return err
	}
	e.asked = false // whatever it said, it is there
	if m, ok := message.(*redis.Message); ok {
		e.take(m)
	}
	return nil
}

// take passes on the end of a grant of ours. Anybody may have sent it.
func (e *ear) take(m *redis.Message) {
	l := e.adopted.Load()
	if m.Channel != e.channel(false) || l == nil {
		return
	}
	if trimTag(m.Payload) == l.keys.echo(e.token) {
		e.node.echoed.Store(time.Now().UnixMilli())
		e.notes.warn("silence "+e.node.addr, nil, "")
		e.notes.fact("announced "+e.node.addr, "ends are announced at %s, and heard", e.node.addr)
		return
	}
	if id, ok := l.keys.grantOf(m.Payload); ok {
		e.events.Expired(id)
	}
}

// echo has an end announced to this listener, which tells more than a setting
// that may not be asked for. The key is over when it is written, and is read.
func (e *ear) echo(ctx context.Context) {
	l := e.adopted.Load()
	if l == nil {
		return
	}
	if time.Since(e.began) > mute && !e.node.announces() {
		e.notes.forget("announced " + e.node.addr)
		e.notes.warn("silence "+e.node.addr, errSilent, "Redis announces no ends: set notify-keyspace-events to Ex at %s. "+
			"A managed Redis has that as a parameter (ElastiCache and MemoryDB: a parameter group; Azure and Google: a setting of the instance). "+
			"Until then grants end by the ledger's timer alone", e.node.addr)
	}
	e.echoed = time.Now()
	pipe := e.node.client.Pipeline()
	key := l.keys.echo(e.token)
	if l.cluster {
		key = l.keys.echo(e.token) + "{" + l.tagOf(e.node) + "}"
	}
	pipe.Do(ctx, "set", key, "1", "pxat", 1)
	pipe.Exists(ctx, key)
	_, _ = pipe.Exec(ctx) // not heard is not heard
}

var errSilent = errors.New("no end was announced")

// trimTag is the name of a key without its hash tag.
func trimTag(name string) string {
	name, _, _ = strings.Cut(name, "{")
	return name
}
