package postgres_test

import (
	"strings"
	"testing"

	"github.com/curfew-access/curfew/engine/ledger/postgres"
)

func TestNoErrorHoldsThePassword(t *testing.T) {
	for name, url := range map[string]string{
		"the port is none":               "postgres://u:opensesame@host:port/db",
		"a character is not encoded":     "postgres://u:open%sesame@host/db",
		"a slash is not encoded":         "postgres://u:opensesame/open@host/db",
		"a hash is not encoded":          "postgres://u:open#sesame@host:x/db",
		"a sign ends the authority":      "postgres://u:5432?opensesame@host/db",
		"a setting is wrong":             "postgres://u:opensesame@host/db?sslmode=perhaps",
		"a number is none":               "postgres://u:opensesame@host/db?pool_max_conns=many",
		"there are too few connections":  "postgres://u:opensesame@host/db?pool_max_conns=1",
		"it is of another kind":          "mysql://u:opensesame@host/db",
		"the password is a setting":      "postgres://host:x/db?password=opensesame",
		"a file of certificates is none": "postgres://u:opensesame@host/db?sslmode=verify-full&sslrootcert=/none",
		"the server can not be reached":  "postgres://u:opensesame@127.0.0.1:1/db?sslmode=disable",
		"a host has no address":          "postgres://u:opensesame@host.invalid/db?sslmode=disable",
	} {
		_, err := postgres.Open(t.Context(), url)
		if err == nil {
			t.Errorf("%s: it was opened", name)
			continue
		}
		for _, piece := range []string{"sesame", "opens"} {
			if strings.Contains(err.Error(), piece) {
				t.Errorf("%s: the error is %v", name, err)
			}
		}
	}
}

func TestFaultOfAURLIsNamed(t *testing.T) {
	for url, want := range map[string]string{
		"postgres://u:opensesame@host/db?sslmode=perhaps":     "sslmode",
		"postgres://u:opensesame@host/db?pool_max_conns=many": "pool_max_conns",
		"mysql://u:opensesame@host/db":                        "postgres://",
	} {
		if err := postgres.Check(url); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the error is %v, want one that names %s", url, err, want)
		}
	}
	if err := postgres.Check("postgresql://u:p@a:1,b:2/db?sslmode=verify-full&target_session_attrs=read-write&pool_max_conns=4"); err != nil {
		t.Error(err)
	}
}
