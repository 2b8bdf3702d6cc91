package webhook_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/curfew-access/curfew/connectors/webhook"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/suite/connectorsuite"
)

func TestTargetConforms(t *testing.T) {
	connectorsuite.Run(t, func(t *testing.T, env connectorsuite.Env) connectorsuite.Deliverer {
		target, err := webhook.New(webhook.Config{
			Name: "okta", URL: env.URL, Secrets: env.Secrets, Headers: env.Headers, Timeout: env.Timeout, Transport: env.Transport,
		})
		if err != nil {
			t.Fatal(err)
		}
		return target
	})
}

// Whether the target may still be at a request that had no answer of its own is
// said with the outcome, whatever came of the later tries.
func TestOutcomeSaysWhetherTheTargetMayStillBeAtIt(t *testing.T) {
	const cut = 0
	cases := map[string]struct {
		answers []int
		open    bool
	}{
		"done at once":                       {[]int{204}, false},
		"refused at once":                    {[]int{403}, false},
		"refused by the target, then done":   {[]int{500, 204}, false},
		"cut off, then done":                 {[]int{cut, 204}, true},
		"cut off, then refused":              {[]int{cut, 403}, true},
		"a proxy's time-out":                 {[]int{504, 504, 504}, true},
		"a proxy's time-out, then a refusal": {[]int{502, 403}, true},
		"cut off each time":                  {[]int{cut, cut, cut}, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			answers := tc.answers
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				status := answers[0]
				answers = answers[1:]
				if status == cut {
					panic(http.ErrAbortHandler)
				}
				w.WriteHeader(status)
			}))
			defer server.Close()
			cfg := good()
			cfg.URL = server.URL
			message := access.Message{Data: access.MessageData{Binding: access.BindingRef{ID: "bnd_1", Generation: 1}}}
			receipt, err := mustNew(t, cfg).Deliver(t.Context(), message)
			open := receipt.Open
			var failure *access.DeliveryError
			if errors.As(err, &failure) {
				open = failure.Open
			}
			if open != tc.open {
				t.Fatalf("open is %v (%+v, %v), want %v", open, receipt, err, tc.open)
			}
		})
	}
}
