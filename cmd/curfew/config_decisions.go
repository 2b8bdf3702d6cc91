package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine/decisions"
)

// decisionsEntry is the decision log as it is written.
type decisionsEntry struct {
	Log    string   `yaml:"log"`    // all, the default, or none
	Keep   string   `yaml:"keep"`   // how long; default 90d
	Buffer string   `yaml:"buffer"` // in memory; default 32MiB
	Mask   []string `yaml:"mask"`   // JSON pointers, as OPA's
}

// Decisions is how decisions are logged.
type Decisions struct {
	None   bool // of those that lead to nothing
	Keep   time.Duration
	Buffer int // bytes
	Masks  decisions.Masks
}

// The shortest time that decisions are kept: less is a slip of the pen.
const leastKeep = time.Hour

func (r *configReader) decisions(entry decisionsEntry) {
	d := Decisions{Keep: decisions.DefaultKeep, Buffer: decisions.DefaultBuffer}
	switch entry.Log {
	case "", "all":
	case "none":
		d.None = true
	default:
		r.add("decisions.log", "%q is neither all nor none", entry.Log)
	}
	if entry.Keep != "" {
		keep, err := parseDays(entry.Keep)
		if err == nil && keep < leastKeep {
			err = fmt.Errorf("%q is too short; want an hour at least", entry.Keep)
		}
		r.take("decisions.keep", err)
		d.Keep = keep
	}
	if entry.Buffer != "" {
		size, err := parseSize(entry.Buffer)
		if err == nil && (size < decisions.MinBuffer || size > 4<<30) {
			err = fmt.Errorf("%q is out of range; want 2MiB to 4GiB", entry.Buffer)
		}
		r.take("decisions.buffer", err)
		d.Buffer = size
	}
	for i, path := range entry.Mask {
		r.take(fmt.Sprintf("decisions.mask[%d]", i), decisions.CheckMask(path))
	}
	d.Masks, _ = decisions.ParseMasks(entry.Mask) // its faults are noted, with their places
	r.cfg.Decisions = d
}

// parseDays reads a length of time, also of whole days: "2160h", "90d".
func parseDays(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a length of time, such as 90d or 2160h", text)
	}
	return d, nil
}

// parseSize reads a number of bytes: "32MiB".
func parseSize(text string) (int, error) {
	for unit, bytes := range map[string]uint64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if number, ok := strings.CutSuffix(text, unit); ok {
			if n, err := strconv.ParseUint(number, 10, 20); err == nil {
				return int(n * bytes), nil //nolint:gosec // 50 bits at most
			}
		}
	}
	return 0, errors.New("want a size such as 32MiB")
}
