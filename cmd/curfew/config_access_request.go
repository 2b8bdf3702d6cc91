package main

import (
	"errors"
	"fmt"

	"github.com/curfew-access/curfew/connectors/callback"
)

// accessRequestEntry configures AuthZEN's access request profile. All of it is
// about callbacks: the rest needs nothing.
type accessRequestEntry struct {
	CallbackSecret          secretRef   `yaml:"callback_secret"`           // signs; without one no callback is taken
	CallbackPreviousSecrets []secretRef `yaml:"callback_previous_secrets"` // sign as well, while they are changed over
	CallbackHosts           []string    `yaml:"callback_hosts"`            // that may be called; "*": every public one, over https
}

// accessRequest makes what sends callbacks, if it is configured.
func (r *configReader) accessRequest(entry accessRequestEntry) {
	const at = "access_request"
	if entry.CallbackSecret == "" {
		if len(entry.CallbackHosts)+len(entry.CallbackPreviousSecrets) > 0 {
			r.add(at+".callback_secret", "it is missing; callbacks are signed with it, make one with: curfew token new --webhook")
		}
		return
	}
	cfg := callback.Config{Hosts: entry.CallbackHosts}
	before := len(r.faults)
	for i, ref := range append([]secretRef{entry.CallbackSecret}, entry.CallbackPreviousSecrets...) {
		place := at + ".callback_secret"
		if i > 0 {
			place = fmt.Sprintf("%s.callback_previous_secrets[%d]", at, i-1)
		}
		secret, err := r.secret(place, ref)
		if err != nil {
			r.take(place, err)
			continue
		}
		cfg.Secrets = append(cfg.Secrets, secret.Reveal())
	}
	if len(r.faults) > before {
		return
	}
	sender, err := callback.New(cfg)
	if err != nil {
		r.take(at, errors.Join(err))
		return
	}
	r.cfg.Callbacks = sender
}
