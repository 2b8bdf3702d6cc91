package lease

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

// remedies are, by the first word of a refusal, why a server that answers takes
// no writes.
var remedies = map[string]string{
	"OOM":        "it is full; give it more memory (maxmemory)",
	"MISCONF":    "it can not persist what it holds; its log says why",
	"NOREPLICAS": "too few replicas follow it (min-replicas-to-write)",
	"READONLY":   "it is a replica, or was made one",
	"NOPERM":     "its user may not write; grant it +@write on the keys of the prefix",
}

// refusedWrite is the word by which a write was refused; "" if it was not, or for
// something that is the matter of one command.
func refusedWrite(err error) string {
	if !isRefusal(err) {
		return ""
	}
	word, _, _ := strings.Cut(err.Error(), " ")
	if _, known := remedies[word]; !known {
		return ""
	}
	return word
}

// noteWrite notes what came of a write. A refusal is told by its word only: what
// follows is another text for each script.
func (r *Redis) noteWrite(n *node, err error) {
	n.refuses.Store(err != nil)
	if err == nil {
		r.notes.warn("writes "+n.addr, nil, "")
		return
	}
	word := refusedWrite(err)
	why := cmp.Or(remedies[word], plain(err).Error())
	r.notes.warn("writes "+n.addr, err, "Redis at %s answers and takes no writes (%s): %s. Until it does, the ledger is asked in its place "+
		"for what can not be written, and ends grants by its timer alone", n.addr, cmp.Or(word, "error"), why)
}

// inspectWrites tries whether writes are taken: now and then, because nobody may
// have written meanwhile, and soon where they were refused, because only a write
// tells that they are taken again.
func (m *monitor) inspectWrites(ctx context.Context) {
	pause := inspects
	if slices.ContainsFunc(m.nodes, func(n *node) bool { return n.refuses.Load() }) {
		pause = finds
	}
	l := m.live.Load()
	if l == nil || time.Since(m.wrote) < pause {
		return
	}
	m.wrote = time.Now()
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	m.tryWrites(ctx, l.keys)
}

// readOnly reports whether a master refuses writes.
func (l *life) readOnly() bool {
	return l != nil && slices.ContainsFunc(l.nodes, func(n *node) bool { return n.refuses.Load() })
}

// isRead reports whether the command writes nothing.
func (c command) isRead() bool { return c.script == nil && c.args[0] == "exists" }
