package access

import data.curfew.lib.continuation

# METADATA
# title: What becomes of live access when something changes
# description: >-
#   It stays while the policy would still give it, also after a review; otherwise it
#   is flagged. A team's directory that brings its own package `access` says this
#   itself, and can end what it would not give any more:
#
#     # METADATA
#     # schemas:
#     #   - input: schema.continue
#     continue := {"action": "end", "reasons": decision.reasons} if {
#     	decision.effect == "deny"
#     	not "on_call" in input.grant.decision.reasons
#     } else := continuation.result
# entrypoint: true
continue := continuation.result
