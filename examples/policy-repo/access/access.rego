# METADATA
# title: Who gets access at Example Corp
# description: >-
#   Whoever is on call for a resource gets it at once. Colleagues in the owner's group
#   ask the leads of their team. Nobody works on what is kept in a region that they
#   do not belong to, and a change freeze gives way to emergencies only.
# schemas:
#   - input: schema.access
package access

import data.curfew.lib.oncall
import data.curfew.lib.reason
import data.curfew.lib.request
import data.freeze

# METADATA
# title: On call
# description: The subject is on call for the team that owns the resource.
# custom: {code: on_call, facts: [groups, oncall, resource]}
allow contains object.union(reason.of(rego.metadata.rule()), _terms) if {
	_on_call
	_open_tier
	not _frozen
}

# METADATA
# title: The team's leads decide
# description: The subject belongs to the team that owns the resource; one of its leads must agree.
# custom: {code: leads_review, facts: [groups, resource]}
review contains object.union(reason.of(rego.metadata.rule()), terms) if {
	_in_team
	_open_tier
	not _frozen
	terms := _reviewed_by({"groups": [_team.leads], "quorum": 1})
}

# METADATA
# title: Restricted resource
# description: The tier of the resource needs more than one person from security, even for those on call.
# custom: {code: restricted_review, facts: [groups, oncall, resource]}
review contains object.union(reason.of(rego.metadata.rule()), terms) if {
	_belongs
	not _open_tier
	not _frozen
	terms := _reviewed_by(data.curfew.config.review)
}

# METADATA
# title: Emergency in a change freeze
# description: >-
#   Those on call may break a change freeze in an emergency, when security agrees. The
#   change managers look at it afterwards.
# custom: {code: freeze_emergency, facts: [oncall, resource]}
review contains object.union(reason.of(rego.metadata.rule()), terms) if {
	_on_call
	_frozen
	input.context.emergency == true
	terms := object.union(
		_reviewed_by(data.curfew.config.review),
		{"obligations": {"notify": ["#change-managers"], "after_review": true}},
	)
}

# METADATA
# title: No reason given
# description: Say why the access is needed, in a few words that a reviewer and an auditor can understand.
# custom: {code: no_reason, facts: []}
deny contains reason.of(rego.metadata.rule()) if not request.has_reason

# METADATA
# title: Change freeze
# custom: {code: change_freeze, facts: [oncall]}
deny contains reason.saying(rego.metadata.rule(), detail) if {
	_frozen
	not _emergency
	detail := sprintf(
		"Nothing may be changed during %s. Ask for less, or for a time after it. In an emergency whoever is on call may ask.",
		[concat(", ", sort(freeze.touching))],
	)
}

# METADATA
# title: Another region
# custom: {code: wrong_region, facts: [groups, resource]}
deny contains reason.saying(rego.metadata.rule(), detail) if {
	not _in_region
	detail := sprintf(
		"This resource is kept in the region %q, and you are in none of the groups that may work there.",
		[_region],
	)
}

# METADATA
# title: Neither on call nor in the owner's team
# description: Those on call for the owner get this at once, and its team may ask for a review. Ask one of them.
# custom: {code: not_of_the_team, facts: [groups, oncall, resource]}
deny contains reason.of(rego.metadata.rule()) if not _belongs

# METADATA
# title: Not offered
# custom: {code: not_offered, facts: [oncall, resource]}
deny contains reason.saying(rego.metadata.rule(), detail) if {
	not _terms
	detail := sprintf("Ask for %d seconds at most, or for as long as you are on call if you are.", [request.longest])
}

# Who asks. A fact that could not be learned is no yes.

_on_call if count(_shifts) > 0

_shifts := oncall.shifts_for(_team)

_in_team if {
	input.subject.properties.groups_known == true
	_team.group in input.subject.properties.groups
}

_belongs if _on_call

_belongs if _in_team

_in_region if {
	input.subject.properties.groups_known == true
	some group in data.regions[_region].groups
	group in input.subject.properties.groups
}

_emergency if {
	_on_call
	input.context.emergency == true
}

# What they ask for.

_frozen if count(freeze.touching) > 0

_terms := {"max_seconds": request.longest} if request.within_length

_terms := {"max_seconds": request.longest, "until": {"oncall": oncall.refs(oncall.shifts_of(_team))}} if {
	request.within_while
	request.while_kind == "oncall"
	_on_call
}

_reviewed_by(reviewers) := object.union(_terms, {"reviewers": reviewers})

# Whose it is.

_team := data.teams[input.resource.properties.owner]

default _region := "unknown"

_region := input.resource.properties.region if is_string(input.resource.properties.region)

default _tier := ""

_tier := input.resource.properties.tier

_open_tier if {
	is_string(_tier)
	not _tier in data.curfew.config.restricted_tiers
}
