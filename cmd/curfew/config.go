package main

import (
	"time"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/connectors/callback"
	"github.com/curfew-access/curfew/connectors/rota"
	"github.com/curfew-access/curfew/connectors/webhook"
	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/lease"
	"github.com/curfew-access/curfew/engine/trouble"
)

// Config is a configuration file, read with all that it refers to, resolved and
// checked. Paths in it are absolute.
type Config struct {
	Path         string
	Listen       string
	ExternalURL  string
	LedgerPath   string             // of the SQLite file
	LedgerURL    Secret             // of the PostgreSQL database; empty: the ledger is the file
	Lease        *lease.RedisConfig // nil: in the process's memory
	PoliciesDir  string             // "": the policies that curfew ships with
	PolicyBundle *PolicyBundle      // in the place of the directory; nil: none
	Tokens       []Token
	OnCall       OnCall
	RotaPath     string // "": there is no rota
	Rota         rota.File
	MaxEndShare  float64 // of the live grants, that new policies may end by themselves
	Targets      []Target
	People       []access.Person
	Callbacks    *callback.Sender // nil: no callbacks are taken
	HasSeed      bool             // whether there is a catalogue file; without one the catalogue is left as it is
	Seed         access.Catalogue
	Decisions    Decisions
	Audit        Audit
	Slack        *Slack                   // nil: there is none
	Paging       *Paging                  // nil: nobody is called
	Sources      []engine.CatalogueSource // that bring their catalogues through the API
	Sinks        []Sink                   // that audit events are sent to

	// Warnings are what an operator should know and what hinders nothing.
	Warnings []string
	// Missing are targets that can not be used because a secret of theirs is not
	// there. The gateway starts without them, degraded; a check refuses them.
	Missing []error
	// Unasked are sources that are not asked, or not listened to, for the same.
	Unasked []error
	// Unheard are parts of Slack that are left out for the same.
	Unheard []error
	// Uncalled is a pager that is not told of alarms for the same.
	Uncalled []error
	// Unsent are sinks that are sent nothing for the same.
	Unsent []error
}

// Token is a bearer token and who it stands for.
type Token struct {
	Name    string
	Subject access.Subject
	Groups  []string // nil: the token says nothing of groups
	Secret  Secret
}

// Target is a webhook that opens and closes access.
type Target struct {
	Name    string
	Webhook *webhook.Target
	Retired bool
	MaxLag  time.Duration
	Retry   trouble.Backoff

	CallbackWithin time.Duration           // 0: the response confirms
	Renew          bool                    // it is told when a deadline moves
	Verify         *engine.VerifyTerms     // nil: it is never asked whether a binding exists
	As             *connectors.Credentials // nil: nobody says who calls
	Width          int                     // messages under way at once
	PerSecond      float64                 // messages begun in a second; 0: no limit
}

// engine is what the engine must know of the target.
func (t Target) engine() engine.Target {
	return engine.Target{
		Name: t.Name, Contract: t.Webhook.Contract(), Retired: t.Retired,
		Deadline: t.Webhook.Deadline(), MaxLag: t.MaxLag, Retry: t.Retry,
		CallbackWithin: t.CallbackWithin, Renew: t.Renew, Verify: t.Verify,
	}
}

// tokenPersons is what the tokens say of the groups of their subjects: of one
// subject with several tokens, all of them together.
func (c Config) tokenPersons() []access.Person {
	at := map[access.Subject]int{}
	var persons []access.Person
	for _, t := range c.Tokens {
		if t.Groups == nil {
			continue
		}
		i, known := at[t.Subject]
		if !known {
			i = len(persons)
			at[t.Subject] = i
			persons = append(persons, access.Person{Subject: t.Subject})
		}
		persons[i].Groups = append(persons[i].Groups, t.Groups...)
	}
	return persons
}

// data counts what the configuration's files hold.
func (c Config) data() string {
	return counted(len(c.Seed.Resources), "resource", "resources") + ", " + counted(len(c.People), "person", "people")
}
