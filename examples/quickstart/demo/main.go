// Demo plays the story of Curfew by itself: it starts the quickstart's gateway
// and receiver on free ports, asks, reviews and waits as people would, and exits
// 0 only if each step happened.
//
//	demo -curfew bin/curfew -receiver bin/receiver -quickstart examples/quickstart
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
	curfew := flag.String("curfew", "bin/curfew", "the gateway's `program`")
	receiver := flag.String("receiver", "bin/receiver", "the receiver's `program`")
	quickstart := flag.String("quickstart", "examples/quickstart", "the `folder` of the quickstart")
	flag.Parse()
	if err := run(ctx, *curfew, *receiver, *quickstart); err != nil {
		fmt.Fprintln(os.Stderr, "\nDEMO FAILED:", err)
		os.Exit(1)
	}
	fmt.Println("\nEach step happened.")
}

func run(ctx context.Context, curfew, receiver, quickstart string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	w, err := setUp(ctx, curfew, receiver, quickstart)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	return stage.Play(ctx, w, story())
}
