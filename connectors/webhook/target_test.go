package webhook_test

import (
	"testing"

	"github.com/curfew-access/curfew/connectors/webhook"
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
