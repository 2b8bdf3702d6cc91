package main

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// function is one function, for as many runs as Lambda keeps it.
type function struct {
	cfg    config
	client *http.Client
	pause  time.Duration
	log    *slog.Logger
}

func newFunction(cfg config, log *slog.Logger) *function {
	return &function{cfg: cfg, log: log, pause: time.Second, client: &http.Client{
		// A redirect would take a token elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// spare is kept of the time that Lambda gives, to say what went wrong.
const spare = 2 * time.Second

// handle is one run. Every failure is an error, a refused snapshot too: Lambda then
// tries again, and in the end puts the event into the dead-letter queue.
func (f *function) handle(ctx context.Context, event events.EventBridgeEvent) (Report, error) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-spare))
		defer cancel()
	}
	log := f.log.With("event", event.ID, "source", f.cfg.source)
	if call, ok := lambdacontext.FromContext(ctx); ok {
		log = log.With("request_id", call.AwsRequestID)
	}
	r, err := f.sync(ctx)
	if err != nil {
		log.ErrorContext(ctx, "the catalogue is not synced", "error", err.Error())
		return Report{}, err
	}
	log.InfoContext(ctx, "the catalogue is synced", "run_id", r.RunID, "received", r.Received, "created", r.Created,
		"updated", r.Updated, "unchanged", r.Unchanged, "archived", r.Archived, "grants_ended", r.GrantsEnded,
		"skipped_customers", r.Skipped)
	return r, nil
}

func (f *function) sync(ctx context.Context) (r Report, err error) {
	directoryToken, err := f.cfg.directoryToken.read(ctx, f.client)
	if err != nil {
		return r, err
	}
	gatewayToken, err := f.cfg.gatewayToken.read(ctx, f.client)
	if err != nil {
		return r, err
	}
	directory := httpDirectory{address: f.cfg.directory, token: directoryToken, client: f.client, within: pageWithin, pause: f.pause}
	s, err := take(ctx, directory, f.cfg.entitlements)
	if err != nil {
		return r, err
	}
	return put(ctx, f.client, f.cfg.gateway, f.cfg.source, gatewayToken, s)
}
