package access

import data.curfew.lib.decision as library

# METADATA
# title: The decision about a request
# description: >-
#   The one object that the gateway reads, built from `allow`, `review` and `deny`. This
#   file stays in force when a team's directory brings its own package `access`, unless
#   that defines `decision` too.
# entrypoint: true
decision := library.result
