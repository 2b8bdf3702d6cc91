package sqlite

import (
	"strconv"
	"strings"
)

// unnamed is a text whose parameters $1, $2, ... come once each and in order,
// with ? in their place: the driver looks each named one up among all of them,
// which for a statement of many rows takes longer than the statement. Any other
// text is returned as it is.
func unnamed(query string) string {
	var b strings.Builder
	next, rest := 1, query
	for {
		at := strings.IndexByte(rest, '$')
		if at < 0 {
			b.WriteString(rest)
			return b.String()
		}
		end := at + 1
		for end < len(rest) && rest[end] >= '0' && rest[end] <= '9' {
			end++
		}
		if rest[at+1:end] != strconv.Itoa(next) {
			return query
		}
		b.WriteString(rest[:at])
		b.WriteByte('?')
		next, rest = next+1, rest[end:]
	}
}
