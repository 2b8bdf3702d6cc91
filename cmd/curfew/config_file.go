package main

import "go.yaml.in/yaml/v3"

// configFile is the configuration as it is written. Texts stay texts and what
// this release does not offer stays a node, so that every fault is found at
// once and named by its place.
type configFile struct {
	Listen        string             `yaml:"listen"`       // address; default 127.0.0.1:8080
	ExternalURL   string             `yaml:"external_url"` // as others reach it; default http://<listen>
	Ledger        string             `yaml:"ledger"`       // sqlite:<path> or postgres://…, which env:NAME or file:PATH may hold; default sqlite:curfew.db
	Lease         yaml.Node          `yaml:"lease"`        // memory, the default; a URL of Redis; or a leaseEntry
	Policies      yaml.Node          `yaml:"policies"`     // a directory, or {bundle: bundleEntry}; default: those that curfew ships with
	Auth          authEntry          `yaml:"auth"`
	OnCall        onCallEntry        `yaml:"oncall"`
	Targets       []targetEntry      `yaml:"targets"`
	People        string             `yaml:"people"`    // file
	Resources     string             `yaml:"resources"` // file
	Decisions     decisionsEntry     `yaml:"decisions"`
	Audit         auditEntry         `yaml:"audit"`
	AccessRequest accessRequestEntry `yaml:"access_request"`
	Reevaluate    reevaluateEntry    `yaml:"reevaluate"`
	Slack         *slackEntry        `yaml:"slack"`
	Alerts        alertsEntry        `yaml:"alerts"`
	Sources       []sourceEntry      `yaml:"sources"` // that are to bring their catalogues again and again
	Sinks         []sinkEntry        `yaml:"sinks"`   // that audit events are sent to
}

type authEntry struct {
	Tokens []tokenEntry `yaml:"tokens"`
	OIDC   yaml.Node    `yaml:"oidc"`
}

type tokenEntry struct {
	Name    string    `yaml:"name"`
	Subject string    `yaml:"subject"` // "service:ci"
	Groups  []string  `yaml:"groups"`  // absent: the token says nothing of them
	Secret  secretRef `yaml:"secret"`
}

type targetEntry struct {
	Name    string        `yaml:"name"`
	Webhook *webhookEntry `yaml:"webhook"`
	Retired bool          `yaml:"retired"` // drains, and takes no new access
}

type webhookEntry struct {
	URL             string               `yaml:"url"`
	Secret          secretRef            `yaml:"secret"`           // signs
	PreviousSecrets []secretRef          `yaml:"previous_secrets"` // sign as well, while they are changed over
	Headers         map[string]secretRef `yaml:"headers"`          // a value may be env:NAME or file:PATH
	Confirm         string               `yaml:"confirm"`          // response, the default, or callback
	CallbackTimeout string               `yaml:"callback_timeout"` // how long the callback is waited for; default 5m
	Timeout         string               `yaml:"timeout"`          // of an attempt; default 15s
	MaxLag          string               `yaml:"max_lag"`          // how long after an attempt its effect may come; default 0s
	Renew           bool                 `yaml:"renew"`            // it is told when a deadline moves
	RetryFirst      string               `yaml:"retry_first"`      // the first pause between attempts; default 1s
	RetryCap        string               `yaml:"retry_cap"`        // the longest; default 5m
	Concurrency     *int                 `yaml:"concurrency"`      // messages under way at once; default 16
	Rate            string               `yaml:"rate"`             // messages begun, such as 50/s or 600/m; default: no limit
	PublicOnly      bool                 `yaml:"public_only"`      // private networks are refused too
	TLS             *tlsEntry            `yaml:"tls"`
	Verify          *verifyEntry         `yaml:"verify"` // absent: it is never asked whether a binding exists
}
