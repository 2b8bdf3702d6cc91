package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// childVariable, when it is set, makes this program a server for another run of
// itself.
const childVariable = "CURFEW_BENCH_CHILD"

func serveAsked() bool { return os.Getenv(childVariable) != "" }

// childConfig is what a server is told on its standard input. The end of that
// input ends the server, so that none outlives who started it.
type childConfig struct {
	Kind     string // "noop", "poster", "bare", "vendor", "reader" or "gateway"
	Ledger   string // of a gateway: the path of a SQLite file, or the URL of a PostgreSQL database
	Lease    string // of a gateway: the URL of a Redis; "": in the process
	Policies string // the team's directory
	Target   string // URL that deliveries go to
	Subjects int    // of each pool
	Width    int    // of a gateway's deliveries at once; 0 for the default
	Verbose  bool   // what goes wrong is said on standard error

	Decisions bool // of a gateway: whether decisions are logged
	Pinned    bool // to one processor

	OnCall            string        // of a gateway: the URL of a PagerDuty, onBoard, or "": everybody is, by a rota
	People, Schedules int           // of a vendor
	Turn              time.Duration // of each person, at a vendor
}

// childPlace is what a server says on its standard output.
type childPlace struct{ Address, Control string }

// served is a server under test.
type served struct {
	handler   http.Handler
	delivered func() int64 // how many deliveries were confirmed
	control   http.Handler // what else it can be asked about; nil for nothing
	close     func() error
}

// serveChild serves until in ends.
func serveChild(in io.Reader, out io.Writer) error {
	decoder := json.NewDecoder(in)
	var cfg childConfig
	if err := decoder.Decode(&cfg); err != nil {
		return err
	}
	var s served
	var err error
	switch cfg.Kind {
	case "noop":
		s = newNoop()
	case "poster":
		s, err = newPoster(cfg.Target)
	case "gateway":
		s, err = newGateway(context.Background(), cfg)
	case "vendor":
		s, err = newVendor(cfg)
	case "reader":
		s = newReader()
	case "bare":
		s, err = newBare(context.Background(), cfg)
	default:
		err = fmt.Errorf("there is no server %q", cfg.Kind)
	}
	if err != nil {
		return err
	}
	var place childPlace
	if place.Address, err = listen(s.handler); err != nil {
		return err
	}
	if place.Control, err = listen(control(s)); err != nil {
		return err
	}
	if err := json.NewEncoder(out).Encode(place); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, io.MultiReader(decoder.Buffered(), in))
	return errors.Join(err, s.close())
}

// listen serves on a free port, with the bounds of cmd/curfew's server, until
// the process ends.
func listen(handler http.Handler) (address string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second,
		WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
	}
	go func() { _ = server.Serve(listener) }() // it ends with the process
	return listener.Addr().String(), nil
}

// control answers what the measuring process asks about the server.
func control(s served) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /cpu", func(w http.ResponseWriter, _ *http.Request) {
		var usage syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprint(w, usage.Utime.Nano()+usage.Stime.Nano())
	})
	mux.HandleFunc("GET /delivered", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, s.delivered()) })
	mux.HandleFunc("GET /profile/cpu", pprof.Profile)
	mux.Handle("GET /profile/allocs", pprof.Handler("allocs"))
	if s.control != nil {
		mux.Handle("/more/", http.StripPrefix("/more", s.control))
	}
	return mux
}

// child is a server under test, seen from the measuring process.
type child struct {
	childPlace
	process *exec.Cmd
	stdin   io.Closer
}

// startChild starts this program once more, as a server.
func startChild(ctx context.Context, cfg childConfig) (*child, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program)
	cmd.Env = os.Environ()
	if cfg.Pinned {
		cmd = pinned(ctx, program)
	}
	cmd.Env = append(cmd.Env, childVariable+"=1")
	cmd.Stderr = os.Stderr
	stdin, errIn := cmd.StdinPipe()
	stdout, errOut := cmd.StdoutPipe()
	if err := errors.Join(errIn, errOut, cmd.Start()); err != nil {
		return nil, err
	}
	c := &child{process: cmd, stdin: stdin}
	line := []byte(nil)
	if err = json.NewEncoder(stdin).Encode(cfg); err == nil {
		line, err = bufio.NewReader(stdout).ReadBytes('\n')
	}
	if err == nil {
		err = json.Unmarshal(line, &c.childPlace)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the server %s did not start: %w", cfg.Kind, err), c.stop())
	}
	return c, nil
}

// stop ends the server and waits for it.
func (c *child) stop() error {
	if c.stdin == nil {
		return end(c.process)
	}
	return errors.Join(c.stdin.Close(), c.process.Wait())
}

// end ends a process that is not ours to ask.
func end(process *exec.Cmd) error {
	err := process.Process.Signal(syscall.SIGTERM)
	_ = process.Wait() // how it ended says nothing
	return err
}

// cpu is how much processor time the server has used.
func (c *child) cpu(ctx context.Context) (time.Duration, error) {
	if c.Control == "" {
		return usedBy(c.process.Process.Pid)
	}
	nanos, err := c.number(ctx, "/cpu")
	return time.Duration(nanos), err
}

// settle waits until so many deliveries were confirmed.
func (c *child) settle(ctx context.Context, deliveries int64) error {
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		n, err := c.number(ctx, "/delivered")
		if err != nil || n >= deliveries {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("%d deliveries were confirmed, not %d", n, deliveries)
		}
	}
}

// tell sends an object.
func (c *child) tell(ctx context.Context, path string, body any) error {
	_, err := c.give(ctx, path, body)
	return err
}

// give sends an object, and returns what is answered.
func (c *child) give(ctx context.Context, path string, body any) ([]byte, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.Control+path, bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	return answerTo(req)
}

func (c *child) number(ctx context.Context, path string) (int64, error) {
	text, err := c.ask(ctx, path)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(text), 10, 64)
}

func (c *child) ask(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.Control+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	return answerTo(req)
}

func answerTo(req *http.Request) ([]byte, error) {
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", req.URL.Path, res.Status, text)
	}
	return text, err
}
