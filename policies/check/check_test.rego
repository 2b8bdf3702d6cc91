package check_test

import data.check

test_decision[note] if {
	some note, tc in {
		"a live grant: yes": {
			"grants": [{
				"action": {"name": "debug"},
				"resource": {"type": "customer", "id": "acme"},
				"expires_at": "2026-03-02T12:00:00Z",
			}],
			"answer": {"decision": true, "reason": "live_grant"},
		},
		"no live grant: no": {
			"grants": [],
			"answer": {"decision": false, "reason": "no_live_grant"},
		},
		"grants that are not a list: no": {
			"grants": null,
			"answer": {"decision": false, "reason": "no_live_grant"},
		},
	}

	check.decision == tc.answer with input as {
		"subject": {"type": "user", "id": "alice@example.com"},
		"action": {"name": "debug"},
		"resource": {"type": "customer", "id": "acme"},
		"grants": tc.grants,
		"now": "2026-03-02T10:00:00Z",
	}
}

test_decision_without_input_is_no if not check.decision.decision with input as {}
