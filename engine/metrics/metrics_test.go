package metrics_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/metrics"
	"github.com/curfew-access/curfew/tests/bubble"
)

var _ engine.Observer = (*metrics.Metrics)(nil)

// scrape returns every series with its value.
func scrape(t *testing.T, m *metrics.Metrics) map[string]string {
	t.Helper()
	rec := httptest.NewRecorder()
	m.Handler().ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	if rec.Code != http.StatusOK {
		t.Fatalf("status %d: %s", rec.Code, rec.Body)
	}
	series := map[string]string{}
	for line := range strings.Lines(rec.Body.String()) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), " "); found && name != "#" {
			series[name] = value
		}
	}
	return series
}

func wantSeries(t *testing.T, got map[string]string, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s is %q, want %q", name, got[name], value)
		}
	}
}

func full() metrics.Config {
	return metrics.Config{
		Version:     "1.2.3",
		Uncertainty: func() time.Duration { return 2 * time.Millisecond },
		Skew:        func() time.Duration { return -time.Second },
		Lease: func() metrics.Lease {
			return metrics.Lease{Connected: true, Epoch: 7, Announced: true, Skew: 30 * time.Millisecond}
		},
		Policy: func() metrics.Policy {
			return metrics.Policy{Since: time.UnixMilli(1_700_000_000_500), Refusals: 2, Current: true, Active: false, SourceUp: true}
		},
		Decisions: func() metrics.Decisions { return metrics.Decisions{Logged: 7, Dropped: 2, Bytes: 512} },
		Hooks: func() map[string]map[string]int64 {
			return map[string]map[string]int64{"pagerduty": {"taken": 3, "refused": 0}}
		},
		Sources: func() []access.SourceState {
			return []access.SourceState{{Name: "rota", Kind: access.SourceOnCall, Known: true, AgeSeconds: new(int64(4))}}
		},
		Targets: func() []metrics.Target {
			return []metrics.Target{{Name: "okta", Up: true, UnderWay: 3}, {Name: "gate"}}
		},
		Figures: func(context.Context) (metrics.Figures, error) {
			return metrics.Figures{Live: 12, Overdue: 3, Tasks: access.TaskCounts{Flag: 2, BulkEnd: 1}, Notices: access.NoticeCounts{Waiting: 5, Oldest: 90 * time.Second},
				Alarms: access.AlarmCounts{Overdue: 2, SyncStale: 1, Untold: 4}, Verify: access.VerifyCounts{Drifted: 6, Oldest: time.Minute}}, nil
		},
		SyncAges: func(context.Context) (map[string]time.Duration, error) {
			return map[string]time.Duration{"aws": time.Hour}, nil
		},
		Sinks: func(context.Context) ([]metrics.Sink, error) { return []metrics.Sink{{Name: "file"}}, nil },
		Log:   slog.New(slog.DiscardHandler),
	}
}

func TestWhatIsObservedIsCounted(t *testing.T) {
	t.Parallel()
	m := metrics.New(full())
	m.Ended(2*time.Millisecond, true)
	m.Ended(40*time.Second, false)
	m.Ended(-time.Second, true) // a clock that was corrected
	m.Confirmed(10 * time.Minute)
	m.Mended(access.Mended{Missing: 1, Extra: 2, Wrong: 3})
	m.Mended(access.Mended{})
	m.Checked("lease")
	m.Checked("lease")
	m.Checked("none")
	m.Noticed("shown")
	m.Noticed("shown")
	m.Noticed("held")
	m.Asked(access.AskedAgreed)
	m.Asked(access.AskedDrifted)
	m.Asked(access.AskedDrifted)
	wantSeries(t, scrape(t, m), map[string]string{
		`curfew_grants_ended_total{heard="true"}`:                `2`,
		`curfew_grants_ended_total{heard="false"}`:               `1`,
		`curfew_expiry_lateness_seconds_bucket{le="0.001"}`:      `1`,
		`curfew_expiry_lateness_seconds_bucket{le="0.002"}`:      `2`,
		`curfew_expiry_lateness_seconds_bucket{le="30.0"}`:       ``,
		`curfew_expiry_lateness_seconds_bucket{le="30"}`:         `2`,
		`curfew_expiry_lateness_seconds_bucket{le="60"}`:         `3`,
		`curfew_expiry_lateness_seconds_count`:                   `3`,
		`curfew_expiry_lateness_seconds_sum`:                     `40.002`,
		`curfew_expiry_to_confirmed_seconds_bucket{le="300"}`:    `0`,
		`curfew_expiry_to_confirmed_seconds_bucket{le="900"}`:    `1`,
		`curfew_expiry_to_confirmed_seconds_bucket{le="0.0075"}`: `0`,
		`curfew_lease_mended_total{kind="missing"}`:              `1`,
		`curfew_lease_mended_total{kind="extra"}`:                `2`,
		`curfew_lease_mended_total{kind="wrong"}`:                `3`,
		`curfew_checks_total{by="lease"}`:                        `2`,
		`curfew_checks_total{by="ledger"}`:                       `0`,
		`curfew_checks_total{by="none"}`:                         `1`,
		`curfew_notices_total{outcome="shown"}`:                  `2`,
		`curfew_notices_total{outcome="held"}`:                   `1`,
		`curfew_notices_total{outcome="dropped"}`:                `0`,
		`curfew_verifications_total{outcome="agreed"}`:           `1`,
		`curfew_verifications_total{outcome="drifted"}`:          `2`,
		`curfew_verifications_total{outcome="failed"}`:           `0`,
	})
}

