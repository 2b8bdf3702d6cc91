# METADATA
# title: On call
# description: Which of the subject's shifts count for the request.
# schemas:
#   - input: schema.access
package curfew.lib.oncall

import data.curfew.lib.instant

# METADATA
# title: The subject's shifts were learned
known if input.context.oncall.known == true

# METADATA
# title: The moment that counts, in nanoseconds since 1970
# description: Now, or the start of the access when that is still ahead.
at := max([instant.ns(input.context.now), _starts_at])

default _starts_at := -9223372036854775808

_starts_at := instant.ns(input.context.starts_at) if is_string(input.context.starts_at)

# METADATA
# title: The shifts that make the subject on call for a team
# description: >-
#   They cover the moment that counts, their level is no higher than
#   `data.curfew.config.oncall.max_level`, and their schedule is one of the team's
#   `schedules` or their escalation policy one of its `escalation_policies`.
shifts_for(team) := {shift |
	some shift in shifts_of(team)
	_begun(shift)
	_unfinished(shift)
}

# METADATA
# title: The team's shifts that the subject holds, now or later
# description: >-
#   The same, whenever they begin. They are what access for as long as on call is
#   bound to: one that follows on another, also on another schedule of the team,
#   continues it.
shifts_of(team) := {shift |
	known
	some shift in input.context.oncall.shifts
	is_number(shift.level)
	shift.level <= _max_level
	_of_team(shift, team)
}

# METADATA
# title: What names shifts in a decision's `until`
refs(shifts) := sort({ref |
	some shift in shifts
	named := {
		"source": object.get(shift, "source", null),
		"schedule": object.get(shift, ["schedule", "id"], null),
		"policy": object.get(shift, ["policy", "id"], null),
		"level": shift.level,
	}
	ref := {key: value | some key, value in named; value != null}
})

_begun(shift) if shift.start == null

_begun(shift) if instant.ns(shift.start) <= at

_unfinished(shift) if shift.end == null

_unfinished(shift) if at < instant.ns(shift.end)

_max_level := data.curfew.config.oncall.max_level if is_number(data.curfew.config.oncall.max_level)

_of_team(shift, team) if shift.schedule.id in team.schedules

_of_team(shift, team) if shift.policy.id in team.escalation_policies
