package trouble_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/trouble"
	"github.com/curfew-access/curfew/tests/bubble"
)

func TestTroubleIsToldAtOnceAndThenOnceAMinuteWithHowOften(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := slog.New(slog.NewTextHandler(&out, nil))
		var line trouble.Line
		for port := range 1201 { // ten times a second for two minutes
			line.Failed(log, "it does not work", fmt.Errorf("read from port %d: refused", port))
			time.Sleep(100 * time.Millisecond) // fake: the bubble's clock
		}
		told := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(told) != 3 {
			t.Fatalf("it was told %d times:\n%s", len(told), out.String())
		}
		for i, times := range []string{"times=1", "times=600", "times=600"} {
			if !strings.HasSuffix(told[i], times) || !strings.Contains(told[i], "it does not work") {
				t.Errorf("line %d is %s, want %s", i, told[i], times)
			}
		}
		time.Sleep(time.Minute)
		out.Reset()
		line.Failed(log, "it does not work", errors.New("refused"))
		if !strings.HasSuffix(strings.TrimSpace(out.String()), "error=refused times=1") {
			t.Errorf("after a minute without, it says %s", out.String())
		}
	})
}

func TestTroubleOfManyAtOnceIsTheSameTrouble(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	var line trouble.Line
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { line.Failed(log, "it does not work", errors.New("refused")) })
	}
	all.Wait()
	if n := strings.Count(out.String(), "it does not work"); n != 1 {
		t.Errorf("it was told %d times:\n%s", n, out.String())
	}
}
