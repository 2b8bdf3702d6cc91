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
	_year(text) > 1677
	_year(text) < 2262
}

ns(text) := -9223372036854775808 if _year(text) <= 1677

ns(text) := 9223372036854775807 if _year(text) >= 2262

_year(text) := to_number(substring(text, 0, 4)) if {
	is_string(text)
	regex.match(`^\d{4}-`, text)
}
