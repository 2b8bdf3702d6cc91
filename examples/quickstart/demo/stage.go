package main

import (
	"context"
	"errors"
	"time"

	"github.com/curfew-access/curfew/examples/stage"
)

// world is where the story is played: a copy of the quickstart with ports and
// secrets of its own, and what the story remembers.
type world struct {
	*stage.Stage
	receiverProgram, receiverAddress string
	receiver                         *stage.Process

	aliceEnds, carolEnds time.Time
	carolRequest         string
}

func setUp(ctx context.Context, program, receiverProgram, quickstart string) (*world, error) {
	s, err := stage.Open(program, "")
	if err != nil {
		return nil, err
	}
	w := &world{Stage: s, receiverProgram: receiverProgram}
	if err := w.begin(ctx, quickstart); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return w, nil
}

func (w *world) begin(ctx context.Context, quickstart string) error {
	pairs, err := w.Addresses("127.0.0.1:8080", "127.0.0.1:9090")
	if err != nil {
		return err
	}
	w.URL, w.receiverAddress = "http://"+pairs[1], pairs[3]
	if err := w.Copy(quickstart, append(pairs, "../../.quickstart", w.State())...); err != nil {
		return err
	}
	if err := w.MakeSecrets(ctx, "alice", "bob", "carol"); err != nil {
		return err
	}
	if err := w.startReceiver(ctx); err != nil {
		return err
	}
	_, err = w.StartGateway(ctx, "gateway", w.Config("quickstart", "curfew.yaml"), w.URL)
	return err
}

func (w *world) startReceiver(ctx context.Context) (err error) {
	w.receiver, err = w.StartReceiver(ctx, w.receiverProgram, w.receiverAddress)
	return err
}
