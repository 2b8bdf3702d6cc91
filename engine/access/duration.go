package access

import (
	"regexp"
	"strconv"
	"time"
)

// MaxDuration bounds how long any access may be asked for.
const MaxDuration = Duration(365 * 24 * time.Hour)

// Duration is a length of access: whole seconds, at least one, at most
// MaxDuration. On the wire it is a string, Go's ("1h30m") or ISO 8601's
// ("PT1H30M"); two spellings of the same seconds are equal.
type Duration time.Duration

var isoPattern = regexp.MustCompile(`^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$`)

// ParseDuration reads "2h" or "PT2H". It reports ErrInvalid with the code
// invalid_duration, duration_not_positive or duration_out_of_range.
func ParseDuration(text string) (Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		if d, err = parseISO(text); err != nil {
			return 0, err
		}
	}
	switch {
	case d <= 0:
		return 0, Invalid("duration_not_positive", "", "%q is not longer than zero", text)
	case Duration(d) > MaxDuration:
		return 0, Invalid("duration_out_of_range", "", "%q is longer than %s, the longest that can be asked for", text, MaxDuration)
	case d%time.Second != 0:
		return 0, Invalid("invalid_duration", "", "%q is not a whole number of seconds", text)
	}
	return Duration(d), nil
}

func parseISO(text string) (time.Duration, error) {
	m := isoPattern.FindStringSubmatch(text)
	if m == nil || m[1]+m[2]+m[3]+m[4] == "" {
		return 0, Invalid("invalid_duration", "", "%q is not a duration; write it as 2h, 90m or PT2H", text)
	}
	var sum time.Duration
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
		if m[i+1] == "" {
			continue
		}
		n, err := strconv.ParseInt(m[i+1], 10, 32)
		if err != nil || time.Duration(n) > time.Duration(2*MaxDuration)/unit {
			return 0, Invalid("duration_out_of_range", "", "%q is longer than %s, the longest that can be asked for", text, MaxDuration)
		}
		sum += time.Duration(n) * unit
	}
	return sum, nil
}

// Seconds returns the whole seconds.
func (d Duration) Seconds() int64 { return int64(time.Duration(d) / time.Second) }

// String renders the shortest of Go's spellings: "2h", not "2h0m0s".
func (d Duration) String() string {
	s := time.Duration(d).String()
	if m := zeroTail.FindStringIndex(s); m != nil {
		s = s[:m[0]+1]
	}
	return s
}

var zeroTail = regexp.MustCompile(`(?:h0m0s|m0s)$`)

// MarshalText renders String.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText is ParseDuration.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := ParseDuration(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}
