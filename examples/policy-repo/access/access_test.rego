package access_test

import data.access

test_decision[note] if {
	some note, tc in {
		"on call for the owner": [[], "allow", {"on_call"}],
		"on call for as long as the shift lasts": [_while("oncall"), "allow", {"on_call"}],
		"in the owner's team": [[_no_shifts], "review", {"leads_review"}],
		"in the owner's team, on-call facts not known": [
			[_set("/context/oncall", {"known": false})],
			"review",
			{"leads_review"},
		],
		"on call, restricted": [[_set("/resource/properties/tier", "regulated")], "review", {"restricted_review"}],
		"in the team, restricted": [
			[_set("/resource/properties/tier", "restricted"), _no_shifts],
			"review",
			{"restricted_review"},
		],
		"on call, and the tier is not a text": [[_set("/resource/properties/tier", 1)], "review", {"restricted_review"}],
		"on call, without a tier": [[{"op": "remove", "path": "/resource/properties/tier"}], "allow", {"on_call"}],
		"no reason": [[_set("/context/reason", " ")], "deny", {"no_reason"}],
		"longer than is offered": [[_set("/context/for_seconds", 14401)], "deny", {"not_offered"}],
		"for as long as on call, and in the team only": [
			array.concat(_while("oncall"), [_no_shifts]),
			"deny",
			{"not_offered"},
		],
		"for an incident": [_while("incident:Q1"), "deny", {"not_offered"}],
		"another region": [[_groups(["payments", "staff-us"])], "deny", {"wrong_region"}],
		"the other region's people may work here too": [[_set("/resource/properties/region", "us")], "allow", {"on_call"}],
		"a region that nobody has listed": [[_set("/resource/properties/region", "mars")], "deny", {"wrong_region"}],
		"no region": [[{"op": "remove", "path": "/resource/properties/region"}], "deny", {"wrong_region"}],
		"groups not known": [[_set("/subject/properties", {"groups_known": false})], "deny", {"wrong_region"}],
		"neither on call nor in the team": [[_no_shifts, _groups(["staff-eu"])], "deny", {"not_of_the_team"}],
		"an owner that nobody has listed": [
			[_set("/resource/properties/owner", "legal")],
			"deny",
			{"not_of_the_team"},
		],
		"in a freeze": [[_christmas, _admin], "deny", {"change_freeze"}],
		"in a freeze, what it leaves open": [[_christmas], "allow", {"on_call"}],
		"in a freeze, an emergency": [[_christmas, _admin, _emergency], "review", {"freeze_emergency"}],
		"in a freeze, an emergency on something restricted": [
			[_christmas, _admin, _emergency, _set("/resource/properties/tier", "restricted")],
			"review",
			{"freeze_emergency"},
		],
		"in a freeze, an emergency of somebody who is not on call": [
			[_christmas, _admin, _emergency, _no_shifts],
			"deny",
			{"change_freeze"},
		],
		"an emergency outside a freeze changes nothing": [[_emergency, _no_shifts], "review", {"leads_review"}],
		"an empty input": [
			[{"op": "replace", "path": "", "value": {}}],
			"deny",
			{"no_reason", "not_of_the_team", "not_offered", "wrong_region"},
		],
	}

	decision := access.decision with input as json.patch(_input, tc[0])
		with data.teams as _teams
		with data.regions as _regions
		with data.freezes as _freezes
		with data.curfew.config as _config
	decision.effect == tc[1]
	{reason.code | some reason in decision.reasons} == tc[2]
}

test_terms[note] if {
	some note, tc in {
		"allowed: the longest on offer": [[], {"max_seconds": 14400}],
		"while on call: the shift": [
			_while("oncall"),
			{"max_seconds": 14400, "until": {"oncall": [{"level": 1, "schedule": "payments-primary"}]}},
		],
		"leads: one of them": [
			[_no_shifts],
			{"max_seconds": 14400, "reviewers": {"groups": ["payments-leads"], "quorum": 1}},
		],
		"restricted: as the settings say": [
			[_set("/resource/properties/tier", "regulated")],
			{"max_seconds": 14400, "reviewers": {"groups": ["security"], "quorum": 2}},
		],
		"emergency: somebody looks at it afterwards": [
			[_christmas, _admin, _emergency],
			{
				"max_seconds": 14400,
				"reviewers": {"groups": ["security"], "quorum": 2},
				"obligations": {"notify": ["#change-managers"], "after_review": true},
			},
		],
	}

	decision := access.decision with input as json.patch(_input, tc[0])
		with data.teams as _teams
		with data.regions as _regions
		with data.freezes as _freezes
		with data.curfew.config as _config
	object.remove(decision, {"effect", "reasons"}) == tc[1]
}

# The data that is in force, and not that of these tests.
test_data_is_complete[note] if {
	some note, team in data.teams
	every member in [team.group, team.leads, team.schedules[0]] {
		is_string(member)
	}
}

_teams := {"payments": {
	"group": "payments",
	"leads": "payments-leads",
	"schedules": ["payments-primary"],
}}

_regions := {"eu": {"groups": ["staff-eu"]}, "us": {"groups": ["staff-eu", "staff-us"]}}

_freezes := {"year-end": {
	"from": "2026-12-18T17:00:00+01:00",
	"until": "2027-01-04T08:00:00+01:00",
	"actions": ["admin", "deploy"],
}}

_config := {
	"oncall": {"max_level": 1},
	"restricted_tiers": ["restricted", "regulated"],
	"review": {"groups": ["security"], "quorum": 2},
}

_set(path, value) := {"op": "replace", "path": path, "value": value}

_groups(groups) := _set("/subject/properties/groups", groups)

_while(what) := [_set("/context/for_seconds", null), _set("/context/while", what)]

_no_shifts := _set("/context/oncall/shifts", [])

_christmas := _set("/context/now", "2026-12-24T18:00:00Z")

_admin := _set("/action/name", "admin")

_emergency := _set("/context/emergency", true)

# Alice is on call for payments, belongs to its group, and works in the EU.
_input := {
	"subject": {
		"type": "user",
		"id": "alice@example.com",
		"properties": {"groups": ["payments", "staff-eu"], "groups_known": true},
	},
	"requester": {"type": "user", "id": "alice@example.com"},
	"action": {"name": "debug"},
	"resource": {
		"type": "customer",
		"id": "acme",
		"properties": {"owner": "payments", "tier": "gold", "region": "eu"},
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
		"oncall": {"known": true, "age_seconds": 12, "shifts": [{
			"schedule": {"id": "payments-primary", "name": "Payments primary"},
			"policy": null,
			"level": 1,
			"start": null,
			"end": null,
		}]},
		"incidents": {"known": true, "age_seconds": 12, "open": []},
		"grants": [],
	},
}
