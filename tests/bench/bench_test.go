package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
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

// TestEverythingIsMeasured keeps the benchmarks working. It says nothing of time.
func TestEverythingIsMeasured(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var out bytes.Buffer
	err := run(t.Context(), options{
		Rounds: 2, Window: 20 * time.Millisecond, Bare: time.Millisecond, Callers: []int{1, 4}, Subjects: 50,
		Policies: quickstart, Results: dir,
	}, &out, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"allow: on call", nameNoop, nameDecisions, nameRequests, nameFloor} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in the table:\n%s", want, out.String())
		}
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "*.json")); len(files) != 1 {
		t.Errorf("want one file of results, got %v", files)
	}
}

func TestUnknownCallersAreRefused(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-callers", "0"}, {"-callers", "x"}, {"-rounds", "0"}, {"-callers", ""}} {
		if _, err := parse(args); err == nil {
			t.Errorf("%v was taken", args)
		}
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
