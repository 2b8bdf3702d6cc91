# METADATA
# title: Who gets access, and who must agree first
# description: >-
#   The policy that Curfew ships with. Whoever is on call for the owner of a resource
#   gets access at once, and so does whoever works on an incident of the owner's until
#   it is resolved; members of the owner's group get it when a reviewer agrees;
#   restricted resources always need a reviewer. In an emergency those who may break
#   the glass get it at once, and everybody hears of it. Teams and settings are data:
#   `data.teams` and `data.curfew.config`.
# schemas:
#   - input: schema.access
package access

import data.curfew.lib.incident
import data.curfew.lib.oncall
import data.curfew.lib.reason
import data.curfew.lib.request

# METADATA
# title: On call
# description: The subject is on call for the owner of the resource.
# custom: {code: on_call, facts: [oncall, resource]}
allow contains object.union(reason.of(rego.metadata.rule()), _terms) if {
	_on_call
	_open_tier
	not _wants_incident
}

# METADATA
# title: In the incident
# description: The incident is one of the owner's, and the subject works on it.
# custom: {code: in_incident, facts: [incidents, oncall, resource]}
allow contains object.union(reason.of(rego.metadata.rule()), _terms) if {
	_in_incident
	_open_tier
}

# METADATA
# title: Break-glass
# description: >-
#   It is an emergency, and the subject belongs to a group that gets in then. Others are
#   told at once, and a second person must look at it afterwards.
# custom: {code: break_glass, facts: [groups, resource]}
allow contains object.union(reason.of(rego.metadata.rule()), _glass_terms) if {
	_breaks_glass
	not _let_in
}

# METADATA
# title: In the owner's group
# description: The subject belongs to the group that owns the resource; a reviewer must agree.
# custom: {code: team_review, facts: [groups, resource]}
review contains object.union(reason.of(rego.metadata.rule()), _reviewed_terms) if {
	_in_team
	_open_tier
	not _wants_incident
}

# METADATA
# title: Restricted resource
# description: The tier of the resource always needs a reviewer, even for those on call.
# custom: {code: restricted_review, facts: [groups, incidents, oncall, resource]}
review contains object.union(reason.of(rego.metadata.rule()), _reviewed_terms) if {
	_may_ask
	not _open_tier
}

# METADATA
# title: No reason given
# description: Say why the access is needed, in a few words that a reviewer and an auditor can understand.
# custom: {code: no_reason, facts: []}
deny contains reason.of(rego.metadata.rule()) if not request.has_reason

# METADATA
# title: Too long
# custom: {code: too_long, facts: [resource]}
deny contains reason.saying(rego.metadata.rule(), detail) if {
	request.too_long
	detail := sprintf(
		"%d seconds were asked for and %d are the most that this resource offers. Ask for less.",
		[input.context.for_seconds, request.longest],
	)
}

# METADATA
# title: Too long for an emergency
# custom: {code: break_glass_too_long, facts: [groups, oncall, resource]}
deny contains reason.saying(rego.metadata.rule(), detail) if {
	_may_break_glass
	request.within_length
	input.context.for_seconds > _glass_seconds
	not _may_ask
	detail := sprintf(
		"%d seconds were asked for and %d are the most that an emergency gives. Ask for less, if that is on offer.",
		[input.context.for_seconds, _glass_seconds],
	)
}

# METADATA
# title: Not offered for as long as that
# description: >-
#   This resource does not offer access for as long as that lasts. Ask for one of its
#   durations instead.
# custom: {code: while_not_offered, facts: [resource]}
deny contains reason.of(rego.metadata.rule()) if {
	is_string(input.context.while)
	not request.within_while
}

# METADATA
# title: Incidents not known
# description: >-
#   Which incidents are open could not be learned just now, so nobody is let in for
#   one. Ask for one of the durations, or try again in a minute.
# custom: {code: incidents_unknown, facts: [incidents]}
deny contains reason.of(rego.metadata.rule()) if {
	_wants_incident
	not incident.known
}

