package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const quickstart = "../../examples/quickstart/policies"

// TestMain lets the test binary be the servers under test, as bench itself is.
func TestMain(m *testing.M) {
	if serveAsked() {
		exit(serveChild(os.Stdin, os.Stdout))
	}
	os.Exit(m.Run())
}

// hurried is each figure at its smallest.
func hurried(figure string) options {
	return options{
		Figures: []string{figure}, Rounds: 1, Window: 20 * time.Millisecond, Bare: time.Millisecond, Callers: []int{2}, Subjects: 20,
		Live: []int{50}, Ledgers: []string{onSQLite}, Leases: []string{withRedis, redisStopped, noRedis}, Rate: 100, Length: 100 * time.Millisecond,
		Wait: 20 * time.Second, Burst: 30, People: 40, Schedules: 8, Crowd: 4, Resources: 300, Events: 500, Verify: true, Policies: quickstart, Asynq: "asynq", Program: "../../cmd/curfew", Tools: "../../tools",
		Pace: pace{Warm: 50 * time.Millisecond, Lead: 4 * time.Second, Deaf: 4 * time.Second, After: 500 * time.Millisecond, Watch: 100 * time.Millisecond, Look: 100 * time.Millisecond, Each: 3, Held: 2500 * time.Millisecond},
	}
}

// TestEveryFigureIsMeasured keeps the benchmarks working. It says nothing of time.
func TestEveryFigureIsMeasured(t *testing.T) {
	t.Parallel()
	onBoth := func(o *options) { o.Ledgers = []string{onPostgres, onSQLite} }
	cases := map[string]struct {
		change func(*options)
		want   []string // in the table
	}{
		"decisions":  {nil, []string{"allow: on call", nameNoop, nameDecisions, nameRequests, nameFloor}},
		"lateness":   {nil, []string{"redis stopped", "none"}},
		"burst":      {nil, []string{"due at one moment", "sqlite"}},
		"requests":   {onBoth, []string{nameRequests + " on postgres", nameTx + " on sqlite", namePlain + " on postgres"}},
		"seal":       {onBoth, []string{nameSealed + ", per s", "postgres", "sqlite"}},
		"audit":      {onBoth, []string{"exported/s", "500", "postgres", "sqlite"}},
		"access":     {onBoth, []string{askAt, askDay, askSubject, "postgres"}},
		"check":      {nil, []string{nameNoopCheck, nameBindCheck, "check, 50 grants, sqlite, lease none"}},
		"size":       {nil, []string{"resident MB", "sqlite"}},
		"revoke":     {nil, []string{"seen on the other node", "after a failover"}},
		"deaf":       {nil, []string{"dies silently"}},
		"opa":        {nil, []string{nameOPA, nameOPALogs, nameData, nameDecide, nameBatch}},
		"poll":       {nil, []string{"A poll of PagerDuty", "the first", "later"}},
		"busy":       {nil, []string{nameDecisions + pollsBeside, nameEvaluate + pollsBeside}},
		"moved":      {onBoth, []string{editNothing, editLater, editEarlier, editOffCall, "postgres"}},
		"slack":      {onBoth, []string{slackFirst, slackForm, slackAsk, slackApprove, "told to wait", "postgres"}},
		"sync":       {nil, []string{syncFirst, syncFew, syncBoth}},
		"deliveries": {nil, []string{"posts alone", "ratio"}},
		"deadtarget": {nil, []string{"it lives", deadHangs, deadRefuses}},
		"data":       {func(o *options) { o.Teams = []int{1, 20} }, []string{"20 teams"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := hurried(name)
			if opts.Results = t.TempDir(); tc.change != nil {
				tc.change(&opts)
			}
			var out bytes.Buffer
			if err := run(t.Context(), opts, &out, io.Discard); err != nil {
				t.Fatal(err)
			}
			for _, want := range tc.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is not in the table:\n%s", want, out.String())
				}
			}
			if files, _ := filepath.Glob(filepath.Join(opts.Results, "*.json")); len(files) != 1 {
				t.Errorf("want one file of results, got %v", files)
			}
		})
	}
}

// TestOtherMeansAreMeasured runs what Curfew is set beside. Not waiting for what
// is late, which is all of it, it takes no time.
func TestOtherMeansAreMeasured(t *testing.T) {
	t.Parallel()
	opts := hurried("lateness")
	opts.Leases, opts.Beside, opts.Wait = []string{withRedis}, true, 500*time.Millisecond
	var out bytes.Buffer
	if err := run(t.Context(), opts, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"keyspace listener", "asynq, delayed tasks"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in the table:\n%s", want, out.String())
		}
	}
}

func TestArgumentsThatMeanNothingAreRefused(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-callers", "0"}, {"-callers", "x"}, {"-rounds", "0"}, {"-callers", ""}, {"-live", "-1"}, {"-rate", "0"}, {"late"}, {"-people", "3", "-schedules", "4"}} {
		if _, err := parse(args); err == nil {
			t.Errorf("%v was taken", args)
		}
	}
}

func TestOneNameAsksForAllFiguresOfWhoIsOnCall(t *testing.T) {
	t.Parallel()
	opts, err := parse([]string{"burst", "oncall"})
	if want := []string{"burst", "poll", "busy", "moved"}; err != nil || !slices.Equal(opts.Figures, want) {
		t.Errorf("the figures are %v, %v; want %v", opts.Figures, err, want)
	}
}

// The warming up ends at 10 s. What was due just before that is noted late, and
// seems to have been due after it.
func TestAnEndingThatIsNotedLateIsNotCountedTwice(t *testing.T) {
	t.Parallel()
	at := func(s float64) int64 { return int64(s * 1e6) }
	seen := testimony{Ended: []ending{
		{at(10.0001), 0, true}, {at(10.2), 3 * time.Millisecond, true}, {at(9.5), 0, true}, {at(10.3), time.Millisecond, false},
	}}
	late, heard := seen.late(time.UnixMicro(at(10)), 2)
	if want := []time.Duration{time.Millisecond, 3 * time.Millisecond}; !slices.Equal(late, want) || heard != 1 {
		t.Errorf("late by %v, and %d heard; want %v and 1", late, heard, want)
	}
	if late, _ := seen.late(time.UnixMicro(at(10)), 9); len(late) != 3 {
		t.Errorf("late by %v", late)
	}
}

func TestQuantiles(t *testing.T) {
	t.Parallel()
	for q, want := range map[float64]int{0: 1, 0.5: 3, 0.9: 5, 1: 5} {
		if got := quantile([]int{5, 1, 4, 2, 3}, q); got != want {
			t.Errorf("the quantile %v is %d, want %d", q, got, want)
		}
	}
	if got := quantile([]int(nil), 0.5); got != 0 {
		t.Errorf("of nothing: %d", got)
	}
}

// BenchmarkBare is the bare decision for the usual tools: go test -bench Bare,
// with profiles, and benchstat between two versions.
func BenchmarkBare(b *testing.B) {
	calls, err := bareCalls(b.Context(), quickstart)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range calls {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := c.call(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
