package main

import (
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/decisions"
)

func TestDecisionLogIsConfigured(t *testing.T) {
	t.Parallel()
	cfg, err := load(t, "listen: 127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if d := cfg.Decisions; d.None || d.Keep != 90*24*time.Hour || d.Buffer != 32<<20 || d.Masks != (decisions.Masks{}) {
		t.Errorf("the default is %+v", d)
	}
	cfg, err = load(t, "decisions: {log: none, keep: 7d, buffer: 4MiB, mask: [/input/subject/properties/ssn, /result/reason]}")
	if err != nil {
		t.Fatal(err)
	}
	if d := cfg.Decisions; !d.None || d.Keep != 7*24*time.Hour || d.Buffer != 4<<20 || d.Masks == (decisions.Masks{}) {
		t.Errorf("got %+v", d)
	}
	if cfg, err = load(t, "decisions: {keep: 2160h}"); err != nil || cfg.Decisions.Keep != 90*24*time.Hour {
		t.Errorf("got %+v, %v", cfg.Decisions, err)
	}
}

func TestFaultsOfTheDecisionLogNameTheirPlace(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ entry, want string }{
		"an unknown key":            {"{masks: [/input]}", "decisions.masks: there is no such key"},
		"log is a word of its own":  {"{log: some}", `decisions.log: "some" is neither all nor none`},
		"keep is no time":           {"{keep: long}", `decisions.keep: "long" is not a length of time`},
		"keep is negative":          {"{keep: -1h}", `decisions.keep: "-1h" is not a length of time`},
		"keep is short":             {"{keep: 1m}", `decisions.keep: "1m" is too short`},
		"buffer is no size":         {"{buffer: 32MB}", "decisions.buffer: want a size such as 32MiB"},
		"buffer is small":           {"{buffer: 1KiB}", `decisions.buffer: "1KiB" is out of range`},
		"buffer is large":           {"{buffer: 5GiB}", `decisions.buffer: "5GiB" is out of range`},
		"a mask of something else":  {"{mask: [/input/a, /subject]}", `decisions.mask[1]: "/subject": want a JSON pointer`},
		"a mask that is no pointer": {"{mask: [/input/a~b]}", `decisions.mask[0]: "/input/a~b": after ~ comes 0`},
	} {
		if _, err := load(t, "decisions: "+tc.entry); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %s", name, err, tc.want)
		}
	}
}
