package curfew.lib.request_test

import data.curfew.lib.request

test_has_reason[note] if {
	some note, tc in {
		"a word": ["Ticket", true],
		"nothing": ["", false],
		"blanks": [" \n\t\u00a0\u200b", false],
	}

	count([true | request.has_reason]) == _ones(tc[1]) with input as _input({"reason": tc[0]})
}

test_longest[note] if {
	some note, tc in {
		"of several": [[7200, 14400], 14400],
		"of none": [[], 0],
		"what is not a list": [7200, 0],
		"what is not there": [null, 0],
	}

	request.longest == tc[1] with input as {"resource": {"durations_seconds": tc[0]}}
}

test_length[note] if {
	some note, tc in {
		"less than the longest": [7200, "within"],
		"the longest": [14400, "within"],
		"a second more": [14401, "too long"],
		"none at all": [null, "neither"],
		"nothing": [0, "neither"],
		"less than nothing": [-1, "neither"],
		"a text": ["7200", "neither"],
	}

	_length == tc[1] with input as _input({"for_seconds": tc[0]})
}

test_while[note] if {
	some note, tc in {
		"on call, which is offered": [null, "oncall", "oncall", true],
		"an incident, which is not": [null, "incident:Q1", "incident", false],
		"something else": [null, "forever", "", false],
		"nothing": [null, null, "", false],
		"on call and a length at once": [7200, "oncall", "oncall", false],
	}

	kind := concat("", [kind | kind := request.while_kind]) with input as _input({"while": tc[1]})
	kind == tc[2]
	within := [true | request.within_while] with input as _input({"for_seconds": tc[0], "while": tc[1]})
	count(within) == _ones(tc[3])
}

default _length := "neither"

_length := "within" if request.within_length

_length := "too long" if request.too_long

_ones(true) := 1

_ones(false) := 0

_input(differing) := {
	"resource": {"durations_seconds": [7200, 14400], "while": ["oncall"]},
	"context": object.union({"for_seconds": 7200, "while": null, "reason": "Ticket 4711"}, differing),
}
