package lease

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
)

// notes are what operators should know. Each is logged once, when it is new.
type notes struct {
	log *slog.Logger

	mu     sync.Mutex
	warned map[string]string // by topic
	found  map[string]string
}

// warn notes a warning on the topic if there is a fault, and none if there is
// not. What is logged already is not logged again until it was mended.
func (n *notes) warn(topic string, fault error, format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, known := n.warned[topic]
	if fault == nil {
		delete(n.warned, topic)
		return
	}
	if n.warned == nil {
		n.warned = map[string]string{}
	}
	n.warned[topic] = fmt.Sprintf(format, args...)
	if !known {
		n.log.Warn(n.warned[topic])
	}
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
