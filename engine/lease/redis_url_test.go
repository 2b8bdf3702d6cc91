package lease_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/engine/lease"
)

func TestAURLOfRedisIsReadAndPrintedWithoutItsPasswords(t *testing.T) {
	cases := map[string]struct {
		url   string
		want  string
		addrs []string
		user  string
	}{
		"a host":               {"redis://host", "redis://host:6379/0", []string{"host:6379"}, ""},
		"a port and database":  {"redis://host:6380/2", "redis://host:6380/2", []string{"host:6380"}, ""},
		"IPv6":                 {"redis://[::1]:6380", "redis://[::1]:6380/0", []string{"[::1]:6380"}, ""},
		"IPv6 without a port":  {"redis://[::1]", "redis://[::1]:6379/0", []string{"[::1]:6379"}, ""},
		"a user and password":  {"redis://u:hunter2@host", "redis://host:6379/0", []string{"host:6379"}, "u"},
		"a password alone":     {"redis://:hunter2@host/1", "redis://host:6379/1", []string{"host:6379"}, ""},
		"a password with an @": {"redis://u:p%40hunter2@x@host", "redis://host:6379/0", []string{"host:6379"}, "u"},
		"TLS":                  {"rediss://host", "rediss://host:6379/0", []string{"host:6379"}, ""},
		"a socket":             {"redis+unix:///run/r.sock?db=1", "redis+unix:///run/r.sock?db=1", []string{"/run/r.sock"}, ""},
		"a socket with a user": {"redis+unix://u:hunter2@/run/r.sock", "redis+unix:///run/r.sock?db=0", []string{"/run/r.sock"}, "u"},
		"Sentinels":            {"redis+sentinel://a,b:1/main/2", "redis+sentinel://a:26379,b:1/main/2", []string{"a:26379", "b:1"}, ""},
		"Sentinels' password": {
			"redis+sentinel://:hunter2@a/main?sentinel_user=s&sentinel_password=hunter2", "redis+sentinel://a:26379/main/0", []string{"a:26379"}, "",
		},
		"Sentinels by TLS": {"rediss+sentinel://a/main", "rediss+sentinel://a:26379/main/0", []string{"a:26379"}, ""},
		"a Cluster":        {"redis+cluster://u:hunter2@a,b:1", "redis+cluster://a:6379,b:1", []string{"a:6379", "b:1"}, "u"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			u, err := lease.ParseRedisURL(tc.url)
			if err != nil {
				t.Fatal(err)
			}
			if u.String() != tc.want || !slices.Equal(u.Addrs, tc.addrs) || u.User != tc.user {
				t.Errorf("%q, %+v, %q", u.String(), u.Addrs, u.User)
			}
			if u.HasPassword() != strings.Contains(tc.url, "hunter2") {
				t.Error("the password is taken for another")
			}
		})
	}
}

func TestAURLThatIsNotOneOfRedisIsRefused(t *testing.T) {
	for url, want := range map[string]string{
		"":                                   "want redis://",
		"memory":                             "want redis://",
		"redis:host":                         "want redis://",
		"http://host":                        "want redis://",
		"redis://":                           "want <host>:<port>",
		"redis://a b":                        "want <host>:<port>",
		"redis://host:0":                     "a port is not a number",
		"redis://host:70000":                 "a port is not a number",
		"redis://a:b:c":                      "a host has colons",
		"redis://a,b":                        "there are several hosts",
		"redis://host/x":                     "the database is not a number",
		"redis://host/-1":                    "the database is not a number",
		"redis://host/0/1":                   "the path goes on",
		"redis://user@host":                  "there is a user and no password",
		"redis://:%zz@host":                  "the user or the password holds a %",
		"redis://host?db=1":                  "there is no parameter",
		"redis://:a?b@host":                  "there is a /, a ? or a # before the last @",
		"redis://:a/b@host/0":                "there is a /, a ? or a # before the last @",
		"redis://u:a#b@host":                 "there is a /, a ? or a # before the last @",
		"redis://host?%zz":                   "what follows the ?",
		"redis+unix://run/r.sock":            "want the path of a socket",
		"redis+unix:///r.sock?db=1&db=2":     "a parameter stands twice",
		"redis+sentinel://a":                 "the name of the master is missing",
		"redis+sentinel://a/main/0/1":        "the path goes on",
		"redis+cluster://a/1":                "a Redis Cluster has database 0 only",
		"redis+cluster://a?sentinel_user=me": "there is no parameter",
	} {
		if _, err := lease.ParseRedisURL(url); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", url, err, want)
		}
	}
}

func TestAPrefixIsPlain(t *testing.T) {
	for _, good := range []string{"curfew", "a", "team.a:prod", "x_1-2"} {
		if err := lease.CheckPrefix(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "a*", "a b", "a{b}", ":a", "a:", "ä", strings.Repeat("a", 33), "a\n", "[a]", "a?"} {
		if lease.CheckPrefix(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
