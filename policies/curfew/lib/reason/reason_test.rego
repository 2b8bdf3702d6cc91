package curfew.lib.reason_test

import data.curfew.lib.reason

# METADATA
# title: A title
# description: A detail.
# custom: {code: a_code}
_of := reason.of(rego.metadata.rule())

# METADATA
# title: A title
# custom: {code: a_code}
_saying := reason.saying(rego.metadata.rule(), "Another detail.")

_unsaid := reason.of(rego.metadata.rule())

test_reason_is_what_the_metadata_states if _of == {"code": "a_code", "title": "A title", "detail": "A detail."}

test_detail_may_be_made_for_the_moment if {
	_saying == {"code": "a_code", "title": "A title", "detail": "Another detail."}
}

test_what_is_not_stated_is_empty if _unsaid == {"code": "", "title": "", "detail": ""}
