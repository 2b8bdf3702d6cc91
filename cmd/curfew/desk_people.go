package main

import (
	"context"

	"github.com/curfew-access/curfew/connectors/slack"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// people is what the ledger knows of people and their accounts.
type people struct {
	ledger    *ledger.Ledger
	canonical func(access.Subject) access.Subject // whose address it is, by the list of people
}

var _ slack.People = people{}

// BySlack returns the person whose account it is said to be.
func (p people) BySlack(ctx context.Context, id string) (who access.Person, known bool, err error) {
	err = p.ledger.Look(ctx, func(tx *ledger.Tx) error {
		who, known, err = tx.PersonBySlack(id)
		return err
	})
	return who, known, err
}

// ByEmail returns the person of an address. Who is not in the list of people is
// themselves, with nothing else known.
func (p people) ByEmail(ctx context.Context, email string) (who access.Person, err error) {
	s, err := access.Subject{Type: access.TypeUser, ID: email}.Canonical()
	if err != nil {
		return who, err
	}
	err = p.ledger.Look(ctx, func(tx *ledger.Tx) error {
		who, _, err = tx.Person(p.canonical(s))
		return err
	})
	return who, err
}
