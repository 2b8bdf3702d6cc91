// Redis is the smallest set-up with a real Redis, to be watched: the time to live
// of a grant's key, the event that says that it is over, the webhook that takes
// the access away, and the audit log, as they happen.
//
//	redis -curfew bin/curfew -receiver bin/receiver -examples examples
//
// It plays a story and then waits for Ctrl-C, or, with -demo, exits: 0 only if
// each step happened.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/curfew-access/curfew/examples/stage"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var o options
	flag.StringVar(&o.curfew, "curfew", "bin/curfew", "the gateway's `program`")
	flag.StringVar(&o.receiver, "receiver", "bin/receiver", "the receiver's `program`")
	flag.StringVar(&o.examples, "examples", "examples", "the `folder` of the examples")
	flag.StringVar(&o.dir, "dir", ".redis", "the `folder` to run in; it is emptied")
	flag.BoolVar(&o.demo, "demo", false, "play the story in a folder and on ports of its own, and exit")
	flag.Parse()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "\nFAILED:", err)
		os.Exit(1)
	}
}

type options struct {
	curfew, receiver, examples, dir string
	demo                            bool
}

func run(ctx context.Context, o options) (err error) {
	if o.demo {
		o.dir = ""
	}
	s, err := stage.Open(o.curfew, o.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	w := &world{Stage: s}
	playing, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	if err = w.begin(playing, o); err == nil {
		err = stage.Play(playing, w, story())
	}
	switch {
	case ctx.Err() != nil:
		return nil // interrupted, which is how a person ends it
	case err != nil:
		return err
	}
	stage.Print("\nEach step happened.\n")
	if !o.demo {
		w.invite()
		s.Keep(ctx)
	}
	return nil
}
