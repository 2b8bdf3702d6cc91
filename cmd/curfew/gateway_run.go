package main

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/lease"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/pace"
)

// drainHTTP is how long a stop waits for the calls under way.
const drainHTTP = 10 * time.Second

// Run serves until ctx ends or a part fails. It stops in order: no more calls
// and messages are taken and those under way are finished; nobody is told of
// anything any more; the loops end; the last decisions and events are written,
// and sealed.
func (g *gateway) Run(ctx context.Context) error {
	last := context.WithoutCancel(ctx)
	if err := g.tellStarted(ctx); err != nil {
		return err
	}
	if err := g.engine.TellAuditKeys(last); err != nil {
		return err
	}
	ctx, fail := context.WithCancel(ctx)
	defer fail()

	sealing := start(last, fail, g.sealer.Run)
	loops := start(last, fail, append(g.sourceLoops(), g.engine.Run, g.worker.Run, g.alarms.Run, g.watchLease, g.delivery.Run, g.watchHangups, pace.Run)...)
	sending := start(last, fail, g.sinkLoops()...)
	logging := start(last, fail, g.decisions.Run)
	telling := start(last, fail, g.slackNotices()...)
	listening := start(last, fail, g.slackLoops()...)
	serving := start(last, fail, g.serve)

	<-ctx.Done()
	g.log.Info("stopping")
	err := errors.Join(serving.stop(), listening.stop(), telling.stop(), loops.stop(), sending.stop(), logging.stop())
	err = errors.Join(err, g.tell(last, audit.GatewayStopped))
	return errors.Join(err, sealing.stop())
}

// stage is loops that run together and end together.
type stage struct {
	group errgroup.Group
	end   context.CancelFunc
}

// start runs the loops. When one fails, fail is called.
func start(ctx context.Context, fail func(), loops ...func(context.Context) error) *stage {
	s := &stage{}
	ctx, s.end = context.WithCancel(ctx)
	for _, loop := range loops {
		s.group.Go(func() error {
			err := loop(ctx)
			if err != nil {
				fail()
			}
			return err
		})
	}
	return s
}

// stop ends the loops and waits for them.
func (s *stage) stop() error {
	s.end()
	return s.group.Wait()
}

// tellAgain is how long to wait before the ledger is tried again.
const tellAgain = 500 * time.Millisecond

// tellStarted writes that the gateway started: a ledger that is away at this
// moment is waited for.
func (g *gateway) tellStarted(ctx context.Context) error {
	for complained := false; ; {
		err := g.tell(context.WithoutCancel(ctx), audit.GatewayStarted)
		if err == nil || g.ledger.Alone() {
			return err
		}
		if !complained {
			g.log.Warn("the ledger does not answer; nothing is served until it does", "error", err)
			complained = true
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(tellAgain):
		}
	}
}

// tell writes an audit event about the gateway itself.
func (g *gateway) tell(ctx context.Context, typ string) error {
	return g.ledger.Update(ctx, func(tx *ledger.Tx) error {
		return tx.Append(audit.Event{Type: typ, Revision: audit.Text(g.policy.Revision()), Data: map[string]any{"version": g.version, "node": g.node}})
	})
}

// watchLease keeps the lease, and tells the engine what it has to say.
func (g *gateway) watchLease(ctx context.Context) error {
	return g.lease.Run(ctx, lease.Events{Expired: g.engine.Announced, Connected: g.engine.Wake, Emptied: g.engine.Rebuild})
}

// watchHangups reads the policies again on SIGHUP, and asks all sources of facts.
func (g *gateway) watchHangups(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-g.hangups:
			g.delivery.Reload()
			g.pokeSources()
		}
	}
}
