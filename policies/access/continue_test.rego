package access_test

import data.access

test_continue[note] if {
	some note, tc in {
		"still on call: it stays": {"patch": [], "action": "keep", "codes": set()},
		"a member whose access was reviewed: it stays": {"patch": [_shifts([])], "action": "keep", "codes": set()},
		"neither on call nor a member any more: it is flagged": {
			"patch": array.concat([_shifts([])], _groups([])),
			"action": "flag",
			"codes": {"not_on_call_nor_in_team"},
		},
		"the resource has no owner any more: it is flagged": {
			"patch": [{"op": "remove", "path": "/resource/properties/owner"}],
			"action": "flag",
			"codes": {"owner_unknown"},
		},
	}

	patch := array.concat(tc.patch, [_set("/context/phase", "continue")])
	result := access.continue with input as json.patch(_input, patch)
		with data.teams as _teams
		with data.curfew.config as _config

	result.action == tc.action
	{reason.code | some reason in result.reasons} == tc.codes
}
