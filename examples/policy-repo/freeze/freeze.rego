# METADATA
# title: Change freezes
# description: >-
#   Which freezes of `data.freezes` an access would touch. Access that begins before a
#   freeze and would still be open in it touches it as well.
# schemas:
#   - input: schema.access
package freeze

import data.curfew.lib.instant
import data.curfew.lib.oncall
import data.curfew.lib.request

# METADATA
# title: The names of the freezes that the access would touch
touching contains name if {
	some name, freeze in data.freezes
	_forbids(freeze)
	not _clear_of(freeze)
}

_forbids(freeze) if input.action.name in freeze.actions

# A freeze without a list of actions forbids all of them.
_forbids(freeze) if {
	actions := object.get(freeze, "actions", null)
	not is_array(actions)
}

# To be clear of a freeze takes times that can be read: one with a slip in its dates
# holds until it is mended.
_clear_of(freeze) if _last <= instant.ns(freeze.from)

_clear_of(freeze) if oncall.at >= instant.ns(freeze.until)

# How long a shift lasts is not known before it is over, so access for as long as
# that counts with the longest duration on offer.
_last := oncall.at + (_seconds * 1000000000)

_seconds := input.context.for_seconds if is_number(input.context.for_seconds)

_seconds := request.longest if input.context.for_seconds == null
