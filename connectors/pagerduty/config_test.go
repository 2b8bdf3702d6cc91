package pagerduty_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/connectors/pagerduty"
)

func TestNewRefuses(t *testing.T) {
	app := func(change func(*pagerduty.OAuth)) pagerduty.Config {
		o := &pagerduty.OAuth{ClientID: "id", ClientSecret: key, Region: "us", Subdomain: "acme"}
		change(o)
		return pagerduty.Config{OAuth: o}
	}
	cases := map[string]struct {
		config pagerduty.Config
		want   []string
	}{
		"no credentials":     {pagerduty.Config{}, []string{"neither an API key nor an OAuth app"}},
		"both credentials":   {pagerduty.Config{Token: key, OAuth: &pagerduty.OAuth{ClientID: "id", ClientSecret: key, Region: "us", Subdomain: "acme"}}, []string{"want one"}},
		"a key with a space": {pagerduty.Config{Token: key + " x"}, []string{"the API key holds a space"}},
		"a key with an end":  {pagerduty.Config{Token: key + "\n"}, []string{"the API key holds a space"}},
		"looking too far":    {pagerduty.Config{Token: key, LookAhead: 91 * 24 * time.Hour}, []string{"the look-ahead is 2184h0m0s"}},
		"looking back":       {pagerduty.Config{Token: key, LookAhead: -1}, []string{"the look-ahead is -1ns"}},
		"no URL":             {pagerduty.Config{Token: key, URL: "api.pagerduty.com"}, []string{"the address of the API"}},
		"a URL with a query": {pagerduty.Config{Token: key, URL: "https://x.test/?k=" + key}, []string{"the URL holds a query"}},
		"no app's secret":    {app(func(o *pagerduty.OAuth) { o.ClientSecret = "" }), []string{"no client secret"}},
		"no app's id":        {app(func(o *pagerduty.OAuth) { o.ClientID = "" }), []string{"no client id"}},
		"another region":     {app(func(o *pagerduty.OAuth) { o.Region = "mars" }), []string{`region is "mars"`}},
		"a whole address":    {app(func(o *pagerduty.OAuth) { o.Subdomain = "acme.pagerduty.com" }), []string{`subdomain is "acme.pagerduty.com"`}},
		"a token's address":  {app(func(o *pagerduty.OAuth) { o.TokenURL = "ftp://x" }), []string{"the address of the token"}},
		"a mapping to nobody": {pagerduty.Config{Token: key, Users: map[string]string{"P1": "alice@example.com", "P2": "service:ci", "": "user:a@example.com"}},
			[]string{`"P1" is mapped`, `"P2" is mapped to service:ci`, `"" is no account`}},
		"one address to two": {pagerduty.Config{Token: key, Users: map[string]string{"a@x.test": "user:a@example.com", "A@x.test": "user:b@example.com"}},
			[]string{"a@x.test is mapped twice, to a@example.com and to b@example.com"}},
		"all faults at once": {pagerduty.Config{URL: "x", LookAhead: -1, Users: map[string]string{"P1": "x"}}, []string{"neither", "look-ahead", "the API", "P1"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := pagerduty.New(c.config)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error = %v; want %q in it", err, want)
				}
			}
			if strings.Contains(err.Error(), "planted-key") {
				t.Errorf("the key is in %v", err)
			}
		})
	}
}

func TestNothingPrintsTheKey(t *testing.T) {
	byKey := pagerduty.Config{Token: key}
	byApp := pagerduty.Config{OAuth: &pagerduty.OAuth{ClientID: "id", ClientSecret: key, Region: "us", Subdomain: "acme"}}
	for _, config := range []pagerduty.Config{byKey, byApp} {
		client, err := pagerduty.New(config)
		if err != nil {
			t.Fatal(err)
		}
		var all bytes.Buffer
		for _, value := range []any{config, &config, config.OAuth, client, client.OnCall(), client.Incidents()} {
			printed, _ := json.Marshal(value)
			fmt.Fprintf(&all, "%v %+v %#v %s %q %x %s\n", value, value, value, value, value, value, printed)
			slog.New(slog.NewJSONHandler(&all, nil)).Info("x", "value", value)
			slog.New(slog.NewTextHandler(&all, nil)).Info("x", "value", value)
		}
		for _, spelling := range []string{"planted-key", fmt.Sprintf("%x", key[:8])} {
			if strings.Contains(all.String(), spelling) {
				t.Errorf("the key is printed: %s", &all)
			}
		}
	}
}
