// Command bench measures Curfew and prints tables: make bench.
//
//   - decisions: the bare decision, and the routes that decide, beside a gin
//     handler that decodes the same body and answers a constant;
//   - lateness, burst: how late grants end and targets are told, at a steady rate
//     and all at one moment, beside other means and beside posts alone;
//   - requests, check: durable requests beside bare loops that write the same
//     rows, and the check beside a handler that decodes the same body;
//   - seal: commits while their events are sealed, beside commits alone;
//   - opa, data: the decision API beside the server of OPA, and a decision as the
//     data of the policies grows;
//   - poll, busy, moved (oncall for all three): who is on call, asked of a PagerDuty;
//     decisions meanwhile; and grants that move with a schedule;
//   - slack: people who type and click in Slack at once, and while the ledger is slow;
//   - sync, deliveries, deadtarget: a source that brings its catalogue; deliveries to a
//     target that takes a hundred at once; and ten targets, of which one is dead;
//   - size, revoke, deaf: memory and start with many live grants, a revoke seen
//     on another node, and a subscription that dies silently.
//
// What is compared runs in one process tree in one run, in rounds that take
// turns, because machines are shared and noisy: a ratio is taken within a round,
// and what is printed is the median over the rounds. Nothing is asserted about
// time. The figures are also written as JSON.
//
// The gateway under test is a process of its own, wired of the same parts as
// cmd/curfew, so that its CPU time and its profiles hold nothing of the callers;
// for its size it is the program itself. Redis and PostgreSQL are started for the
// run, with the settings that they come with.
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
	Figures   []string      `json:"figures"`
	Rounds    int           `json:"rounds"`
	Window    time.Duration `json:"window_ns"` // of one route in one round
	Bare      time.Duration `json:"bare_ns"`   // of one input in one round
	Callers   []int         `json:"callers"`
	Subjects  int           `json:"subjects"`  // who may be asked for
	Live      []int         `json:"live"`      // how many grants are live
	Teams     []int         `json:"teams"`     // how many teams are in the data of the policies
	Ledgers   []string      `json:"ledgers"`   // on which databases
	Leases    []string      `json:"leases"`    // with which leases
	Rate      int           `json:"rate"`      // how many ends are due in a second
	Length    time.Duration `json:"length_ns"` // for how long
	Wait      time.Duration `json:"wait_ns"`   // after that, for what is late
	Burst     int           `json:"burst"`     // how many ends are due at one moment
	People    int           `json:"people"`    // in the PagerDuty that is polled
	Schedules int           `json:"schedules"` // of theirs
	Crowd     int           `json:"crowd"`     // who type and click in Slack at once
	Resources int           `json:"resources"` // in the catalogue that a source brings
	Events    int           `json:"events"`    // in the log that is asked, or taken out
	Beside    bool          `json:"beside"`    // whether other means are measured too
	Verify    bool          `json:"verify"`    // whether the target looks at signatures
	Pace      pace          `json:"-"`
	Policies  string        `json:"-"` // the team's directory
	Asynq     string        `json:"-"` // the directory of the module beside
	Program   string        `json:"-"` // the package of the gateway's program
	Tools     string        `json:"-"` // the directory of the module with OPA's program
	Results   string        `json:"-"` // where the JSON goes; "" for nowhere
	Profiles  string        `json:"-"` // where profiles go; "" for none
	Verbose   bool          `json:"-"`
}

// pace is what figures wait for. A test is in more of a hurry.
type pace struct {
	Warm   time.Duration // how long what is due is not counted: a gateway that has just started prepares its statements
	Lead   time.Duration // from when grants are written until the first is due; and as much for each thousand of them
	Settle time.Duration // until every node believes in an epoch
	Deaf   time.Duration // how long grants are due while nothing is heard
	After  time.Duration // when in it the line goes dead
	Watch  time.Duration // how long is asked, after a failover, whether access came back
	Look   time.Duration // how long memory is looked at
	Each   int           // how many grants are revoked in a round
	Held   time.Duration // how long a ledger takes that takes long
}

