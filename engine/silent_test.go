package engine_test

import (
	"context"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// silent is a lease that holds and announces nothing: the ledger alone is the
// clock.
type silent struct{}

func (silent) Hold(context.Context, ...access.Hold) error      { return nil }
func (silent) Drop(context.Context, ...string) error           { return nil }
func (silent) Poke(context.Context, ...string) bool            { return false }
func (silent) Checks() bool                                    { return false }
func (silent) Stand(context.Context, ...access.Standing) error { return nil }

func (silent) Standing(context.Context, access.Entitled) (access.Standing, bool) {
	return access.Standing{}, false
}

func (silent) Mend(context.Context, []access.Hold, []access.Standing) (access.Mended, []access.Ahead, error) {
	return access.Mended{}, nil, nil
}

func (silent) Force(context.Context, []access.Ahead, []access.Standing) (int, error) { return 0, nil }

func (silent) Page(context.Context, string) (access.LeasePage, error) {
	return access.LeasePage{}, nil
}

func (silent) DropUnknown(context.Context, ...string) error { return nil }
func (silent) Epoch() int64                                 { return 0 }
func (silent) KeyOf(access.Entitled) string                 { return "" }
func (silent) Skew() time.Duration                          { return 0 }
