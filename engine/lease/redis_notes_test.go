package lease

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/tests/bubble"
)

func TestAWarningIsLoggedWhenItSaysSomethingElse(t *testing.T) {
	fault := errors.New("fault")
	type step struct {
		after  time.Duration
		says   string // "" when it was mended
		logged bool
	}
	cases := map[string][]step{
		"the same once":                    {{0, "a", true}, {time.Minute, "a", false}},
		"another after a while":            {{0, "a", true}, {relogs, "b", true}, {relogs, "a", true}},
		"another too soon, and later":      {{0, "a", true}, {time.Second, "b", false}, {relogs, "b", true}},
		"back and forth too soon":          {{0, "a", true}, {time.Second, "b", false}, {time.Second, "a", false}, {relogs, "a", false}},
		"the same again after a mend":      {{0, "a", true}, {relogs, "", false}, {0, "a", true}},
		"too soon after a mend, and later": {{0, "a", true}, {time.Second, "", false}, {0, "a", false}, {relogs, "a", true}},
	}
	for name, steps := range cases {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				n := notes{log: slog.New(slog.NewTextHandler(&log, nil))}
				for i, s := range steps {
					time.Sleep(s.after)
					log.Reset()
					if s.says == "" {
						n.warn("topic", nil, "")
					} else {
						n.warn("topic", fault, "%s", s.says)
					}
					if got := log.Len() > 0; got != s.logged {
						t.Errorf("step %d: logged %v: %s", i, got, log.String())
					}
					if got := strings.Join(n.warnings(), " "); got != s.says {
						t.Errorf("step %d: it is noted %q", i, got)
					}
				}
			})
		})
	}
}

func TestWhatWasRefusedIsTriedLessAndLessOften(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		var b backOff
		for _, seconds := range []int{0, 1, 2, 4, 8, 10, 10} {
			if seconds > 0 {
				time.Sleep(time.Duration(seconds)*time.Second - time.Nanosecond)
				if b.over() {
					t.Errorf("it is tried before %d seconds are over", seconds)
				}
				time.Sleep(time.Nanosecond)
			}
			if !b.over() {
				t.Errorf("it is not tried after %d seconds", seconds)
			}
			b.more()
		}
	})
}

func TestWhatIsKnownOfAServerGoesWithIt(t *testing.T) {
	n := notes{log: slog.New(slog.DiscardHandler)}
	fault := errors.New("fault")
	for _, topic := range []string{"all", "one a:1", "one aa:1"} {
		n.warn(topic, fault, "%s", topic)
		n.fact(topic, "%s", topic)
	}
	n.leave("a:1")
	if want := []string{"all", "one aa:1"}; !slices.Equal(n.warnings(), want) || !slices.Equal(n.facts(), want) {
		t.Errorf("left are %q and %q", n.warnings(), n.facts())
	}
}