func unhurried() pace {
	return pace{
		Warm: 2 * time.Second, Lead: 3 * time.Second, Settle: 3 * time.Second, Deaf: 6 * time.Second, After: 1500 * time.Millisecond,
		Watch: 4 * time.Second, Look: 10 * time.Second, Each: 50, Held: 5 * time.Second,
	}
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
	flags.Usage = func() {
		usage(flags.Output())
		flags.PrintDefaults()
	}
	flags.IntVar(&opts.Rounds, "rounds", 7, "how often each measurement is taken")
	flags.DurationVar(&opts.Window, "window", time.Second, "how long a route is called in a round")
	flags.DurationVar(&opts.Bare, "bare", 200*time.Millisecond, "how long an input is decided in a round")
	callers := flags.String("callers", "1,16,32", "how many callers at once, in turn")
	flags.IntVar(&opts.Subjects, "subjects", 8192, "for how many subjects access is asked")
	grants := flags.String("live", "1000,100000,1000000", "how many grants are live, in turn")
	teams := flags.String("teams", "10,1000,100000", "how many teams are in the data of the policies, in turn")
	ledgers := flags.String("ledgers", onPostgres+","+onSQLite, "on which databases, in turn")
	leases := flags.String("leases", withRedis+","+redisStopped+","+noRedis, "with which leases lateness is measured, in turn")
	flags.IntVar(&opts.Rate, "rate", 200, "how many ends are due in a second")
	flags.DurationVar(&opts.Length, "length", 30*time.Second, "for how long they are due")
	flags.DurationVar(&opts.Wait, "wait", time.Minute, "how long after that is waited for what is late")
	flags.IntVar(&opts.Burst, "burst", 10_000, "how many ends, or deliveries, are due at one moment")
	flags.IntVar(&opts.People, "people", 10_000, "how many people are in the PagerDuty that is polled")
	flags.IntVar(&opts.Schedules, "schedules", 2000, "on how many schedules they take turns")
	flags.IntVar(&opts.Crowd, "crowd", 50, "how many people type and click in Slack at once")
	flags.IntVar(&opts.Resources, "resources", 100_000, "how many resources are in the catalogue that a source brings")
	flags.IntVar(&opts.Events, "events", 1_000_000, "how many events are in the audit log")
	flags.BoolVar(&opts.Beside, "beside", false, "measure lateness by other means too, on the same Redis")
	flags.BoolVar(&opts.Verify, "verify", false, "have the target look at each signature")
	flags.StringVar(&opts.Policies, "policies", "examples/quickstart/policies", "the `directory` of a team's policies and data")
	flags.StringVar(&opts.Asynq, "asynq", "tests/bench/asynq", "the `directory` of the module that measures asynq")
	flags.StringVar(&opts.Program, "program", "./cmd/curfew", "the `package` of the gateway's program")
	flags.StringVar(&opts.Tools, "tools", "tools", "the `directory` of the module that OPA's program is built in")
	flags.StringVar(&opts.Results, "results", "tests/bench/results", "the `directory` for the JSON; empty for none")
	flags.StringVar(&opts.Profiles, "profiles", "", "a `directory` for profiles of the gateway")
	flags.BoolVar(&opts.Verbose, "verbose", false, "say what gateways warn of")
	if err := flags.Parse(args); err != nil {
		return opts, err
	}
	opts.Pace = unhurried()
	if opts.Figures = expanded(flags.Args()); len(opts.Figures) == 0 {
		opts.Figures = figureNames()[:1]
	}
	opts.Ledgers, opts.Leases = list(*ledgers), list(*leases)
	var faults [6]error
	opts.Callers, faults[0] = counts("callers", *callers)
	opts.Live, faults[1] = counts("live", *grants)
	opts.Teams, faults[4] = counts("teams", *teams)
	faults[2] = checkFigures(opts.Figures)
	if opts.Rounds < 1 || opts.Subjects < 1 || opts.Rate < 1 || opts.Burst < 1 || opts.Crowd < 1 || opts.Resources < 1 {
		faults[3] = errors.New("-rounds, -subjects, -rate, -burst, -crowd and -resources are 1 at least")
	}
	if opts.Schedules < 1 || opts.People < opts.Schedules {
		faults[5] = errors.New("-schedules is 1 at least, and -people no less than that")
	}
	return opts, errors.Join(faults[:]...)
}

func list(text string) (items []string) {
	for item := range strings.SplitSeq(text, ",") {
		items = append(items, strings.TrimSpace(item))
	}
	return items
}

func counts(name, text string) (numbers []int, err error) {
	for _, item := range list(text) {
		n, err := strconv.Atoi(item)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("-%s: %q is not a number of at least 1", name, item)
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}

// run measures what is asked for and prints it. Progress goes to progress.
func run(ctx context.Context, opts options, out, progress io.Writer) (err error) {
	r := newReport(opts)
	s, err := newStage(opts, progress)
	if err != nil {
		return err
	}
	err = measure(ctx, s, r) // what was measured before a failure is not lost
	err = errors.Join(err, s.close())
	r.Seconds = time.Since(r.Began).Seconds()
	if err := errors.Join(err, r.print(out)); err != nil || opts.Results == "" {
		return err
	}
	path := filepath.Join(opts.Results, r.Began.UTC().Format("20060102T150405Z")+".json")
	if err := r.write(path); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, "\nWritten to", path)
	return err
}
