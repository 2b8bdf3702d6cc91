package e2e_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// takeOver is how long it takes at most until another gateway asks PagerDuty in
// the place of one that was killed.
const takeOver = 60 * time.Second

// Of two gateways one asks PagerDuty. It is killed, and the other sees that the
// schedule is edited.
func theOtherNodeTakesOver(s *scene) {
	s.onCall(s.primary, s.alice)
	asking := s.asking()
	other := 1 - asking
	s.w.front = other
	s.known(s.alice) // by what the first keeps for all
	g := s.granted(s.alice)
	s.open(s.alice)

	if err := s.w.node(asking).Kill(); err != nil {
		s.Fatal(err)
	}
	if n := s.asked(other); n != 0 {
		s.Errorf("the other gateway asked %d times before", n)
	}
	s.shift(s.primary, s.bob, inSeconds(0), inSeconds(3600))
	s.poll()
	s.w.untilIn(s.T, takeOver, "the other gateway asks", func() error {
		if s.asked(other) == 0 {
			return errors.New("it does not")
		}
		return nil
	})
	s.ended(g, access.EndOffCall)
	s.granted(s.bob)
	s.toldTarget(s.alice, 1, 1)
}

// asking is the one gateway that asks PagerDuty.
func (s *scene) asking() int {
	s.Helper()
	first, second := s.asked(0), s.asked(1)
	if (first == 0) == (second == 0) {
		s.Fatalf("the gateways asked %d and %d times; want only one to ask", first, second)
	}
	if first > 0 {
		return 0
	}
	return 1
}

// asked is how often a gateway had an answer of PagerDuty's about who is on call.
func (s *scene) asked(n int) int {
	s.Helper()
	response, err := s.w.client.Get(s.w.url(n) + "/metrics")
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		s.Fatalf("%s: %v", response.Status, err)
	}
	count, err := figure(raw, "curfew_source_polls_total", `outcome="answered"`, `source="pagerduty"`)
	if err != nil {
		s.Fatal(err)
	}
	return count
}

// figure is the value of a metric, 0 if it is not there.
func figure(raw []byte, name string, labels ...string) (int, error) {
	for lines := bufio.NewScanner(bytes.NewReader(raw)); lines.Scan(); {
		line := lines.Text()
		fits := strings.HasPrefix(line, name+"{")
		for _, label := range labels {
			fits = fits && strings.Contains(line, label)
		}
		if !fits {
			continue
		}
		count, err := strconv.Atoi(line[strings.LastIndexByte(line, ' ')+1:])
		if err != nil {
			return 0, fmt.Errorf("%s: %w", line, err)
		}
		return count, nil
	}
	return 0, nil
}
