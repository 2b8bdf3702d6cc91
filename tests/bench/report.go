package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// report is a run.
type report struct {
	Began   time.Time     `json:"began"`
	Seconds float64       `json:"seconds"`
	Options options       `json:"options"`
	Machine machine       `json:"machine"`
	Bare    []bareFigure  `json:"bare_decision"`
	Routes  []routeFigure `json:"routes"`

	Lateness []latenessFigure `json:"lateness,omitempty"`
	Bursts   []burstFigure    `json:"bursts,omitempty"`
	Requests []routeFigure    `json:"requests,omitempty"`
	Seals    []sealFigure     `json:"seals,omitempty"`
	Access   []accessFigure   `json:"access,omitempty"`
	Audits   []auditFigure    `json:"audits,omitempty"`
	Checks   []routeFigure    `json:"checks,omitempty"`
	Sizes    []sizeFigure     `json:"sizes,omitempty"`
	Revokes  []revokeFigure   `json:"revokes,omitempty"`
	Deaf     []deafFigure     `json:"deaf,omitempty"`

	Decisions []routeFigure `json:"decisions,omitempty"`
	Grown     []grownFigure `json:"grown,omitempty"`

	Polls []pollFigure  `json:"polls,omitempty"`
	Busy  []busyFigure  `json:"busy,omitempty"`
	Moved []movedFigure `json:"moved,omitempty"`

	Syncs      []syncFigure       `json:"syncs,omitempty"`
	Deliveries []deliveriesFigure `json:"deliveries,omitempty"`
	Dead       []deadFigure       `json:"dead_target,omitempty"`

	Slack   []slackFigure `json:"slack,omitempty"`
	Stalled []slackStall  `json:"slack_stalled,omitempty"`
}

// machine is where a run was made, and of what.
type machine struct {
	Go     string `json:"go"`
	OS     string `json:"os"`
	Arch   string `json:"arch"`
	CPUs   int    `json:"cpus"`
	Commit string `json:"commit,omitempty"`
	OPA    string `json:"opa,omitempty"`
	Gin    string `json:"gin,omitempty"`
	SQLite string `json:"sqlite,omitempty"`
}

func newReport(opts options) *report {
	m := machine{Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				m.Commit = s.Value
			}
		}
		for _, d := range info.Deps {
			switch d.Path {
			case "github.com/open-policy-agent/opa":
				m.OPA = d.Version
			case "github.com/gin-gonic/gin":
				m.Gin = d.Version
			case "modernc.org/sqlite":
				m.SQLite = d.Version
			}
		}
	}
	return &report{Began: time.Now(), Options: opts, Machine: m}
}

// print writes the tables.
func (r *report) print(out io.Writer) error {
	m := r.Machine
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s/%s, %d CPUs, OPA %s, gin %s, SQLite driver %s; %d rounds of %s, %.0f s in all.\n",
		m.Go, m.OS, m.Arch, m.CPUs, m.OPA, m.Gin, m.SQLite, r.Options.Rounds, r.Options.Window, r.Seconds)
	text.WriteString("Medians over the rounds, with [p10 to p90] of them. ")
	text.WriteString("Trust the ratios, which are taken within a round; the rest depends on the machine and its neighbours.\n")
	for i := range r.Lateness {
		r.Lateness[i].compare()
	}
	for _, t := range []table{
		bareTable(r.Bare), routeTable("Routes that decide", r.Routes), latenessTable(r.Lateness), besideTable(r.Lateness), burstTable(r.Bursts),
		routeTable("Durable requests", r.Requests), sealTable(r.Seals), accessTable(r.Access), auditTable(r.Audits), routeTable("Checks", r.Checks), sizeTable(r.Sizes), revokeTable(r.Revokes), deafTable(r.Deaf),
		routeTable("The decision API beside OPA's server, each on one processor", r.Decisions), opaTable(r.Decisions), grownTable(r.Grown),
		pollTable(r.Polls), busyTable(r.Busy), movedTable(r.Moved),
		syncTable(r.Syncs), deliveriesTable(r.Deliveries), deadTable(r.Dead),
		slackTable(r.Slack), stallTable(r.Stalled),
	} {
		t.write(&text)
	}
	_, err := io.WriteString(out, text.String())
	return err
}

func bareTable(figures []bareFigure) table {
	t := table{title: "Bare decision", head: []string{"", "us/op", "", "allocs/op", "B/op"}}
	for _, f := range figures {
		t.row(f.Name, fmt.Sprintf("%.0f", f.Nanos.Median/1000), fmt.Sprintf("[%.0f to %.0f]", f.Nanos.P10/1000, f.Nanos.P90/1000),
			fmt.Sprintf("%.0f", f.Allocs), fmt.Sprintf("%.0f", f.Bytes))
	}
	return t
}

func routeTable(title string, figures []routeFigure) table {
	t := table{
		title: title,
		head:  []string{"callers", "", "per s", "", "p50 us", "p99 us", "CPU us/call", "of no-op", "", "of floor", "", "of ledger", "", "of opa", "", "of opa, logging", "of single", "settled ms", "MB"},
	}
	for _, f := range figures {
		t.row(fmt.Sprint(f.Callers), f.Name,
			fmt.Sprintf("%.0f", f.PerSecond.Median), fmt.Sprintf("[%.0f to %.0f]", f.PerSecond.P10, f.PerSecond.P90),
			fmt.Sprintf("%.0f", f.P50Micros.Median), fmt.Sprintf("%.0f", f.P99Micros.Median), median("%.0f", f.CPUMicros),
			median("%.3f", f.OfNoop), span("[%.3f to %.3f]", f.OfNoop), median("%.2f", f.OfFloor), span("[%.2f to %.2f]", f.OfFloor),
			median("%.2f", f.OfLedger), span("[%.2f to %.2f]", f.OfLedger),
			median("%.2f", f.OfOPA), span("[%.2f to %.2f]", f.OfOPA), median("%.2f", f.OfLogged), median("%.2f", f.OfSingle),
			median("%.0f", f.SettleMillis), fmt.Sprintf("%.0f", mega(f.Resident)))
	}
	return t
}

func median(format string, s *spread) string {
	if s == nil {
		return ""
	}
	return fmt.Sprintf(format, s.Median)
}

func span(format string, s *spread) string {
	if s == nil {
		return ""
	}
	return fmt.Sprintf(format, s.P10, s.P90)
}

// write stores the run as JSON.
func (r *report) write(path string) error {
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, append(raw, '\n'), 0o600)
}
