package access_test

import data.access

test_decision[note] if {
	some note, tc in {
		"on call for the owner: allowed": {
			"patch": [],
			"effect": "allow",
			"codes": {"on_call"},
		},
		"on call by the escalation policy, without a schedule: allowed": {
			"patch": [_shifts([_shift({"schedule": null, "policy": {"id": "PPAY"}})])],
			"effect": "allow",
			"codes": {"on_call"},
		},
		"on call and no group is known: allowed": {
			"patch": _no_groups,
			"effect": "allow",
			"codes": {"on_call"},
		},
		"on call and the resource has no tier: allowed": {
			"patch": [{"op": "remove", "path": "/resource/properties/tier"}],
			"effect": "allow",
			"codes": {"on_call"},
		},
		"on call for as long as the shift lasts: allowed": {
			"patch": _while("oncall"),
			"effect": "allow",
			"codes": {"on_call"},
		},
		"on call at the start that is asked for: allowed": {
			"patch": [
				_set("/context/starts_at", "2026-03-02T12:00:00Z"),
				_shifts([_shift({"start": "2026-03-02T12:00:00Z", "end": "2026-03-02T20:00:00Z"})]),
			],
			"effect": "allow",
			"codes": {"on_call"},
		},
		"on call now but no longer at the start: review as a member": {
			"patch": [
				_set("/context/starts_at", "2026-03-02T12:00:00Z"),
				_shifts([_shift({"end": "2026-03-02T12:00:00Z"})]),
			],
			"effect": "review",
			"codes": {"team_review"},
		},
		"member of the owner's group: review": {
			"patch": [_shifts([])],
			"effect": "review",
			"codes": {"team_review"},
		},
		"member of the group with the owner's name: review": {
			"patch": array.concat([_set("/resource/properties/owner", "platform")], _groups(["platform"])),
			"effect": "review",
			"codes": {"team_review"},
		},
		"member, on-call facts not known: review": {
			"patch": _no_oncall,
			"effect": "review",
			"codes": {"team_review"},
		},
		"member, again when a reviewer answers: review": {
			"patch": [_shifts([]), _set("/context/phase", "review")],
			"effect": "review",
			"codes": {"team_review"},
		},
		"on the second level only: review": {
			"patch": [_shifts([_shift({"level": 2})])],
			"effect": "review",
			"codes": {"team_review"},
		},
		"on call, restricted: review": {
			"patch": array.concat([_set("/resource/properties/tier", "restricted")], _groups([])),
			"effect": "review",
			"codes": {"restricted_review"},
		},
		"on call and a member, restricted in other letters and spaces: review for one reason": {
			"patch": [_set("/resource/properties/tier", " Restricted")],
			"effect": "review",
			"codes": {"restricted_review"},
		},
		"member, restricted: review": {
			"patch": [_set("/resource/properties/tier", "restricted"), _shifts([])],
			"effect": "review",
			"codes": {"restricted_review"},
		},
		"on call, and the tier is not a text: review": {
			"patch": [_set("/resource/properties/tier", ["gold"])],
			"effect": "review",
			"codes": {"restricted_review"},
		},
		"on call, restricted, for as long as the shift lasts: review": {
			"patch": array.concat(_while("oncall"), [_set("/resource/properties/tier", "restricted")]),
			"effect": "review",
			"codes": {"restricted_review"},
		},
		"no reason": {
			"patch": [_set("/context/reason", "")],
			"effect": "deny",
			"codes": {"no_reason"},
		},
		"blank reason": {
			"patch": [_set("/context/reason", " \n\t\u00a0\u200b")],
			"effect": "deny",
			"codes": {"no_reason"},
		},
		"longer than the longest": {
			"patch": [_set("/context/for_seconds", 14401)],
			"effect": "deny",
			"codes": {"too_long"},
		},
		"a length, and the resource offers none": {
			"patch": [_set("/resource/durations_seconds", [])],
			"effect": "deny",
			"codes": {"too_long"},
		},
		"neither a length nor a while": {
			"patch": [_set("/context/for_seconds", null)],
			"effect": "deny",
			"codes": {"no_rule_applies"},
		},
		"a length below zero": {
			"patch": [_set("/context/for_seconds", -1)],
			"effect": "deny",
			"codes": {"no_rule_applies"},
		},
		"for as long as on call, and that is not offered": {
			"patch": array.concat(_while("oncall"), [_set("/resource/while", [])]),
			"effect": "deny",
			"codes": {"while_not_offered"},
		},
		"a while that does not exist": {
			"patch": _while("oncall:always"),
			"effect": "deny",
			"codes": {"while_not_offered"},
		},
		"a length and a while at once": {
			"patch": [_set("/context/while", "oncall")],
			"effect": "deny",
			"codes": {"while_not_offered"},
		},
		"no owner": {
			"patch": [{"op": "remove", "path": "/resource/properties/owner"}],
			"effect": "deny",
			"codes": {"owner_unknown"},
		},
		"an owner that is not a text": {
			"patch": [_set("/resource/properties/owner", 7)],
			"effect": "deny",
			"codes": {"owner_unknown"},
		},
		"no facts about the resource at all": {
			"patch": [_set("/resource/properties", null)],
			"effect": "deny",
			"codes": {"owner_unknown"},
		},
		"an owner without data": {
			"patch": [_set("/resource/properties/owner", "legal")],
			"effect": "deny",
			"codes": {"team_unknown"},
		},
		"an owner whose data is no team": {
			"patch": [_set("/resource/properties/owner", "broken")],
			"effect": "deny",
			"codes": {"team_unknown"},
		},
		"for as long as on call, and a member who is not": {
			"patch": array.concat(_while("oncall"), [_shifts([])]),
			"effect": "deny",
			"codes": {"not_on_call"},
		},
		"neither on call nor a member": {
			"patch": array.concat([_shifts([])], _groups(["sales"])),
			"effect": "deny",
			"codes": {"not_on_call_nor_in_team"},
		},
		"on call for another team": {
			"patch": array.concat([_shifts([_shift({"schedule": {"id": "platform-primary"}})])], _groups([])),
			"effect": "deny",
			"codes": {"not_on_call_nor_in_team"},
		},
		"the shift is over": {
			"patch": array.concat([_shifts([_shift({"end": "2026-03-02T10:00:00Z"})])], _groups([])),
			"effect": "deny",
			"codes": {"not_on_call_nor_in_team"},
		},
		"not a member, on-call facts not known": {
			"patch": array.concat(_no_oncall, _groups([])),
			"effect": "deny",
			"codes": {"oncall_unknown"},
		},
		"shifts are listed though they are not known": {
			"patch": array.concat([_set("/context/oncall/known", false)], _groups([])),
			"effect": "deny",
			"codes": {"oncall_unknown"},
		},
		"for as long as on call, and that is not known": {
			"patch": array.concat(_no_oncall, _while("oncall")),
			"effect": "deny",
			"codes": {"oncall_unknown"},
		},
		"not on call, groups not known": {
			"patch": array.concat([_shifts([])], _no_groups),
			"effect": "deny",
			"codes": {"groups_unknown"},
		},
		"groups are listed though they are not known": {
			"patch": [_shifts([]), _set("/subject/properties/groups_known", false)],
			"effect": "deny",
			"codes": {"groups_unknown"},
		},
		"nothing is known": {
			"patch": array.concat(_no_oncall, _no_groups),
			"effect": "deny",
			"codes": {"oncall_unknown", "groups_unknown"},
		},
		"everything is wrong": {
			"patch": array.concat(
				[_set("/context/reason", ""), _set("/context/for_seconds", 86400), _shifts([])],
				_groups([]),
			),
			"effect": "deny",
			"codes": {"no_reason", "too_long", "not_on_call_nor_in_team"},
		},
		"an empty input": {
			"patch": [{"op": "replace", "path": "", "value": {}}],
			"effect": "deny",
			"codes": {"no_reason", "owner_unknown"},
		},
	}

	decision := access.decision with input as json.patch(_input, tc.patch) with data.teams as _teams
		with data.curfew.config as _config
	decision.effect == tc.effect
	{reason.code | some reason in decision.reasons} == tc.codes
}

