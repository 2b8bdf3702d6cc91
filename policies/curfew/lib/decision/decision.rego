# METADATA
# title: The decision
# description: >-
#   Builds the one object that the gateway reads from the three partial sets that a
#   policy author writes in package `access`: `allow`, `review` and `deny`. Their
#   items are reasons (`code`, `title`, `detail`), and in `allow` and `review` also
#   the terms: `max_seconds`, `until`, `reviewers` and the other members of a
#   decision. Deny wins over allow over review, and nothing said is deny.
# schemas:
#   - input: schema.access
package curfew.lib.decision

import data.curfew.lib.reason

# METADATA
# title: The decision
result := object.union(_answer.terms, {
	"effect": _answer.effect,
	"reasons": [object.filter(item, _reason_keys) | some item in _answer.items],
})

_reason_keys := {"code", "title", "detail"}

_answer := {"effect": "deny", "items": _deny, "terms": {}} if {
	count(_deny) > 0
} else := {"effect": "allow", "items": _allow, "terms": _widest} if {
	count(_allow) > 0
} else := {"effect": "deny", "items": {_disagreement}, "terms": {}} if {
	count(_review_terms) > 1
} else := {"effect": "review", "items": _review, "terms": terms} if {
	some terms in _review_terms
} else := {"effect": "deny", "items": {_silence}, "terms": {}}

# Every item of `allow` is a way in by itself, so the terms are those of one item
# and never a mixture: of the items that say `until` exactly when the request is
# for a `while`, the one that gives the most.
_widest := _terms(max({[_fits(item), _seconds(item), item] | some item in _allow})[2])

default _fits(_) := false

_fits(item) if {
	is_string(input.context.while)
	item.until
}

_fits(item) if {
	input.context.while == null
	not item.until
}

# Without max_seconds an item is bounded by the longest duration on offer alone.
_seconds(item) := object.get(item, "max_seconds", 9223372036854775807)

# Every item of `review` is a demand, and a decision has room for one.
_review_terms contains _terms(item) if some item in _review

_terms(item) := object.remove(item, _reason_keys)

# METADATA
# title: The policy contradicts itself
# description: >-
#   Several rules of the policy send this to review on different terms. Its authors
#   must let one of the rules give way.
# custom: {code: reviews_disagree}
_disagreement := reason.of(rego.metadata.rule())

# METADATA
# title: No rule gives this access
# description: >-
#   The policy neither allows this nor sends it to review. Ask whoever maintains the
#   policy, or ask for something else.
# custom: {code: no_rule_applies}
_silence := reason.of(rego.metadata.rule())

default _deny := set()

_deny := data.access.deny

default _allow := set()

_allow := data.access.allow

default _review := set()

_review := data.access.review
