package curfew.lib.continuation_test

import data.curfew.lib.continuation

test_result[note] if {
	some note, tc in {
		"what is still allowed stays": {
			"decision": {"effect": "allow", "reasons": [_reason]},
			"wanted": {"action": "keep", "reasons": []},
		},
		"what would be reviewed stays": {
			"decision": {"effect": "review", "reasons": [_reason]},
			"wanted": {"action": "keep", "reasons": []},
		},
		"what would be denied is flagged for its reasons": {
			"decision": {"effect": "deny", "reasons": [_reason]},
			"wanted": {"action": "flag", "reasons": [_reason]},
		},
		"an effect that does not exist keeps nothing": {
			"decision": {"effect": "perhaps", "reasons": [_reason]},
			"wanted": {"action": "flag", "reasons": [_reason]},
		},
	}

	result := continuation.result with data.access.decision as tc.decision

	result == tc.wanted
}

test_no_decision_is_no_answer if {
	not continuation.result with data.access as {}
}

_reason := {"code": "no", "title": "No", "detail": "No."}
