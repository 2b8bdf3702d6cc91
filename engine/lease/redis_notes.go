package lease

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// relogs is how soon a topic may be logged again with another text.
const relogs = 10 * time.Second

// notes are what operators should know. Each is logged when it is new.
type notes struct {
	log *slog.Logger

	mu     sync.Mutex
	warned map[string]string // by topic
	logged map[string]entry  // by topic
	found  map[string]string
}

// entry is the last warning on a topic that was logged; its text is "" once the
// fault was mended.
type entry struct {
	text string
	at   time.Time
}

// warn notes a warning on the topic if there is a fault, and none if there is
// not. It is logged when it says something else than what was logged last, or the
// fault was mended in between; and not more often than once in a while.
func (n *notes) warn(topic string, fault error, format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if fault == nil {
		n.mended(topic)
		return
	}
	if n.warned == nil {
		n.warned, n.logged = map[string]string{}, map[string]entry{}
	}
	text := fmt.Sprintf(format, args...)
	n.warned[topic] = text
	last := n.logged[topic]
	if text != last.text && time.Since(last.at) >= relogs {
		n.logged[topic] = entry{text, time.Now()}
		n.log.Warn(text)
	}
}

// mended is called with the lock held.
func (n *notes) mended(topic string) {
	if _, known := n.warned[topic]; known {
		delete(n.warned, topic)
		n.logged[topic] = entry{at: n.logged[topic].at}
	}
}

// leave forgets what is known of a server: topics of one end with its address.
func (n *notes) leave(addr string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for topic := range n.warned {
		if strings.HasSuffix(topic, " "+addr) {
			n.mended(topic)
		}
	}
	maps.DeleteFunc(n.found, func(topic, _ string) bool { return strings.HasSuffix(topic, " "+addr) })
}

// fact notes what was found on a topic.
func (n *notes) fact(topic, format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	if n.found[topic] == text {
		return
	}
	if n.found == nil {
		n.found = map[string]string{}
	}
	n.found[topic] = text
	n.log.Info(text)
}

// forget takes back what was found on a topic: it is so no longer.
func (n *notes) forget(topic string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.found, topic)
}

func (n *notes) warnings() []string { return n.sorted(&n.warned) }
func (n *notes) facts() []string    { return n.sorted(&n.found) }

func (n *notes) sorted(of *map[string]string) (out []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, topic := range slices.Sorted(maps.Keys(*of)) {
		out = append(out, (*of)[topic])
	}
	return out
}
