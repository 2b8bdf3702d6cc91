package service

import (
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/curfew-access/curfew/tests/npm"
)

//go:embed emulate/package-lock.json
var emulateLock []byte

//go:embed emulate/loopback.mjs
var emulateLoopback []byte

// EmulateServer is npm's emulate: vendors' APIs by somebody else, which our fakes
// and clients are held against.
type EmulateServer struct {
	*process
	URL string // without a slash at its end
}

// Emulate starts emulate with one service, "slack", that ends with the test. The
// seed is YAML, as its own documentation has it.
func Emulate(t testing.TB, name, seed string) *EmulateServer {
	t.Helper()
	return run(t, func(dir string) (*EmulateServer, error) { return startEmulate(dir, name, seed) })
}

func startEmulate(dir, name, seed string) (*EmulateServer, error) {
	modules, err := npm.Install(emulateLock)
	if err != nil {
		return nil, err
	}
	modules = filepath.Join(modules, "node_modules")
	nodes, err := filepath.Glob(filepath.Join(modules, "node-*", "bin", "node"))
	if err != nil || len(nodes) != 1 {
		return nil, errors.Join(err, fmt.Errorf("there is not one Node for this machine, but %q", nodes))
	}
	seedFile, loopback := filepath.Join(dir, "seed.yaml"), filepath.Join(dir, "loopback.mjs")
	if err := errors.Join(os.WriteFile(seedFile, []byte(seed), 0o600), os.WriteFile(loopback, emulateLoopback, 0o600)); err != nil {
		return nil, err
	}
	s := &EmulateServer{}
	err = onFreePort(func(port int) error {
		s.URL = "http://" + address(port)
		s.process = &process{
			path: nodes[0], dir: dir, orphan: syscall.SIGKILL, ready: s.answers,
			args: []string{"--import", loopback, filepath.Join(modules, "emulate", "dist", "index.js"),
				"--service", name, "--port", strconv.Itoa(port), "--seed", seedFile},
		}
		return s.Start()
	})
	return s, err
}

// answers asks whether it answers at all.
func (s *EmulateServer) answers() error {
	client := &http.Client{Timeout: time.Second}
	response, err := client.Get(s.URL + "/")
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// Kill ends it.
func (s *EmulateServer) Kill() error { return s.stop(syscall.SIGKILL) }
