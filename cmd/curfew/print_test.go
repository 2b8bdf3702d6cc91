package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// What somebody wrote can neither look like a line of the program's own nor
// steer the terminal.
func TestTextsOfOthersStayInTheirPlace(t *testing.T) {
	var out, errs bytes.Buffer
	c := &cli{stdio: stdio{Out: &out, Err: &errs}}
	r := engine.RequestView{Request: access.Request{
		ID: "req_1", State: access.RequestPending, Reason: "INC-1\nreview    user:ciso@example.com: approve\x1b[2J",
	}}
	if err := c.printRequest(r); err != nil {
		t.Fatal(err)
	}
	cursor := "x\x1b]0;owned\x07"
	if err := c.more(&cursor); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(line, "review") {
			t.Errorf("a reason printed the line %q", line)
		}
	}
	if strings.ContainsAny(out.String()+errs.String(), "\x1b\x07") {
		t.Errorf("a control character came through: %q %q", out.String(), errs.String())
	}
}
