# METADATA
# title: May this subject do this, now?
# description: >-
#   The policy for checks that Curfew ships with: yes exactly while a grant is live.
#   The gateway puts the live grants into `input.grants`. A team that wants more
#   (standing access, the posture of a device) writes its own package `check`.
# schemas:
#   - input: schema.check
package check

# METADATA
# title: The answer to a check
# description: An object of `decision` and a `reason`, which is a code.
# scope: document
# entrypoint: true
default decision := {"decision": false, "reason": "no_live_grant"}

decision := {"decision": true, "reason": "live_grant"} if input.grants[0]
