package chaos_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/tests/service"
)

// What a run is, for make chaos. Without flags it is short.
var (
	seedFlag   = flag.Uint64("seed", 0, "of everything that is random; 0 takes a fresh one")
	forFlag    = flag.Duration("duration", 6*time.Second, "how long faults go on")
	ledgerFlag = flag.String("ledger", "", "sqlite or postgres; both if empty")
	binaryFlag = flag.String("curfew", "", "the gateway's program; built if empty")
)

// built is the gateway's program, once for all tests.
var built struct {
	sync.Once
	dir, path string
	err       error
}

func TestMain(m *testing.M) {
	service.AtOnce("5")
	code := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// program builds the gateway as it is shipped, with the race detector if these
// tests have it.
func program(t *testing.T) string {
	t.Helper()
	if *binaryFlag != "" {
		return *binaryFlag
	}
	built.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "curfew-"); built.err != nil {
			return
		}
		built.path = filepath.Join(built.dir, "curfew")
		args := []string{"build", "-o", built.path}
		if raced {
			args = append(args, "-race")
		}
		build := exec.Command("go", append(args, "./cmd/curfew")...)
		build.Dir = "../.."
		if out, err := build.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("build: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path
}
