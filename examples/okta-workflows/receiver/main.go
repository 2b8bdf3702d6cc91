// Receiver is a stand-in for a flow of Okta Workflows, to try the set-up without
// Okta: an API endpoint that answers as soon as the flow begins, and a flow that
// takes its time, calls back, and now and then does not.
//
//	OKTA_CLIENT_TOKEN=… receiver -alias curfew -gateway http://127.0.0.1:8080
//
// With -script its runs go wrong, one after the other, in the ways in which real
// ones do.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const tokenVariable = "OKTA_CLIENT_TOKEN" //nolint:gosec // the name of a variable

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "receiver:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, and then lets the flows that run come to an end.
func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error {
	e, listen, err := newEndpoint(args, getenv, out)
	if err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return err
	}
	e.say("listening on http://%s", listener.Addr())
	server := &http.Server{Handler: e.routes(), ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		finish, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		close(e.ending)
		stopped <- server.Shutdown(finish)
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	e.flows.Wait()
	return <-stopped
}

// newEndpoint reads the command line and the environment.
func newEndpoint(args []string, getenv func(string) string, out io.Writer) (e *endpoint, listen string, err error) {
	e = &endpoint{out: out, token: getenv(tokenVariable), ending: make(chan struct{}), groups: map[string]map[string]bool{}, newest: map[string]int64{}}
	var gateway, script string
	flags := flag.NewFlagSet("receiver", flag.ContinueOnError)
	flags.StringVar(&listen, "listen", "127.0.0.1:9091", "the `address` to listen on")
	flags.StringVar(&e.alias, "alias", "curfew", "the flow's `alias`, which is a part of its URL")
	flags.StringVar(&gateway, "gateway", "http://127.0.0.1:8080", "the `address` of the gateway, for callbacks")
	flags.DurationVar(&e.limit, "limit", time.Minute, "how long a connection stays open")
	flags.StringVar(&script, "script", "", "how the next runs go, with commas between: a length of time, die, fail or hang; then each is done at once")
	if err := flags.Parse(args); err != nil {
		return nil, "", err
	}
	if e.gateway, err = url.Parse(gateway); err != nil || e.gateway.Host == "" {
		return nil, "", errors.New("-gateway is not an http or https URL")
	}
	if len(e.token) < 16 {
		return nil, "", errors.New("there is no client token: set " + tokenVariable + " to 16 characters or more")
	}
	e.script, err = parseScript(script)
	return e, listen, err
}
