package curfew.lib.instant_test

import data.curfew.lib.instant

test_order[note] if {
	some note, tc in {
		"fractions": ["2026-03-02T10:00:00Z", "2026-03-02T10:00:00.5Z"],
		"zones": ["2026-03-02T10:00:00+02:00", "2026-03-02T09:00:00Z"],
		"the first year": ["0001-01-01T00:00:00Z", "1678-01-01T00:00:00Z"],
		"the last year": ["2261-12-31T00:00:00Z", "9999-12-31T00:00:00Z"],
	}

	instant.ns(tc[0]) < instant.ns(tc[1])
}

test_what_is_no_time_is_undefined[note] if {
	some note, value in {"a number": 2026, "a word": "soon", "nothing": null}

	{ns | ns := instant.ns(value)} == set()
}