# METADATA
# title: No open incident of yours
# description: >-
#   There is no such incident among the open ones that you work on or are on call for.
#   Check its id; one that is resolved gives no access.
# custom: {code: incident_not_open, facts: [incidents, oncall]}
deny contains reason.of(rego.metadata.rule()) if {
	_wants_incident
	incident.known
	count(incident.asked) == 0
}

# METADATA
# title: Another team's incident
# description: >-
#   The incident is neither on a service nor on an escalation policy of the team that
#   owns the resource.
# custom: {code: incident_not_of_team, facts: [incidents, resource]}
deny contains reason.of(rego.metadata.rule()) if {
	_has_team
	some asked in incident.asked
	not incident.of_team(asked, _team)
}

# METADATA
# title: Not in the incident
# description: >-
#   Access until an incident is resolved is for those whom it is assigned to, who
#   acknowledged it or accepted to respond, and who are on call for its escalation
#   policy. Have yourself added to it, or ask for one of the durations.
# custom: {code: not_in_incident, facts: [incidents, oncall]}
deny contains reason.of(rego.metadata.rule()) if {
	oncall.known
	some asked in incident.asked
	not incident.is_subjects(asked)
}

# METADATA
# title: Owner not known
# description: >-
#   The resource has no property `owner`, so nobody is on call for it. Whoever keeps
#   the catalogue of resources must name its owner.
# custom: {code: owner_unknown, facts: [resource]}
deny contains reason.of(rego.metadata.rule()) if not _has_owner

# METADATA
# title: Team not known
# custom: {code: team_unknown, facts: [resource]}
deny contains reason.saying(rego.metadata.rule(), detail) if {
	_has_owner
	not _has_team
	not _breaks_glass
	detail := sprintf(
		"The owner of the resource is %q, and the policy's data has no such team. It must be added to `teams`.",
		[_owner],
	)
}

# METADATA
# title: Not on call
# description: >-
#   Access for as long as you are on call needs a shift that covers its start, on a
#   schedule or escalation policy of the owner. Members of the owner's group may ask
#   for one of the durations instead, and a reviewer decides.
# custom: {code: not_on_call, facts: [oncall, resource]}
deny contains reason.of(rego.metadata.rule()) if {
	_has_team
	_wants_oncall
	oncall.known
	not _on_call
}

# METADATA
# title: Neither on call nor in the owner's group
# description: >-
#   Those who are on call for the owner get this at once, and members of the owner's
#   group may ask for a review. Ask one of them, or to be added to the group.
# custom: {code: not_on_call_nor_in_team, facts: [groups, oncall, resource]}
deny contains reason.of(rego.metadata.rule()) if {
	_has_team
	not _wants_while
	oncall.known
	_groups_known
	not _may_ask
	not _breaks_glass
}

# METADATA
# title: On-call facts not known
# description: >-
#   Who is on call could not be learned just now, so nobody is let in for being on
#   call. Members of the owner's group may still ask for one of the durations, and a
#   reviewer decides. Otherwise try again in a minute.
# custom: {code: oncall_unknown, facts: [groups, incidents, oncall, resource]}
deny contains reason.of(rego.metadata.rule()) if {
	_has_team
	not oncall.known
	not _may_ask_now
	not _breaks_glass
}

# METADATA
# title: Groups not known
# description: >-
#   Which groups you belong to could not be learned, so nobody is let in as a member of
#   the owner's group. Sign in again, or ask whoever keeps the list of people.
# custom: {code: groups_unknown, facts: [groups, oncall, resource]}
deny contains reason.of(rego.metadata.rule()) if {
	_has_team
	not _wants_while
	not _groups_known
	not _may_ask
}

# Who asks.

# Without an emergency too. There is a length to it, so no incident.
_let_in if {
	_on_call
	_open_tier
}

