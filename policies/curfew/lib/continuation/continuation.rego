# METADATA
# title: What becomes of live access
# description: >-
#   Asks the policy's own decision again, on what is known now. Access that would
#   still be given, or still be sent to review, stays: whoever agreed to it once is not
#   asked twice. Everything else is flagged, for the reasons of the denial, so that a
#   person looks at it.
package curfew.lib.continuation

# METADATA
# title: The answer
result := {"action": "keep", "reasons": []} if {
	_decision.effect in {"allow", "review"}
} else := {"action": "flag", "reasons": _decision.reasons}

# The decision, without its type: a team's may have another than this package reads,
# and must not fail to compile for it.
_decision := json.unmarshal(json.marshal(data.access.decision))
