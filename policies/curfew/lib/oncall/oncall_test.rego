package curfew.lib.oncall_test

import data.curfew.lib.oncall

_team := {"schedules": ["primary"], "escalation_policies": ["PPAY"]}

test_counts[note] if {
	some note, shift in {
		"without bounds": {"start": null, "end": null},
		"begun this moment": {"start": "2026-03-02T10:00:00Z", "end": null},
		"ends in the next nanosecond": {"start": null, "end": "2026-03-02T10:00:00.000000001Z"},
		"until the end of time": {"start": "0001-01-01T00:00:00Z", "end": "9999-12-31T23:59:59Z"},
		"by the escalation policy": {"schedule": null, "policy": {"id": "PPAY"}},
		"by the escalation policy, whatever the schedule": {"schedule": {"id": "other"}, "policy": {"id": "PPAY"}},
	}

	shifts := oncall.shifts_for(_team) with input as _input(true, shift) with data.curfew.config as _config
	count(shifts) == 1
}

test_does_not_count[note] if {
	some note, shift in {
		"begins in the next nanosecond": {"start": "2026-03-02T10:00:00.000000001Z"},
		"ended this moment": {"end": "2026-03-02T10:00:00Z"},
		"another schedule": {"schedule": {"id": "other"}},
		"neither schedule nor policy": {"schedule": null, "policy": null},
		"paged second": {"level": 2},
		"a level that is not a number": {"level": "1"},
		"a start that is no time": {"start": "soon"},
		"an end that is no time": {"end": "soon"},
	}

	shifts := oncall.shifts_for(_team) with input as _input(true, shift) with data.curfew.config as _config
	count(shifts) == 0
}

test_a_start_in_the_past_does_not_bring_an_old_shift_back if {
	at := oncall.at with input as {"context": {
		"now": "2026-03-02T10:00:00Z",
		"starts_at": "2026-03-01T10:00:00Z",
	}}

	at == time.parse_rfc3339_ns("2026-03-02T10:00:00Z")
}

test_nobody_is_on_call_when_that_is_not_known if {
	shifts := oncall.shifts_for(_team) with input as _input(false, {}) with data.curfew.config as _config

	count(shifts) == 0
}

test_a_team_without_schedules_has_nobody_on_call if {
	shifts := oncall.shifts_for({}) with input as _input(true, {}) with data.curfew.config as _config
	count(shifts) == 0
}

test_a_later_shift_is_the_teams_and_does_not_count_yet if {
	later := {"start": "2026-03-02T11:00:00Z"}
	count(oncall.shifts_of(_team)) == 1 with input as _input(true, later) with data.curfew.config as _config
	count(oncall.shifts_for(_team)) == 0 with input as _input(true, later) with data.curfew.config as _config
}

test_refs_name_what_there_is if {
	oncall.refs({
		{"schedule": {"id": "primary"}, "policy": null, "level": 1, "end": null},
		{"schedule": {"id": "primary"}, "policy": null, "level": 1, "end": "2026-03-02T10:00:00Z"},
		{"schedule": null, "policy": {"id": "PPAY"}, "level": 2},
		{"source": "rota", "schedule": {"id": "primary"}, "policy": null, "level": 1},
	}) == [
		{"level": 1, "schedule": "primary"},
		{"level": 1, "schedule": "primary", "source": "rota"},
		{"level": 2, "policy": "PPAY"},
	]
}

# A team that changes the settings runs these tests as well.
_config := {"oncall": {"max_level": 1}}

_input(known, shift) := {"context": {
	"now": "2026-03-02T10:00:00Z",
	"starts_at": null,
	"oncall": {"known": known, "shifts": [object.union(
		{"schedule": {"id": "primary"}, "policy": null, "level": 1, "start": null, "end": null},
		shift,
	)]},
}}
