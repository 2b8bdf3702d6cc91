# METADATA
# title: Instants
# description: RFC 3339 times as numbers that can be compared.
package curfew.lib.instant

# METADATA
# title: Nanoseconds since 1970
# description: >-
#   A year that 64 bits of nanoseconds can not hold is as good as the first or the
#   last that they can: a shift until the year 9999 has no end that matters.
# scope: document
ns(text) := time.parse_rfc3339_ns(text) if {
	is_string(text)
	text >= "1678"
	text < "2262"
} else := -9223372036854775808 if {
	_dated(text)
	text < "1678"
} else := 9223372036854775807 if {
	_dated(text)
}

# Such texts sort as their years do.
_dated(text) if {
	is_string(text)
	regex.match(`^\d{4}-`, text)
}
