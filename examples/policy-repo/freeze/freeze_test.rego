package freeze_test

import data.freeze

test_touching[note] if {
	some note, tc in {
		"long before": [{"now": "2026-03-02T10:00:00Z"}, set()],
		"over when it begins": [{"now": "2026-12-18T14:00:00Z"}, set()],
		"still open when it begins": [{"now": "2026-12-18T14:00:01Z"}, {"year-end"}],
		"within": [{"now": "2026-12-24T18:00:00Z"}, {"year-end"}],
		"the last moment": [{"now": "2027-01-04T06:59:59.999Z"}, {"year-end"}],
		"the first moment after": [{"now": "2027-01-04T07:00:00Z"}, set()],
		"asked now for a start within": [
			{"now": "2026-12-01T10:00:00Z", "starts_at": "2026-12-24T18:00:00Z"},
			{"year-end"},
		],
		"asked within for a start after it": [
			{"now": "2026-12-24T18:00:00Z", "starts_at": "2027-01-04T09:00:00Z"},
			set(),
		],
		"for as long as on call, which may last into it": [
			{"now": "2026-12-18T13:00:00Z", "for_seconds": null, "while": "oncall"},
			{"year-end"},
		],
		"a time that can not be read": [{"now": "today"}, {"year-end"}],
	}

	freeze.touching == tc[1] with input as _input("admin", tc[0]) with data.freezes as _freezes
}

test_actions[note] if {
	some note, tc in {
		"one that it names": ["deploy", {"actions": ["admin", "deploy"]}, {"f"}],
		"one that it does not name": ["debug", {"actions": ["admin", "deploy"]}, set()],
		"any, when it names none": ["debug", {}, {"f"}],
		"any, when what it names is not a list": ["debug", {"actions": "admin"}, {"f"}],
	}

	freezes := {"f": object.union(_freezes["year-end"], tc[1])}
	freeze.touching == tc[2] with input as _input(tc[0], {"now": "2026-12-24T18:00:00Z"}) with data.freezes as freezes
}

test_a_freeze_with_a_slip_in_its_dates_holds[note] if {
	some note, slip in {
		"an end that is no time": {"from": "2026-01-01T00:00:00Z", "until": "soon"},
		"no end": {"from": "2026-01-01T00:00:00Z"},
		"neither": {},
	}

	freezes := {"f": object.union({"actions": ["admin"]}, slip)}
	freeze.touching == {"f"} with input as _input("admin", {"now": "2026-12-24T18:00:00Z"})
		with data.freezes as freezes
}

_freezes := {"year-end": {
	"from": "2026-12-18T17:00:00+01:00",
	"until": "2027-01-04T08:00:00+01:00",
}}

_input(action, differing) := {
	"action": {"name": action},
	"resource": {"type": "customer", "id": "acme", "durations_seconds": [7200, 14400], "while": ["oncall"]},
	"context": object.union({"now": "", "starts_at": null, "for_seconds": 7200, "while": null}, differing),
}
