package lease_test

import (
	"testing"
	"time"

	"github.com/curfew-access/curfew/tests/suite/leasesuite"
)

func TestRedisSuite(t *testing.T) {
	t.Parallel()
	server := slow(t, "--enable-debug-command", "yes")
	var prefix prefixes
	leasesuite.Run(t, func(t *testing.T, story func(*testing.T, leasesuite.World)) {
		cfg := config(t, "redis://"+server.Addr)
		cfg.Prefix = prefix.next()
		story(t, leasesuite.World{Lease: open(t, cfg), Now: time.Now, Unit: 300 * time.Millisecond, Many: 1300})
	})
}
