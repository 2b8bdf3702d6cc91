package curfew.lib.decision_test

import data.curfew.lib.decision

test_result[note] if {
	some note, tc in {
		"deny wins over allow and review, and brings no terms": {
			"deny": {object.union(_no, {"max_seconds": 60})},
			"allow": {_yes},
			"review": {_ask},
			"wanted": {"effect": "deny", "reasons": [_no]},
		},
		"allow wins over review": {
			"deny": set(),
			"allow": {_yes},
			"review": {_ask},
			"wanted": {"effect": "allow", "reasons": [_yes]},
		},
		"review brings its terms": {
			"deny": set(),
			"allow": set(),
			"review": {object.union(_ask, {"reviewers": _security, "lapse_seconds": 60})},
			"wanted": {"effect": "review", "reasons": [_ask], "reviewers": _security, "lapse_seconds": 60},
		},
		"reviews on the same terms agree": {
			"deny": set(),
			"allow": set(),
			"review": {object.union(_ask, {"reviewers": _security}), object.union(_yes, {"reviewers": _security})},
			"wanted": {"effect": "review", "reasons": [_ask, _yes], "reviewers": _security},
		},
		"of several ways in, the longest": {
			"deny": set(),
			"allow": {object.union(_yes, {"max_seconds": 60}), object.union(_ask, {"max_seconds": 3600})},
			"review": set(),
			"wanted": {"effect": "allow", "reasons": [_ask, _yes], "max_seconds": 3600},
		},
		"a way in without max_seconds is the longest": {
			"deny": set(),
			"allow": {object.union(_yes, {"max_seconds": 60}), _ask},
			"review": set(),
			"wanted": {"effect": "allow", "reasons": [_ask, _yes]},
		},
		"a way in that names shifts does not serve a length": {
			"deny": set(),
			"allow": {object.union(_yes, {"until": _until}), object.union(_ask, {"max_seconds": 60})},
			"review": set(),
			"wanted": {"effect": "allow", "reasons": [_ask, _yes], "max_seconds": 60},
		},
	}

	result := decision.result with input as {"context": {"for_seconds": 60, "while": null}}
		with data.access.deny as tc.deny
		with data.access.allow as tc.allow
		with data.access.review as tc.review

	result == tc.wanted
}

test_while_is_served_by_a_way_in_that_names_shifts if {
	result := decision.result with input as {"context": {"for_seconds": null, "while": "oncall"}}
		with data.access.deny as set()
		with data.access.allow as {object.union(_yes, {"until": _until, "max_seconds": 60}), _ask}

	object.remove(result, {"effect", "reasons"}) == {"until": _until, "max_seconds": 60}
}

test_refusals_of_its_own[code] if {
	some code, review in {
		"no_rule_applies": set(),
		"reviews_disagree": {
			object.union(_ask, {"reviewers": _security}),
			object.union(_yes, {"reviewers": {"groups": ["leads"], "quorum": 1}}),
		},
	}

	result := decision.result with data.access.deny as set()
		with data.access.allow as set()
		with data.access.review as review

	result.effect == "deny"
	{reason.code | some reason in result.reasons} == {code}
}

test_sets_that_a_policy_does_not_define_are_empty if {
	result := decision.result with data.access as {}

	result.effect == "deny"
	{reason.code | some reason in result.reasons} == {"no_rule_applies"}
}

_no := {"code": "no", "title": "No", "detail": "No."}

_yes := {"code": "yes", "title": "Yes"}

_ask := {"code": "ask", "title": "Ask", "detail": "Ask."}

_security := {"groups": ["security"], "quorum": 1}

_until := {"oncall": [{"schedule": "payments-primary", "level": 1}]}
