# METADATA
# title: Incidents
# description: Which open incident the request is for, and whether it is the subject's.
# schemas:
#   - input: schema.access
package curfew.lib.incident

import data.curfew.lib.oncall

# METADATA
# title: The subject's open incidents were learned
known if input.context.incidents.known == true

# METADATA
# title: The incident that the request is for, by its id
id := trim_prefix(input.context.while, "incident:") if {
	is_string(input.context.while)
	startswith(input.context.while, "incident:")
}

# METADATA
# title: The incident that the request is for
# description: >-
#   Empty when it is not open, or when the subject has nothing to do with it: neither
#   a part in it nor a shift for its escalation policy.
asked contains incident if {
	known
	some incident in input.context.incidents.open
	incident.id == id
}

# METADATA
# title: The incident belongs to the team
# description: >-
#   Its escalation policy is one of the team's `escalation_policies`, or its service
#   one of its `services`.
# scope: document
of_team(incident, team) if incident.escalation_policy.id in team.escalation_policies

of_team(incident, team) if incident.service.id in team.services

# METADATA
# title: The subject works on the incident
# description: >-
#   It is assigned to them, they acknowledged it or accepted to respond, or they are on
#   call for its escalation policy, on a level that counts.
# scope: document
is_subjects(incident) if has_part(incident)

is_subjects(incident) if {
	incident.escalation_policy.id != ""
	count(oncall.shifts_for({"escalation_policies": [incident.escalation_policy.id]})) > 0
}

# METADATA
# title: The subject has a part in the incident
has_part(incident) if {
	some role in incident.roles
	role in {"assignee", "acknowledger", "responder"}
}
