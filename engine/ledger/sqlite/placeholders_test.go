package sqlite

import "testing"

func TestParametersThatComeInOrderNeedNoNames(t *testing.T) {
	for query, want := range map[string]string{
		`SELECT 1`: `SELECT 1`,
		`INSERT INTO t (a, b) VALUES ($1, $2), ($3, CAST($4 AS BIGINT))`: `INSERT INTO t (a, b) VALUES (?, ?), (?, CAST(? AS BIGINT))`,
		`a = $1 AND b = $1`:                  `a = $1 AND b = $1`,
		`a = $2 AND b = $1`:                  `a = $2 AND b = $1`,
		`a = $1 AND b = '$'`:                 `a = $1 AND b = '$'`,
		`$1 $2 $3 $4 $5 $6 $7 $8 $9 $10 $11`: `? ? ? ? ? ? ? ? ? ? ?`,
	} {
		if got := unnamed(query); got != want {
			t.Errorf("%s became %s, want %s", query, got, want)
		}
	}
}
