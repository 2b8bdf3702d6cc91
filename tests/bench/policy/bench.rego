# METADATA
# title: A policy to be measured
# description: >-
#   Who may work on which of 500 resources: on-call windows, tiers, freezes of
#   changes, approvals, and a reason for each answer.
package bench

default decision := {"allow": false, "reasons": [{"code": "malformed", "title": "The request is malformed"}]}

decision := {"allow": count(_denied) == 0, "reasons": _reasons, "max_seconds": _max_seconds, "tier": _tier} if {
	is_string(input.subject.id)
	is_number(input.now_ns)
}

_reasons := [r | some r in _denied] if count(_denied) > 0

_reasons := [r | some r in _allowed] if count(_denied) == 0

default _resource := {"owner": "", "tier": "unknown", "actions": {}, "regions": []}

_resource := data.bench.resources[input.resource.id]

_owner := _resource.owner

_tier := _resource.tier

_tiers := {
	"gold": {"max_seconds": 7200, "needs_ticket": true, "quorum": 2},
	"silver": {"max_seconds": 14400, "needs_ticket": true, "quorum": 1},
	"bronze": {"max_seconds": 28800, "needs_ticket": false, "quorum": 0},
}

default _terms := {"max_seconds": 0, "needs_ticket": true, "quorum": 99}

_terms := _tiers[_tier]

_max_seconds := _terms.max_seconds

_on_call if {
	some shift in input.context.shifts
	shift.team == _owner
	shift.level <= 2
	shift.start_ns <= input.now_ns
	input.now_ns < shift.end_ns
}

_on_call if {
	some window in data.bench.oncall[_owner]
	window.subject == input.subject.id
	window.start_ns <= input.now_ns
	input.now_ns < window.end_ns
}

_in_team if {
	some group in input.subject.properties.groups
	group == _owner
}

_frozen if {
	some freeze in data.bench.freezes
	freeze.tier == _tier
	freeze.start_ns <= input.now_ns
	input.now_ns < freeze.end_ns
	not input.context.emergency
}

_approvals := count({a.by |
	some a in input.context.approvals
	a.verdict == "approve"
	a.by != input.subject.id
})

_in_region if input.context.region in _resource.regions

_has_ticket if regex.match(`^[A-Z]{2,6}-[0-9]{1,7}$`, input.context.ticket)

_allowed contains {"code": "on_call", "title": "On call for the owner"} if _on_call

_allowed contains {"code": "approved", "title": "Approved by others"} if {
	_in_team
	_approvals >= _terms.quorum
}

_denied contains {"code": "unknown_resource", "title": "No such resource"} if _tier == "unknown"

_denied contains {"code": "action_not_offered", "title": "The resource has no such action"} if {
	not _resource.actions[input.action.name]
}

_denied contains {"code": "too_long", "title": "Longer than the tier allows"} if {
	input.context.for_seconds > _max_seconds
}

_denied contains {"code": "frozen", "title": "Changes are frozen"} if _frozen

_denied contains {"code": "no_ticket", "title": "The tier wants a ticket"} if {
	_terms.needs_ticket
	not _has_ticket
}

_denied contains {"code": "other_region", "title": "Not from this region"} if not _in_region

_denied contains {"code": "nobody_vouches", "title": "Neither on call nor approved"} if {
	count(_allowed) == 0
}
