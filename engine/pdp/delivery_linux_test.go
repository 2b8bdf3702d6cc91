package pdp_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/pdp"
)

func TestEditThatKeepsSizeAndTimeIsSeen(t *testing.T) {
	t.Parallel()
	dir, r := team(t, map[string]string{"data.yaml": teams, "a.rego": "package access\nallow contains " + yes}), &records{}
	path := filepath.Join(dir, "a.rego")
	then := time.Now().Add(-time.Hour)
	write := func(text string) {
		if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chtimes(path, then, then)); err != nil {
			t.Fatal(err)
		}
	}
	write("package access\nallow contains " + yes)
	s := deliver(t, r, func(c *pdp.DeliveryConfig) { c.Dir = dir })
	s.decides(access.Allow, "team")
	first := s.State().Revision
	write("package access\nallow contains " + strings.Replace(yes, "team", "mine", 1))
	s.until("the edit", func(d pdp.DeliveryState) bool { return d.Revision != first })
	s.decides(access.Allow, "mine")
}
