package access_test

import data.access

test_incidents[note] if {
	some note, tc in {
		"until their incident is resolved: allowed": {
			"patch": array.concat(_for_incident({}), [_shifts([])]),
			"effect": "allow",
			"codes": {"in_incident"},
		},
		"on call, until their incident is resolved: allowed for that": {
			"patch": _for_incident({}),
			"effect": "allow",
			"codes": {"in_incident"},
		},
		"until an incident on a service of the owner's is resolved: allowed": {
			"patch": array.concat(_for_incident({"escalation_policy": {"id": "PLAT"}}), _groups([])),
			"effect": "allow",
			"codes": {"in_incident"},
		},
		"on call for the incident's escalation policy: allowed": {
			"patch": array.concat(_for_incident({"roles": []}), [_shifts([_shift({
				"schedule": null,
				"policy": {"id": "PPAY"},
			})])]),
			"effect": "allow",
			"codes": {"in_incident"},
		},
		"a part in the incident, and on-call facts not known: allowed": {
			"patch": array.concat(_for_incident({}), _no_oncall),
			"effect": "allow",
			"codes": {"in_incident"},
		},
		"until their incident is resolved, groups not known: allowed": {
			"patch": array.concat(_for_incident({}), _no_groups),
			"effect": "allow",
			"codes": {"in_incident"},
		},
		"until their incident is resolved, restricted: review": {
			"patch": array.concat(
				_for_incident({}),
				[_set("/resource/properties/tier", "restricted"), _shifts([]), _groups([])[0]],
			),
			"effect": "review",
			"codes": {"restricted_review"},
		},
		"until an incident is resolved, and that is not offered": {
			"patch": array.concat(_for_incident({}), [_set("/resource/while", ["oncall"])]),
			"effect": "deny",
			"codes": {"while_not_offered"},
		},
		"incidents not known": {
			"patch": array.concat(_while("incident:PT4KHLK"), [_set("/context/incidents", {"known": false})]),
			"effect": "deny",
			"codes": {"incidents_unknown"},
		},
		"an incident that is not open": {
			"patch": _while("incident:PT4KHLK"),
			"effect": "deny",
			"codes": {"incident_not_open"},
		},
		"an incident that is not open, and nobody knows who is on call": {
			"patch": array.concat(_while("incident:PT4KHLK"), _no_oncall),
			"effect": "deny",
			"codes": {"incident_not_open", "oncall_unknown"},
		},
		"another team's incident": {
			"patch": _for_incident({"escalation_policy": {"id": "PLAT"}, "service": {"id": "SLAT"}}),
			"effect": "deny",
			"codes": {"incident_not_of_team"},
		},
		"the team's incident, and somebody on call too far up": {
			"patch": array.concat(_for_incident({"roles": []}), [_shifts([_shift({
				"schedule": null,
				"policy": {"id": "PPAY"},
				"level": 2,
			})])]),
			"effect": "deny",
			"codes": {"not_in_incident"},
		},
		"another team's incident, and not in it": {
			"patch": _for_incident({
				"escalation_policy": {"id": "PLAT"},
				"service": {"id": "SLAT"},
				"roles": [],
			}),
			"effect": "deny",
			"codes": {"incident_not_of_team", "not_in_incident"},
		},
		"in nothing of an incident, and on-call facts not known": {
			"patch": array.concat(_for_incident({"roles": []}), _no_oncall),
			"effect": "deny",
			"codes": {"oncall_unknown"},
		},
	}

	decision := access.decision with input as json.patch(_input, tc.patch) with data.teams as _teams
		with data.curfew.config as _config
	decision.effect == tc.effect
	{reason.code | some reason in decision.reasons} == tc.codes
}

test_caps_and_grace[note] if {
	some note, tc in {
		"while on call no longer than the settings say, and a while to hand over": {
			"config": {"oncall": {"max_level": 1, "max_seconds": 43200, "grace_seconds": 900}},
			"patch": _while("oncall"),
			"terms": {
				"max_seconds": 43200,
				"until": {
					"oncall": [{"level": 1, "schedule": "payments-primary"}],
					"grace_seconds": 900,
				},
			},
		},
		"a cap holds where no duration is on offer": {
			"config": {"oncall": {"max_level": 1, "max_seconds": 43200}},
			"patch": array.concat(_while("oncall"), [_set("/resource/durations_seconds", [])]),
			"terms": {
				"max_seconds": 43200,
				"until": {"oncall": [{"level": 1, "schedule": "payments-primary"}]},
			},
		},
		"what is no number of seconds is no cap and no grace": {
			"config": {"oncall": {"max_level": 1, "max_seconds": "12h", "grace_seconds": "15m"}},
			"patch": _while("oncall"),
			"terms": {
				"max_seconds": 14400,
				"until": {"oncall": [{"level": 1, "schedule": "payments-primary"}]},
			},
		},
		"neither is less than one": {
			"config": {"oncall": {"max_level": 1, "max_seconds": 0, "grace_seconds": -1}},
			"patch": _while("oncall"),
			"terms": {
				"max_seconds": 14400,
				"until": {"oncall": [{"level": 1, "schedule": "payments-primary"}]},
			},
		},
		"until an incident is resolved no longer than the settings say, and no longer": {
			"config": {
				"oncall": {"max_level": 1, "max_seconds": 60, "grace_seconds": 900},
				"incident": {"max_seconds": 7200},
			},
			"patch": _for_incident({}),
			"terms": {"max_seconds": 7200, "until": {"incident": "PT4KHLK"}},
		},
		"for a length they change nothing": {
			"config": {"oncall": {"max_level": 1, "max_seconds": 43200, "grace_seconds": 900}},
			"patch": [],
			"terms": {"max_seconds": 14400},
		},
	}

	config := object.union(_config, tc.config)
	decision := access.decision with input as json.patch(_input, tc.patch)
		with data.teams as _teams
		with data.curfew.config as config
	object.remove(decision, {"effect", "reasons"}) == tc.terms
}

# While an incident of payments is open, which is Alice's.
_for_incident(differing) := array.concat(_while("incident:PT4KHLK"), [_set("/context/incidents/open", [object.union(
	{
		"id": "PT4KHLK",
		"number": 17,
		"title": "Payments are slow",
		"status": "acknowledged",
		"urgency": "high",
		"service": {"id": "SPAY"},
		"escalation_policy": {"id": "PPAY"},
		"roles": ["acknowledger", "assignee"],
	},
	differing,
)])])