test_terms[note] if {
	some note, tc in {
		"for a length: the longest on offer": {
			"patch": [],
			"terms": {"max_seconds": 14400},
		},
		"while on call: the shifts that count, and the longest on offer": {
			"patch": array.concat(_while("oncall"), [_shifts([
				_shift({}),
				_shift({"policy": {"id": "PPAY", "name": "Payments"}}),
				_shift({"schedule": {"id": "platform-primary"}}),
				_shift({"end": "2026-03-02T10:00:00Z"}),
			])]),
			"terms": {
				"max_seconds": 14400,
				"until": {"oncall": [
					{"level": 1, "policy": "PPAY", "schedule": "payments-primary"},
					{"level": 1, "schedule": "payments-primary"},
				]},
			},
		},
		"while on call: later shifts on other schedules of the team too, each with its source": {
			"patch": array.concat(_while("oncall"), [_shifts([
				_shift({"source": "rota", "end": "2026-03-02T20:00:00Z"}),
				_shift({
					"source": "pagerduty",
					"schedule": {"id": "other"},
					"policy": {"id": "PPAY"},
					"start": "2026-03-02T20:00:00Z",
				}),
				_shift({"level": 2, "start": "2026-03-02T20:00:00Z"}),
			])]),
			"terms": {
				"max_seconds": 14400,
				"until": {"oncall": [
					{"level": 1, "policy": "PPAY", "schedule": "other", "source": "pagerduty"},
					{"level": 1, "schedule": "payments-primary", "source": "rota"},
				]},
			},
		},
		"until an incident is resolved: the incident": {
			"patch": _for_incident({}),
			"terms": {"max_seconds": 14400, "until": {"incident": "PT4KHLK"}},
		},
		"while on call, and no duration is on offer: the shifts alone bound it": {
			"patch": array.concat(_while("oncall"), [_set("/resource/durations_seconds", null)]),
			"terms": {"until": {"oncall": [{"level": 1, "schedule": "payments-primary"}]}},
		},
		"review: one of security": {
			"patch": [_shifts([])],
			"terms": {
				"max_seconds": 14400,
				"reviewers": {"groups": ["security"], "quorum": 1},
			},
		},
		"deny: none": {
			"patch": [_set("/context/reason", "")],
			"terms": {},
		},
	}

	decision := access.decision with input as json.patch(_input, tc.patch) with data.teams as _teams
		with data.curfew.config as _config
	object.remove(decision, {"effect", "reasons"}) == tc.terms
}