func TestWhatIsReadWhenAskedIsThere(t *testing.T) {
	t.Parallel()
	got := scrape(t, metrics.New(full()))
	wantSeries(t, got, map[string]string{
		"curfew_clock_uncertainty_seconds": "0.002",
		"curfew_clock_skew_seconds":        "-1",
		"curfew_lease_clock_skew_seconds":  "0.03",
		"curfew_lease_connected":           "1",
		"curfew_notices_waiting":           "5",
		"curfew_notice_oldest_seconds":     "90",
		"curfew_lease_epoch":               "7",
		"curfew_lease_expired_events":      "1",
		"curfew_bindings_overdue":          "3",
		"curfew_grants_live":               "12",

		"curfew_bindings_drifted":            "6",
		"curfew_verification_oldest_seconds": "60",

		`curfew_tasks_open{kind="flag"}`: "2", `curfew_tasks_open{kind="bulk_end"}`: "1", `curfew_tasks_open{kind="after_review"}`: "0",

		`curfew_alarms_open{kind="overdue"}`: "2", `curfew_alarms_open{kind="drifted"}`: "0", `curfew_alarms_open{kind="sync_stale"}`: "1",
		"curfew_alarms_untold":                  "4",
		`curfew_sync_age_seconds{source="aws"}`: "3600",

		"curfew_policy_activated_timestamp_seconds": "1.7000000005e+09",
		"curfew_policy_refused_total":               "2",
		"curfew_policy_current":                     "1",
		"curfew_policy_active":                      "0",
		"curfew_policy_source_up":                   "1",
	})
	for _, name := range []string{"go_goroutines", "process_resident_memory_bytes"} {
		if got[name] == "" {
			t.Errorf("%s is missing", name)
		}
	}
	found := false
	for name := range got {
		found = found || strings.HasPrefix(name, "curfew_build_info{") && strings.Contains(name, `version="1.2.3"`)
	}
	if !found {
		t.Error("what runs is not said")
	}
}

func TestWhatIsNotKnownIsAbsent(t *testing.T) {
	t.Parallel()
	silent := full()
	silent.Policy = func() metrics.Policy { return metrics.Policy{} }
	silent.Figures = func(context.Context) (metrics.Figures, error) { return metrics.Figures{}, errors.New("no answer") }
	for name, cfg := range map[string]metrics.Config{"nobody to ask": {Log: silent.Log}, "the ledger does not answer": silent} {
		got := scrape(t, metrics.New(cfg))
		for _, gauge := range []string{"curfew_bindings_overdue", "curfew_grants_live", "curfew_policy_activated_timestamp_seconds"} {
			if value, there := got[gauge]; there {
				t.Errorf("%s: %s is %s", name, gauge, value)
			}
		}
		if got["curfew_expiry_lateness_seconds_count"] != "0" {
			t.Errorf("%s: what is counted is not there", name)
		}
	}
}

func TestTwoRegistriesDoNotShareAnything(t *testing.T) {
	t.Parallel()
	one, two := metrics.New(full()), metrics.New(full())
	one.Checked("lease")
	wantSeries(t, scrape(t, two), map[string]string{`curfew_checks_total{by="lease"}`: "0"})
}

func TestLedgerIsAskedSeldom(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		cfg := full()
		cfg.Figures = func(context.Context) (metrics.Figures, error) {
			time.Sleep(900 * time.Millisecond) // costly: kept longer for it
			return metrics.Figures{Live: asked.Add(1)}, nil
		}
		m := metrics.New(cfg)
		for _, step := range []struct {
			after time.Duration
			live  string
		}{{0, "1"}, {10 * time.Second, "1"}, {7 * time.Second, "1"}, {2 * time.Second, "2"}, {time.Hour, "3"}} {
			time.Sleep(step.after)
			wantSeries(t, scrape(t, m), map[string]string{"curfew_grants_live": step.live})
		}
	})
}

func TestLedgerThatDoesNotAnswerHoldsNobodyUp(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		var asked atomic.Int64
		cfg := full()
		cfg.Figures = func(ctx context.Context) (metrics.Figures, error) {
			asked.Add(1)
			select {
			case <-answer:
				return metrics.Figures{Live: 5}, nil
			case <-ctx.Done():
				return metrics.Figures{}, ctx.Err()
			}
		}
		m := metrics.New(cfg)
		for range 3 {
			began := time.Now()
			if value, there := scrape(t, m)["curfew_grants_live"]; there || time.Since(began) > 2*time.Second {
				t.Errorf("answered %q after %s", value, time.Since(began))
			}
		}
		if n := asked.Load(); n != 1 {
			t.Errorf("the ledger was asked %d times at once", n)
		}
		close(answer)
		synctest.Wait()
		wantSeries(t, scrape(t, m), map[string]string{"curfew_grants_live": "5"})
	})
}

// TestEveryNameIsInTheManual holds the names against what operators read.
func TestEveryNameIsInTheManual(t *testing.T) {
	t.Parallel()
	manual, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	m := metrics.New(full())
	m.Polled("rota", "answered", time.Second) // a source has its series once it was asked
	m.SinkSent("file", 0)                     // and a sink once there is one
	var names []string
	for series := range scrape(t, m) {
		name, _, _ := strings.Cut(series, "{")
		if strings.HasPrefix(name, "curfew_") {
			names = append(names, strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_sum"), "_count"))
		}
	}
	var told []string
	for _, name := range regexp.MustCompile("`curfew_[a-z_]+").FindAllString(string(manual), -1) {
		told = append(told, strings.TrimPrefix(name, "`"))
	}
	for _, list := range []*[]string{&names, &told} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	if !slices.Equal(names, told) {
		t.Errorf("there are\n%v\nand the manual has\n%v", names, told)
	}
}
