// Cluster runs two gateways behind nginx, on one PostgreSQL and one Redis, all
// as plain processes in one folder.
//
//	cluster -curfew bin/curfew -receiver bin/receiver -examples examples
//
// It runs until Ctrl-C. With -demo it plays a story, in which a node is killed,
// and exits: 0 only if each step happened.
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
	flag.StringVar(&o.dir, "dir", ".cluster", "the `folder` to run in; it is emptied")
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
	w := &world{Stage: s}
	defer func() { err = errors.Join(err, w.close()) }()
	starting, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	err = w.begin(starting, o)
	switch {
	case ctx.Err() != nil:
		return nil // interrupted, which is how a person ends it
	case err != nil:
		return err
	case o.demo:
		err = stage.Play(starting, w, story())
		if err == nil {
			stage.Print("\nEach step happened.\n")
		}
		return err
	}
	w.invite()
	go w.watch(ctx)
	s.Keep(ctx)
	return nil
}
