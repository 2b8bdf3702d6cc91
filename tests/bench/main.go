// Command bench measures Curfew and prints tables: make bench.
//
//   - the bare decision: pdp.Decide and pdp.Allow on the policies that are
//     shipped, with the quickstart's teams as data;
//   - POST /v1/decisions and POST /v1/requests over real sockets, beside a gin
//     handler that decodes the same body and answers a constant;
//   - the durable floor: the rows of POST /v1/requests, written through the
//     ledger's transactions by a bare loop.
//
// What is compared runs in one process tree in one run, in rounds that take
// turns, because machines are shared and noisy: a ratio is taken within a round,
// and what is printed is the median over the rounds. Nothing is asserted about
// time. The figures are also written as JSON.
//
// The gateway under test is a process of its own, wired of the same parts as
// cmd/curfew, so that its CPU time and its profiles hold nothing of the callers.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// options is what a run measures, and for how long.
type options struct {
	Rounds   int           `json:"rounds"`
	Window   time.Duration `json:"window_ns"` // of one route in one round
	Bare     time.Duration `json:"bare_ns"`   // of one input in one round
	Callers  []int         `json:"callers"`
	Subjects int           `json:"subjects"` // who may be asked for
	Policies string        `json:"-"`        // the team's directory
	Results  string        `json:"-"`        // where the JSON goes; "" for nowhere
	Profiles string        `json:"-"`        // where profiles go; "" for none
}

func main() {
	if serveAsked() {
		exit(serveChild(os.Stdin, os.Stdout))
	}
	opts, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		err = run(ctx, opts, os.Stdout, os.Stderr)
		stop()
	}
	exit(err)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func parse(args []string) (opts options, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.IntVar(&opts.Rounds, "rounds", 7, "how often each measurement is taken")
	flags.DurationVar(&opts.Window, "window", time.Second, "how long a route is called in a round")
	flags.DurationVar(&opts.Bare, "bare", 200*time.Millisecond, "how long an input is decided in a round")
	callers := flags.String("callers", "1,16,32", "how many callers at once, in turn")
	flags.IntVar(&opts.Subjects, "subjects", 8192, "for how many subjects access is asked")
	flags.StringVar(&opts.Policies, "policies", "examples/quickstart/policies", "the `directory` of a team's policies and data")
	flags.StringVar(&opts.Results, "results", "tests/bench/results", "the `directory` for the JSON; empty for none")
	flags.StringVar(&opts.Profiles, "profiles", "", "a `directory` for CPU and allocation profiles of the gateway, taken after the rounds")
	if err := flags.Parse(args); err != nil {
		return opts, err
	}
	for text := range strings.SplitSeq(*callers, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 1 {
			return opts, fmt.Errorf("-callers: %q is not a number of callers", text)
		}
		opts.Callers = append(opts.Callers, n)
	}
	if opts.Rounds < 1 || opts.Subjects < 1 {
		return opts, errors.New("-rounds and -subjects are 1 at least")
	}
	return opts, nil
}

// run measures everything and prints it. Progress goes to progress.
func run(ctx context.Context, opts options, out, progress io.Writer) error {
	r := newReport(opts)
	var err error
	if r.Bare, err = measureBare(ctx, opts, progress); err != nil {
		return fmt.Errorf("bare decision: %w", err)
	}
	if r.Routes, err = measureRoutes(ctx, opts, progress); err != nil {
		return fmt.Errorf("routes: %w", err)
	}
	r.Seconds = time.Since(r.Began).Seconds()
	if err := r.print(out); err != nil || opts.Results == "" {
		return err
	}
	path := filepath.Join(opts.Results, r.Began.UTC().Format("20060102T150405Z")+".json")
	if err := r.write(path); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, "\nWritten to", path)
	return err
}
