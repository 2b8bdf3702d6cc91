package curfew.lib.incident_test

import data.curfew.lib.incident

test_asked[note] if {
	some note, tc in {
		"an open one of theirs": ["incident:Q1", true, 1],
		"another": ["incident:Q2", true, 0],
		"none": ["incident:", true, 0],
		"no incident": ["oncall", true, 0],
		"nothing": [null, true, 0],
		"what is not known": ["incident:Q1", false, 0],
	}

	asked := incident.asked with input as {"context": {
		"while": tc[0],
		"incidents": {"known": tc[1], "open": [_incident({})]},
	}}
	count(asked) == tc[2]
}

test_team[note] if {
	some note, tc in {
		"by the escalation policy": [{"escalation_policies": ["PPAY"]}, true],
		"by the service": [{"services": ["SPAY"]}, true],
		"by neither": [{"escalation_policies": ["PLAT"], "services": ["SPLAT"]}, false],
		"by nothing": [{}, false],
		"by what is no list": [{"services": "SPAY"}, false],
	}

	count([true | incident.of_team(_incident({}), tc[0])]) == _ones(tc[1])
}

test_whose[note] if {
	some note, tc in {
		"assigned": [{"roles": ["assignee"]}, [], true],
		"acknowledged": [{"roles": ["acknowledger"]}, [], true],
		"responding": [{"roles": ["responder"]}, [], true],
		"a part that nobody has heard of": [{"roles": ["onlooker"]}, [], false],
		"on call for its escalation policy": [{}, [_shift({})], true],
		"on call too far up": [{}, [_shift({"level": 2})], false],
		"on call later": [{}, [_shift({"start": "2026-03-02T11:00:00Z"})], false],
		"on call for another": [{}, [_shift({"policy": {"id": "PLAT"}})], false],
		"on call for nothing": [
			{"escalation_policy": {"id": ""}},
			[_shift({"policy": {"id": ""}})],
			false,
		],
		"nothing": [{}, [], false],
	}

	is_subjects := [true | incident.is_subjects(_incident(tc[0]))] with input as _input(tc[1])
		with data.curfew.config as {"oncall": {"max_level": 1}}
	count(is_subjects) == _ones(tc[2])
}

_ones(true) := 1

_ones(false) := 0

_incident(differing) := object.union(
	{"id": "Q1", "service": {"id": "SPAY"}, "escalation_policy": {"id": "PPAY"}, "roles": []},
	differing,
)

_shift(differing) := object.union(
	{"schedule": null, "policy": {"id": "PPAY"}, "level": 1, "start": null, "end": null},
	differing,
)

_input(shifts) := {"context": {
	"now": "2026-03-02T10:00:00Z",
	"starts_at": null,
	"oncall": {"known": true, "shifts": shifts},
}}
