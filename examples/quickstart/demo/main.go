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

// step is one part of the story; its error says what did not happen.
type step struct {
	title string
	play  func(context.Context, *stage) error
}

func run(ctx context.Context, curfew, receiver, quickstart string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	s, err := setUp(ctx, curfew, receiver, quickstart)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.tearDown()) }()
	for i, step := range story() {
		fmt.Printf("\n%d. %s\n", i+1, step.title)
		if err := step.play(ctx, s); err != nil {
			return fmt.Errorf("step %d, %q: %w", i+1, step.title, err)
		}
	}
	return nil
}
