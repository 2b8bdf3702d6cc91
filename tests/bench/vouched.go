package main

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/curfew-access/curfew/policies"
)

// benchPolicy is a policy of some hundred lines, to be asked over OPA's Data API.
//
//go:embed policy/bench.rego
var benchPolicy []byte

// vouchedPath is what is asked of it.
const vouchedPath = "bench/decision"

// vouchedResources is how many resources its data has.
const vouchedResources = 500

// writePolicies writes what both servers load: into team a directory as Curfew
// has it, and into library the policies that Curfew carries within itself. teams
// is how many teams are in the data beside those of the quickstart.
func writePolicies(dir string, teams int) (team, library string, err error) {
	team, library = filepath.Join(dir, "team"), filepath.Join(dir, "library")
	data, err := json.Marshal(vouchedData())
	if err != nil {
		return "", "", err
	}
	named, err := json.Marshal(map[string]any{"teams": manyTeams(teams)})
	if err != nil {
		return "", "", err
	}
	return team, library, errors.Join(
		os.MkdirAll(filepath.Join(team, "bench"), 0o755),
		os.WriteFile(filepath.Join(team, "bench", "bench.rego"), benchPolicy, 0o600),
		os.WriteFile(filepath.Join(team, "bench", "data.json"), data, 0o600),
		os.WriteFile(filepath.Join(team, "data.json"), named, 0o600),
		writeLibrary(library))
}

// writeLibrary writes the policies that Curfew ships with, but not their tests.
func writeLibrary(dir string) error {
	return fs.WalkDir(policies.FS, ".", func(name string, entry fs.DirEntry, err error) error {
		switch match, _ := filepath.Match("*_test.rego", entry.Name()); {
		case err != nil:
			return err
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(dir, name), 0o755)
		case match || filepath.Ext(name) == ".jsonschema":
			return nil
		}
		raw, err := fs.ReadFile(policies.FS, name)
		return errors.Join(err, os.WriteFile(filepath.Join(dir, name), raw, 0o600))
	})
}

func manyTeams(n int) map[string]any {
	teams := map[string]any{"payments": map[string]any{"group": "payments", "schedules": []string{"payments-primary"}}}
	for i := range n - 1 {
		name := fmt.Sprintf("team-%06d", i)
		teams[name] = map[string]any{"group": name, "schedules": []string{name + "-primary", name + "-secondary"}, "escalation_policies": []string{"P" + name}}
	}
	return teams
}

// benchNow is the time at which the policy is asked.
var benchNow = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

func vouchedData() map[string]any {
	at := func(hours int) int64 { return benchNow.Add(time.Duration(hours) * time.Hour).UnixNano() }
	tiers := []string{"gold", "silver", "bronze"}
	all := map[string]any{}
	for i := range vouchedResources {
		all[fmt.Sprintf("resource-%03d", i)] = map[string]any{
			"owner": fmt.Sprintf("team-%02d", i%20), "tier": tiers[i%len(tiers)], "regions": []string{"eu-1", "eu-2", "us-1"},
			"actions": map[string]bool{"read": true, "debug": true, "restart": i%2 == 0},
		}
	}
	oncall := map[string]any{}
	for i := range 20 {
		var windows []any
		for w := range 6 {
			windows = append(windows, map[string]any{
				"subject": fmt.Sprintf("person-%02d-%d@example.com", i, w), "start_ns": at(8 * (w - 3)), "end_ns": at(8 * (w - 2)),
			})
		}
		oncall[fmt.Sprintf("team-%02d", i)] = windows
	}
	return map[string]any{"resources": all, "oncall": oncall, "freezes": []any{
		map[string]any{"tier": "gold", "start_ns": at(-200), "end_ns": at(-100)},
		map[string]any{"tier": "gold", "start_ns": at(100), "end_ns": at(200)},
		map[string]any{"tier": "silver", "start_ns": at(-1), "end_ns": at(1)},
	}}
}

// vouchedInput is the nth input: about 2,000 bytes, of somebody who is allowed.
func vouchedInput(n int64) []byte {
	at := func(hours int) int64 { return benchNow.Add(time.Duration(hours) * time.Hour).UnixNano() }
	resource := int(n) % (vouchedResources / 3) * 3 // of tier gold
	owner := fmt.Sprintf("team-%02d", resource%20)
	var shifts, approvals []any
	for i := range 6 {
		shifts = append(shifts, map[string]any{
			"team": fmt.Sprintf("team-%02d", (resource+i+1)%20), "schedule": fmt.Sprintf("schedule-%02d-primary", i), "level": 1 + i%3,
			"start_ns": at(-8), "end_ns": at(8),
		})
	}
	for i := range 3 {
		approvals = append(approvals, map[string]any{
			"by": fmt.Sprintf("reviewer-%d@example.com", i), "verdict": "approve", "at": "2026-03-02T09:58:11Z", "comment": "seen, go ahead",
		})
	}
	raw, err := json.Marshal(map[string]any{
		"subject": map[string]any{"type": "user", "id": fmt.Sprintf("person-%05d@example.com", n%8192), "properties": map[string]any{
			"groups": []string{"engineering", "on-call", "eu", owner, "incident-commanders"}, "department": "Platform", "manager": "frank@example.com",
			"device": map[string]any{"id": "4f9a0c6e-7c1d-4a39-9a55-0c2f6f3a1b77", "managed": true, "os": "linux", "checked_at": "2026-03-02T09:40:00Z"},
		}},
		"action":   map[string]any{"name": "debug"},
		"resource": map[string]any{"type": "instance", "id": fmt.Sprintf("resource-%03d", resource), "properties": map[string]any{"cluster": "prod-7", "version": "2026.2.14"}},
		"now_ns":   benchNow.UnixNano(),
		"context": map[string]any{
			"shifts": shifts, "approvals": approvals, "region": "eu-2", "ticket": "PD-4711", "for_seconds": 3600, "emergency": false, "reason": reason,
			"client": map[string]any{"address": "192.0.2.17", "agent": "curfew/1.0", "channel": "api", "session": "b3f1c2d0a9e84f57"},
		},
	})
	if err != nil {
		panic(err) // texts and numbers: never
	}
	return raw
}

// vouchedBody is the nth body of a POST of OPA's Data API.
func vouchedBody(n int64) []byte {
	return append(append([]byte(`{"input":`), vouchedInput(n)...), '}')
}
