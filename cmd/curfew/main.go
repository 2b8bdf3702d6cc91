// Curfew is a policy-as-code gateway for time-bound access: the server and its
// command line.
//
// This package is the only place where concrete types meet: it reads the
// configuration, wires the parts together and offers them as subcommands. No
// rule about access lives here.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal is not ours to catch: it ends the program at once
	os.Exit(run(ctx, os.Args[1:], stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, LookupEnv: os.LookupEnv}))
}
