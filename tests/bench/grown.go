package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/pdp"
	"github.com/curfew-access/curfew/policies"
)

// grownFigure is a decision with so many teams in the data of the policies.
type grownFigure struct {
	Teams    int     `json:"teams"`
	Name     string  `json:"name"`
	Nanos    spread  `json:"ns_per_op"`
	Allocs   float64 `json:"allocs_per_op"`
	Resident int64   `json:"resident_bytes"`
	Of       *spread `json:"of_the_fewest,omitempty"` // Nanos, each round of that with the fewest teams
}

// grownNames is what is asked: the decision that is shipped, and a document of a
// policy of a hundred lines, from bytes to bytes.
var grownNames = []string{"data.access.decision", "data.bench.decision"}

// measureGrown takes turns between processes that hold policies with ever more
// data, so that what the collection of garbage costs is in each figure.
func measureGrown(ctx context.Context, s *stage, r *report) (err error) {
	var children closers
	defer func() { err = errors.Join(err, children.close()) }()
	at := make([]*child, len(s.opts.Teams))
	for i, teams := range s.opts.Teams {
		team, _, err := writePolicies(filepath.Join(s.dir, fmt.Sprintf("teams-%d", teams)), teams)
		if err != nil {
			return err
		}
		if at[i], err = startChild(ctx, childConfig{Kind: "bare", Policies: team}); err != nil {
			return err
		}
		children.add(at[i].stop)
	}
	costs := map[grownKey][]cost{}
	for round := range s.opts.Rounds + 1 { // the first is not counted
		s.say("round %d of %d", round, s.opts.Rounds)
		for i := range at {
			for _, name := range grownNames {
				var c sampled
				if err := at[i].object(ctx, "/more/"+name+"?length="+s.opts.Bare.String(), &c); err != nil {
					return err
				}
				if key := (grownKey{i, name}); round > 0 {
					costs[key] = append(costs[key], cost{c.Nanos, c.Allocs, c.Bytes})
				}
			}
		}
	}
	for _, name := range grownNames {
		for i, teams := range s.opts.Teams {
			f := grownFigure{Teams: teams, Name: name, Resident: memoryOf(at[i].process.Process.Pid, "VmRSS:")}
			f.Nanos, f.Allocs = summed(costs[grownKey{i, name}])
			if i > 0 {
				fewest, _ := summed(costs[grownKey{0, name}])
				f.Of = new(per(f.Nanos, fewest))
			}
			r.Grown = append(r.Grown, f)
		}
	}
	return nil
}

type grownKey struct {
	teams int
	name  string
}

// sampled is a cost as a child tells it.
type sampled struct{ Nanos, Allocs, Bytes float64 }

func summed(costs []cost) (nanos spread, allocs float64) {
	var n, a []float64
	for _, c := range costs {
		n, a = append(n, c.nanos), append(a, c.allocs)
	}
	return spreadOf(n), quantile(a, 0.5)
}

// newBare is a process that only decides, when it is asked to.
func newBare(ctx context.Context, cfg childConfig) (served, error) {
	p, err := pdp.Open(ctx, pdp.Config{Library: policies.FS, Dir: cfg.Policies})
	if err != nil {
		return served{}, err
	}
	mux := http.NewServeMux()
	on := func(name string, call func() error) {
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) {
			length, err := time.ParseDuration(r.URL.Query().Get("length"))
			var c cost
			if err == nil {
				c, err = sample(call, length)
			}
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			_ = json.NewEncoder(w).Encode(sampled{c.nanos, c.allocs, c.bytes})
		})
	}
	allow := questions(time.Now().UTC().Truncate(time.Microsecond))[0]
	on(grownNames[0], func() error { return decideAs(ctx, p, allow) })
	query := access.Query{Path: []string{"bench", "decision"}, Input: vouchedInput(1)}
	on(grownNames[1], func() error {
		a, err := p.Query(ctx, query)
		if err == nil && a.Result == nil {
			err = errors.New("it is undefined")
		}
		return err
	})
	return served{handler: http.NotFoundHandler(), delivered: func() int64 { return 0 }, control: mux, close: func() error { return nil }}, nil
}

func grownTable(figures []grownFigure) table {
	t := table{title: "A decision as the data grows", head: []string{"", "", "us/op", "", "allocs/op", "of the fewest", "", "MB"}}
	for _, f := range figures {
		t.row(f.Name, fmt.Sprintf("%d teams", f.Teams), fmt.Sprintf("%.0f", f.Nanos.Median/1000),
			fmt.Sprintf("[%.0f to %.0f]", f.Nanos.P10/1000, f.Nanos.P90/1000), fmt.Sprintf("%.0f", f.Allocs),
			median("%.2f", f.Of), span("[%.2f to %.2f]", f.Of), fmt.Sprintf("%.0f", mega(f.Resident)))
	}
	return t
}
