package stage_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/examples/stage"
)

// start runs a shell script.
func start(t *testing.T, script string) *stage.Process {
	t.Helper()
	p, err := stage.Start(t.Context(), stage.Program{
		Name: "script", Path: "/bin/sh", Args: []string{"-c", script}, Show: stage.Hide, Log: filepath.Join(t.TempDir(), "log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Kill() })
	return p
}

func TestWhatAProgramSaysIsWaitedForAndCounted(t *testing.T) {
	p := start(t, "echo one two; echo two three; read never")
	if _, err := p.Wait(t.Context(), 10*time.Second, "two", "three"); err != nil {
		t.Fatal(err)
	}
	if p.Count("two") != 2 || p.Count("one", "three") != 0 {
		t.Errorf("it counts %d and %d", p.Count("two"), p.Count("one", "three"))
	}
}

func TestProgramThatEndsBeforeItSaysSoShowsTheEndOfItsLog(t *testing.T) {
	p := start(t, "echo out of luck >&2")
	if _, err := p.Wait(t.Context(), 10*time.Second, "ready"); err == nil || !strings.Contains(err.Error(), "out of luck") {
		t.Errorf("got %v", err)
	}
}

func TestEndOfAProgram(t *testing.T) {
	cases := map[string]struct {
		script string
		fails  bool
	}{
		"by the signal itself":    {"echo ready; exec sleep 60", false},
		"in good order":           {"trap 'exit 0' TERM; echo ready; sleep 60 >&2 & wait", false},
		"with a fault":            {"trap 'exit 3' TERM; echo ready; sleep 60 >&2 & wait", true},
		"by itself, which is old": {"echo ready", false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := start(t, tc.script)
			if _, err := p.Wait(t.Context(), 10*time.Second, "ready"); err != nil {
				t.Fatal(err)
			}
			if err := p.End(); (err != nil) != tc.fails {
				t.Errorf("got %v", err)
			}
			<-p.Ended()
		})
	}
}

func TestStageIsEmptyAndHeldByOne(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "here")
	if err := os.MkdirAll(filepath.Join(dir, "state", "old"), 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := stage.Open("curfew", dir)
	if err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(s.State()); err != nil || len(left) > 0 {
		t.Errorf("left is %v, %v", left, err)
	}
	if _, err := stage.Open("curfew", dir); err == nil || !strings.Contains(err.Error(), "runs already") {
		t.Errorf("a second stage there: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := stage.Open("curfew", dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestCopyPutsThisRunsTextsInPlace(t *testing.T) {
	s, err := stage.Open("curfew", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Copy("../redis", "127.0.0.1:6390", "127.1.2.3:4", "../../.redis", s.State()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(s.Config("redis", "curfew.yaml"))
	if err != nil || !strings.Contains(string(text), "redis://127.1.2.3:4/0") || strings.Contains(string(text), "../../.redis") {
		t.Errorf("it is %s, %v", text, err)
	}
	if _, err := os.Stat(s.Config("redis", "main.go")); !errors.Is(err, os.ErrNotExist) {
		t.Error("programs are copied too")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(s.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Error("its folder is left")
	}
}

func TestStoryEndsWithTheFirstStepThatDidNotHappen(t *testing.T) {
	played := 0
	happens := func(context.Context, int) error { played++; return nil }
	fails := func(context.Context, int) error { played++; return errors.New("no") }
	err := stage.Play(t.Context(), 0, []stage.Step[int]{{Title: "a", Play: happens}, {Title: "b", Play: fails}, {Title: "c", Play: happens}})
	if err == nil || played != 2 || !strings.Contains(err.Error(), `step 2, "b"`) {
		t.Errorf("after %d steps: %v", played, err)
	}
}

func TestInTimeIsNeitherBeforeNorASecondAfter(t *testing.T) {
	due := time.Now()
	for late, ok := range map[time.Duration]bool{-time.Millisecond: false, 0: true, time.Second: true, 1001 * time.Millisecond: false} {
		if err := stage.InTime("closed", due.Add(late), due); (err == nil) != ok {
			t.Errorf("%s: %v", late, err)
		}
	}
}