test_settings[note] if {
	some note, tc in {
		"the second level counts where the settings say so": {
			"config": {"oncall": {"max_level": 2}},
			"patch": [_shifts([_shift({"level": 2})])],
			"effect": "allow",
		},
		"a level that is not a number makes nobody on call": {
			"config": {"oncall": {"max_level": "9"}},
			"patch": [],
			"effect": "review",
		},
		"tiers that are not a list leave nothing open": {
			"config": {"restricted_tiers": "restricted"},
			"patch": [],
			"effect": "review",
		},
		"other tiers may be the restricted ones": {
			"config": {"restricted_tiers": ["Gold"]},
			"patch": [],
			"effect": "review",
		},
		"without reviewers there is no review": {
			"config": {"review": null},
			"patch": [_shifts([])],
			"effect": "deny",
		},
	}

	config := object.union(_config, tc.config)
	decision := access.decision with input as json.patch(_input, tc.patch)
		with data.teams as _teams
		with data.curfew.config as config
	decision.effect == tc.effect
}

test_reasons_help if {
	patch := [_set("/context/for_seconds", 14401)]
	decision := access.decision with input as json.patch(_input, patch) with data.teams as _teams
		with data.curfew.config as _config
	some reason in decision.reasons
	reason == {
		"code": "too_long",
		"title": "Too long",
		"detail": "14401 seconds were asked for and 14400 are the most that this resource offers. Ask for less.",
	}
}

# A team that changes the settings, and no rule, runs these tests as well.
_config := {
	"oncall": {"max_level": 1},
	"restricted_tiers": ["restricted"],
	"review": {"groups": ["security"], "quorum": 1},
}

_teams := {
	"payments": {
		"group": "payments",
		"schedules": ["payments-primary"],
		"escalation_policies": ["PPAY"],
		"services": ["SPAY"],
	},
	"platform": {"schedules": ["platform-primary"]},
	"broken": "payments",
}

_set(path, value) := {"op": "replace", "path": path, "value": value}

_shifts(shifts) := _set("/context/oncall/shifts", shifts)

_shift(differing) := object.union(
	{
		"schedule": {"id": "payments-primary", "name": "Payments primary"},
		"policy": null,
		"level": 1,
		"start": null,
		"end": null,
	},
	differing,
)

_groups(groups) := [_set("/subject/properties/groups", groups)]

_while(what) := [_set("/context/for_seconds", null), _set("/context/while", what)]

_no_groups := [_set("/subject/properties", {"groups_known": false})]

_no_oncall := [_set("/context/oncall", {"known": false})]

# Alice is on call for payments and belongs to its group.
_input := {
	"subject": {
		"type": "user",
		"id": "alice@example.com",
		"properties": {"groups": ["payments"], "groups_known": true},
	},
	"requester": {"type": "user", "id": "alice@example.com"},
	"action": {"name": "debug"},
	"resource": {
		"type": "customer",
		"id": "acme",
		"properties": {"owner": "payments", "tier": "gold"},
		"durations_seconds": [7200, 14400],
		"while": ["oncall", "incident"],
	},
	"context": {
		"now": "2026-03-02T10:00:00Z",
		"for_seconds": 7200,
		"while": null,
		"starts_at": null,
		"reason": "Ticket 4711",
		"emergency": false,
		"channel": "api",
		"phase": "request",
		"oncall": {"known": true, "age_seconds": 12, "shifts": [_shift({})]},
		"incidents": {"known": true, "age_seconds": 12, "open": []},
		"grants": [],
	},
}
