package access_test

import data.access

test_emergency[note] if {
	some note, tc in {
		"neither on call nor in the owner's group: allowed": {
			"patch": _emergency,
			"codes": {"break_glass"},
		},
		"in the owner's group, too: allowed without a reviewer": {
			"patch": array.concat(_emergency, _groups(["payments", "sre"])),
			"codes": {"break_glass"},
		},
		"on-call facts not known: allowed": {
			"patch": array.concat(_emergency, _no_oncall),
			"codes": {"break_glass"},
		},
		"nobody knows the owner's team: allowed": {
			"patch": array.concat(_emergency, [_set("/resource/properties/owner", "legal")]),
			"codes": {"break_glass"},
		},
		"on call: allowed as ever": {
			"patch": array.concat(_emergency, [_shifts([_shift({})])]),
			"codes": {"on_call"},
		},
		"in no such group: denied as ever": {
			"patch": array.concat(_emergency, _groups(["sales"])),
			"codes": {"not_on_call_nor_in_team"},
		},
		"in such a group, and no emergency: denied as ever": {
			"patch": array.concat(_emergency, [_set("/context/emergency", false)]),
			"codes": {"not_on_call_nor_in_team"},
		},
		"in no such group but in the owner's: review": {
			"patch": array.concat(_emergency, _groups(["payments"])),
			"codes": {"team_review"},
		},
		"groups not known": {
			"patch": array.concat(_emergency, [_set("/subject/properties/groups_known", false)]),
			"codes": {"groups_unknown"},
		},
		"restricted": {
			"patch": array.concat(_emergency, [_set("/resource/properties/tier", "restricted")]),
			"codes": {"not_on_call_nor_in_team"},
		},
		"no owner": {
			"patch": array.concat(_emergency, [{"op": "remove", "path": "/resource/properties/owner"}]),
			"codes": {"owner_unknown"},
		},
		"no reason": {
			"patch": array.concat(_emergency, [_set("/context/reason", "")]),
			"codes": {"no_reason"},
		},
		"longer than an emergency gives": {
			"patch": array.concat(_emergency, [_set("/context/for_seconds", 7200)]),
			"codes": {"break_glass_too_long", "not_on_call_nor_in_team"},
		},
		"longer than an emergency gives, and in the owner's group: review": {
			"patch": array.flatten([_emergency, _set("/context/for_seconds", 7200), _groups(["payments", "sre"])]),
			"codes": {"team_review"},
		},
		"as long as a shift lasts, which it is not about": {
			"patch": array.concat(_emergency, _while("oncall")),
			"codes": {"not_on_call"},
		},
	}

	decision := access.decision with input as json.patch(_input, tc.patch) with data.teams as _teams
		with data.curfew.config as _glass_config
	{reason.code | some reason in decision.reasons} == tc.codes
}

test_emergency_settings[note] if {
	some note, tc in {
		"nobody, as it is shipped": {
			"glass": {"groups": []},
			"patch": [],
			"effect": "deny",
		},
		"groups that are not a list are none": {
			"glass": {"groups": {"a": "sre"}},
			"patch": [],
			"effect": "deny",
		},
		"without a length nobody gets in": {
			"glass": {"max_seconds": "1h"},
			"patch": [],
			"effect": "deny",
		},
		"restricted resources, where the settings say so": {
			"glass": {"restricted": true},
			"patch": [_set("/resource/properties/tier", "restricted")],
			"effect": "allow",
		},
		"on call, restricted, where the settings say so": {
			"glass": {"restricted": true},
			"patch": [_set("/resource/properties/tier", "restricted"), _shifts([_shift({})])],
			"effect": "allow",
		},
		"restricted resources, where the settings do not say so clearly": {
			"glass": {"restricted": "no"},
			"patch": [_set("/resource/properties/tier", "restricted")],
			"effect": "deny",
		},
	}

	config := object.union(_glass_config, {"break_glass": object.union(_glass, tc.glass)})
	decision := access.decision with input as json.patch(_input, array.concat(_emergency, tc.patch))
		with data.teams as _teams
		with data.curfew.config as config
	decision.effect == tc.effect
}

test_emergency_is_loud if {
	decision := access.decision with input as json.patch(_input, _emergency) with data.teams as _teams
		with data.curfew.config as _glass_config
	object.remove(decision, {"reasons"}) == {
		"effect": "allow",
		"max_seconds": 3600,
		"obligations": {"notify": ["#incidents"], "after_review": true},
	}
}

test_emergency_is_looked_at_though_no_channel_is_told if {
	config := object.union(_config, {"break_glass": object.remove(_glass, {"notify"})})
	decision := access.decision with input as json.patch(_input, _emergency) with data.teams as _teams
		with data.curfew.config as config
	decision.obligations == {"notify": [], "after_review": true}
}

test_terms_of_a_review[note] if {
	some note, tc in {
		"a team has its reviewers asked in channels, and says who answers if they do not": {
			"team": {"review_channels": ["#payments"], "escalate": {"after_seconds": 600, "groups": ["leads"]}},
			"emergency": false,
			"terms": {"channels": ["#payments"], "escalate": {"after_seconds": 600, "groups": ["leads"]}},
		},
		"in an emergency they are asked again soon": {
			"team": {},
			"emergency": true,
			"terms": {"remind_seconds": 120},
		},
	}

	teams := object.union(_teams, {"payments": tc.team})
	patch := [_shifts([]), _set("/context/emergency", tc.emergency)]
	decision := access.decision with input as json.patch(_input, patch) with data.teams as teams
		with data.curfew.config as _config
	decision.reviewers == object.union({"groups": ["security"], "quorum": 1}, tc.terms)
}

# Alice is not on call, and may break the glass.
_emergency := array.concat(
	[_set("/context/emergency", true), _set("/context/for_seconds", 3600), _shifts([])],
	_groups(["sre"]),
)

_glass := {"groups": ["sre", "managers"], "max_seconds": 3600, "restricted": false, "notify": ["#incidents"]}

_glass_config := object.union(_config, {"break_glass": _glass})