_on_call if count(_shifts) > 0

_shifts := oncall.shifts_for(_team)

_groups_known if input.subject.properties.groups_known == true

_in_team if {
	_groups_known
	_group in input.subject.properties.groups
}

_in_incident if {
	_wants_incident
	some asked in incident.asked
	incident.of_team(asked, _team)
	incident.is_subjects(asked)
}

_may_ask if _on_call

_may_ask if _in_team

_may_ask if _in_incident

# The same without the on-call facts.
_may_ask_now if {
	_in_team
	not _wants_while
}

_may_ask_now if {
	_wants_incident
	some asked in incident.asked
	incident.has_part(asked)
}

# An emergency.

_breaks_glass if {
	_may_break_glass
	request.within_length
	input.context.for_seconds <= _glass_seconds
}

_may_break_glass if {
	input.context.emergency == true
	_has_owner
	_glass_tier
	_groups_known
	is_array(_glass.groups)
	some group in _glass.groups
	group in input.subject.properties.groups
}

_glass_tier if _open_tier

_glass_tier if _glass.restricted == true

_glass_seconds := _glass.max_seconds if _positive(_glass.max_seconds)

_glass := data.curfew.config.break_glass

_glass_terms := {
	"max_seconds": _glass_seconds,
	"obligations": {"notify": object.get(_glass, "notify", []), "after_review": true},
}

# What is asked for.

_wants_oncall if request.while_kind == "oncall"

_wants_incident if request.while_kind == "incident"

_wants_while if request.while_kind

_terms := {"max_seconds": request.longest} if request.within_length

_terms := object.union(_cap(_most, request.longest), {"until": _until}) if request.within_while

# All of the team's shifts that are known bind it, now and later.
_until := object.union(_grace, {"oncall": refs}) if {
	_wants_oncall
	_on_call
	refs := oncall.refs(oncall.shifts_of(_team))
}

_until := {"incident": incident.id} if _in_incident

# The longest that access can last which has no length of its own. An entitlement
# may offer `while` alone, without a duration that could bound it.
_cap(seconds, longest) := {"max_seconds": seconds} if {
	_positive(seconds)
} else := {"max_seconds": longest} if {
	longest > 0
} else := {}

_most := object.get(data.curfew.config, [request.while_kind, "max_seconds"], null)

default _grace := {}

# Time to hand over, after the last shift.
_grace := {"grace_seconds": data.curfew.config.oncall.grace_seconds} if {
	_positive(data.curfew.config.oncall.grace_seconds)
}

_positive(n) if {
	is_number(n)
	n > 0
}

_reviewed_terms := object.union(_terms, {"reviewers": object.union_n([
	{"groups": data.curfew.config.review.groups, "quorum": data.curfew.config.review.quorum},
	_asked_in,
	_asked_again,
	_asked_after,
])})

default _asked_in := {}

# Where the team has its reviewers asked.
_asked_in := {"channels": _team.review_channels}

default _asked_again := {}

# In an emergency nobody waits for a quarter of an hour.
_asked_again := {"remind_seconds": 120} if input.context.emergency == true

default _asked_after := {}

# Who may answer too when nobody does.
_asked_after := {"escalate": _team.escalate}

# Whose it is.

_owner := input.resource.properties.owner if is_string(input.resource.properties.owner)

_has_owner if _owner

_team := data.teams[_owner] if is_object(data.teams[_owner])

_has_team if _team

# A team without `group` has the group of its own name.
_group := object.get(_team, "group", _owner)

default _tier := ""

_tier := input.resource.properties.tier

# A tier that is not a text is no known tier: it needs a review as well.
_open_tier if {
	is_string(_tier)
	is_array(data.curfew.config.restricted_tiers)
	not lower(trim_space(_tier)) in _restricted_tiers
}

_restricted_tiers contains lower(tier) if some tier in data.curfew.config.restricted_tiers
