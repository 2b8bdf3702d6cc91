package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/curfew-access/curfew/tests/service"
)

// TestScripts runs the command line against a gateway with the configuration of
// the quickstart. Beside the usual commands a script has:
//
//	gateway            start the gateway; CURFEW_URL is set
//	gateway-stop       stop it
//	as NAME            act with the token of alice, bob or carol
//	code N ARGS…       run curfew, which must exit with N
//	await PATTERN ARGS…  run curfew until its output matches
//	keep NAME PATTERN  set a variable to what matches in the last output
//	postgres FILE      make an empty PostgreSQL database and write its URL to the file
func TestScripts(t *testing.T) {
	t.Parallel()
	postgres := service.SharedPostgres{Settings: []string{"fsync=off"}}
	t.Cleanup(postgres.Close)
	testscript.Run(t, testscript.Params{
		Dir:   "testdata/script",
		Setup: quickstart,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"gateway": scriptGateway, "gateway-stop": scriptGatewayStop, "as": scriptAs, "code": scriptCode, "keep": scriptKeep, "await": scriptAwait,
			"postgres": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Check(write(ts.MkAbs(args[0]), postgres.Database(t)))
			},
		},
	})
}

// quickstart lays the quickstart out in the script's directory, with a target of
// its own and a free port.
func quickstart(env *testscript.Env) error {
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	env.Defer(target.Close)
	path, err := layQuickstart(env.WorkDir, target.URL)
	env.Setenv("TONIGHT", time.Now().In(time.FixedZone("", 3600)).Add(6*time.Hour).Format(time.RFC3339))
	env.Setenv("GORACE", "atexit_sleep_ms=0") // each curfew would wait a second at its end
	env.Setenv("CONFIG", path)
	env.Setenv("CURFEW_URL", "http://127.0.0.1:1") // nothing listens there
	env.Setenv("CURFEW_TOKEN", "")
	env.Values[runningKey{}] = &running{}
	return err
}

// running is the gateway of a script.
type running struct{ stop func() }

type runningKey struct{}

func scriptGateway(ts *testscript.TestScript, _ bool, _ []string) {
	cfg, err := loadConfig(ts.Getenv("CONFIG"), os.LookupEnv)
	ts.Check(err)
	g, err := newGateway(context.Background(), cfg, options{Version: "test"})
	ts.Check(err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(g.Run(ctx), g.Close()) }()
	stop := sync.OnceFunc(func() {
		cancel()
		ts.Check(<-ended)
	})
	ts.Defer(stop)
	ts.Setenv("CURFEW_URL", g.URL())
	ts.Value(runningKey{}).(*running).stop = stop
}

func scriptGatewayStop(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Value(runningKey{}).(*running).stop()
}

func scriptAs(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv("CURFEW_TOKEN", strings.TrimSpace(ts.ReadFile(".quickstart/token-"+args[0])))
}

func scriptCode(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exited *exec.ExitError
	if err := ts.Exec("curfew", args[1:]...); errors.As(err, &exited) {
		got = exited.ExitCode()
	}
	if got != want {
		ts.Fatalf("curfew exited with %d, not %d", got, want)
	}
}

func scriptKeep(ts *testscript.TestScript, _ bool, args []string) {
	match := regexp.MustCompile(args[1]).FindString(ts.ReadFile("stdout"))
	if match == "" {
		ts.Fatalf("nothing matches %s", args[1])
	}
	ts.Setenv(args[0], match)
}

// scriptAwait is for what the gateway does by itself, such as sealing events.
func scriptAwait(ts *testscript.TestScript, _ bool, args []string) {
	pattern := regexp.MustCompile("(?m)" + args[0])
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		ts.Check(ts.Exec("curfew", args[1:]...))
		if pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
	}
	ts.Fatalf("nothing matched %s in time", args[0])
}
