# METADATA
# title: The request
# description: What is asked for, held against what the resource offers.
# schemas:
#   - input: schema.access
package curfew.lib.request

# METADATA
# title: A reason was given
# description: The text holds a character that can be seen.
has_reason if regex.match(`[^\pZ\pC\s]`, input.context.reason)

# METADATA
# title: The longest duration on offer, in seconds
# description: It is 0 when the resource offers no duration.
# scope: document
default longest := 0

longest := max(input.resource.durations_seconds) if is_array(input.resource.durations_seconds)

# METADATA
# title: What the access is to last as long as
# description: Either `oncall` or `incident`; undefined for any other wish and for none.
# scope: document
while_kind := "oncall" if input.context.while == "oncall"

while_kind := "incident" if {
	is_string(input.context.while)
	startswith(input.context.while, "incident:")
}

# METADATA
# title: A length was asked for that the resource offers
# description: No longer than the longest on offer; a reviewer may have shortened it.
within_length if {
	input.context.while == null
	is_number(input.context.for_seconds)
	input.context.for_seconds > 0
	input.context.for_seconds <= longest
}

# METADATA
# title: More was asked for than the resource offers
too_long if {
	is_number(input.context.for_seconds)
	input.context.for_seconds > longest
}

# METADATA
# title: The resource offers access for as long as that
within_while if {
	input.context.for_seconds == null
	while_kind in input.resource.while
}
