package lease

import (
	"context"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// memoryStanding is a standing in few bytes.
type memoryStanding struct {
	version int64
	until   int64 // microseconds since 1970; 0: a tombstone
	binding [16]byte
}

// Stand keeps standings, each unless a newer one is kept. One process has no
// other that could not see them yet.
func (m *Memory) Stand(_ context.Context, standings ...access.Standing) error {
	if !m.checks {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	m.forget(now)
	for _, s := range standings {
		key := digest(s.Entitled)
		if held, ok := m.standings.get(key); !ok || held.held.version <= s.Version {
			m.keep(key, s, now)
		}
	}
	return nil
}

// keep keeps a standing for as long as it needs, and as any before it needed.
func (m *Memory) keep(key [16]byte, s access.Standing, now time.Time) {
	due := max(keptUntil(s).UnixMicro(), now.Add(linger).UnixMicro())
	if held, ok := m.standings.get(key); ok {
		due = max(due, held.due)
	}
	m.standings.put(key, due, memoryStanding{s.Version, untilMicros(s), m.bindings.pack(s.BindingID)})
}

// forget lets go of standings that need not be kept any more.
func (m *Memory) forget(now time.Time) {
	for {
		first, ok := m.standings.first()
		if !ok || first.due > now.UnixMicro() {
			return
		}
		m.standings.drop(first.key)
	}
}

// Standing returns what is kept of the subject, action and resource.
func (m *Memory) Standing(_ context.Context, x access.Entitled) (s access.Standing, known bool) {
	if !m.checks {
		return s, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	held, ok := m.standings.get(digest(x))
	if !ok {
		return s, false
	}
	return m.standing(x, held.held), true
}

// Epoch is 0: this memory has one life.
func (m *Memory) Epoch() int64 { return 0 }

// KeyOf is empty: nobody else writes here.
func (m *Memory) KeyOf(access.Entitled) string { return "" }

func (m *Memory) standing(x access.Entitled, held memoryStanding) access.Standing {
	s := access.Standing{Entitled: x, BindingID: m.bindings.unpack(held.binding), Version: held.version}
	if held.until != 0 {
		s.Until = time.UnixMicro(held.until).UTC()
	}
	return s
}

// Mend puts right what is missing or wrong.
func (m *Memory) Mend(_ context.Context, holds []access.Hold, standings []access.Standing) (mended access.Mended, ahead []access.Ahead, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	for _, h := range holds {
		m.mendHold(h, now, &mended)
	}
	for _, s := range standings {
		if a := m.mendStanding(s, now, &mended); a != nil {
			ahead = append(ahead, *a)
		}
	}
	return mended, ahead, nil
}

func (m *Memory) mendHold(h access.Hold, now time.Time, mended *access.Mended) {
	key, _ := m.grantIDs.key(h.GrantID)
	switch held, ok := m.grants.get(key); {
	case h.Until.IsZero() && ok:
		mended.Extra++
		m.drop(key)
		return
	case !h.Until.After(now), ok && held.due == h.Until.UnixMicro():
		return // what is over was announced already
	case ok:
		mended.Wrong++
	default:
		mended.Missing++
	}
	m.hold(h)
}

func (m *Memory) mendStanding(s access.Standing, now time.Time, mended *access.Mended) *access.Ahead {
	if !m.checks {
		return nil
	}
	key := digest(s.Entitled)
	held, ok := m.standings.get(key)
	switch {
	case !ok && !keptUntil(s).After(now):
		return nil // there is nothing to say
	case !ok:
		mended.Missing++
	case held.held.version > s.Version:
		seen := m.standing(s.Entitled, held.held)
		return &access.Ahead{Entitled: s.Entitled, BindingID: seen.BindingID, Version: seen.Version, Seen: encode(seen)}
	case held.held.version == s.Version && held.held.until == untilMicros(s) && held.due >= keptUntil(s).UnixMicro():
		return nil
	case held.held.until != untilMicros(s) || held.due < keptUntil(s).UnixMicro():
		mended.Wrong++
	default: // what it says is right, of a version since which nothing moved
	}
	m.keep(key, s, now)
	return nil
}

// Force replaces standings, each only as it was seen.
func (m *Memory) Force(_ context.Context, seen []access.Ahead, right []access.Standing) (n int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range right {
		key := digest(s.Entitled)
		held, ok := m.standings.get(key)
		if was := seenOf(seen, s.Entitled); ok && was != nil && was.Seen == encode(m.standing(s.Entitled, held.held)) {
			m.keep(key, s, m.now())
			n++
		}
	}
	return n, nil
}

// seenOf finds what was seen of the subject, action and resource.
func seenOf(seen []access.Ahead, x access.Entitled) *access.Ahead {
	for i := range seen {
		if seen[i].Entitled == x {
			return &seen[i]
		}
	}
	return nil
}
