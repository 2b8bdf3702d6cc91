package lease

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// encode is the form in which a standing is kept: its version, when access ends
// in microseconds since 1970 with 0 for a tombstone, and the binding.
func encode(s access.Standing) string {
	text := make([]byte, 0, 64)
	text = strconv.AppendInt(text, s.Version, 10)
	text = append(text, ' ')
	text = strconv.AppendInt(text, untilMicros(s), 10)
	text = append(text, ' ')
	return string(append(text, s.BindingID...))
}

// decode reads what encode wrote, and nothing else: a value that another has
// touched is not known.
func decode(x access.Entitled, text string) (s access.Standing, ok bool) {
	version, rest, _ := strings.Cut(text, " ")
	until, binding, _ := strings.Cut(rest, " ")
	v, okVersion := parseNumber(version)
	u, okUntil := parseNumber(until)
	if !okVersion || !okUntil || !plainID(binding) {
		return s, false
	}
	s = access.Standing{Entitled: x, BindingID: binding, Version: v}
	if u != 0 {
		s.Until = time.UnixMicro(u).UTC()
	}
	return s, true
}

// maxNumber is the largest version or time that is taken for one: scripts in
// Redis count in floating point, exactly up to here.
const maxNumber = 1 << 53

// parseNumber reads a number as encode writes it: no sign, no zero in front.
func parseNumber(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > maxNumber || strconv.FormatInt(n, 10) != text {
		return 0, false
	}
	return n, true
}

// plainID reports whether the text has the look of an id: letters, digits,
// underlines and hyphens.
func plainID(text string) bool {
	other := func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-'
	}
	return text != "" && len(text) <= 64 && !strings.ContainsFunc(text, other)
}

// untilMicros is when access ends; 0 for a tombstone, and for what ended before 1970.
func untilMicros(s access.Standing) int64 {
	if s.Until.IsZero() {
		return 0
	}
	return max(0, s.Until.UnixMicro())
}

// keptUntil is until when the standing must be kept.
func keptUntil(s access.Standing) time.Time {
	if s.Keep.After(s.Until) {
		return s.Keep
	}
	return s.Until
}

// millisUp is the time in milliseconds since 1970, rounded up, so that nothing is
// announced before it is over; 0 for what is before 1970.
func millisUp(t time.Time) int64 {
	if t.Unix() <= 0 {
		return 0
	}
	return min(t.Add(time.Millisecond-1).UnixMilli(), math.MaxInt64/2)
}
