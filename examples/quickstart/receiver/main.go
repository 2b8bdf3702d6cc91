// Receiver is the smallest target that does it right: it verifies each webhook,
// tells repeats by their id, and prints what it would open or close.
//
//	CURFEW_WEBHOOK_SECRET=whsec_… receiver -listen 127.0.0.1:9090
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const secretVariable = "CURFEW_WEBHOOK_SECRET" //nolint:gosec // the name of a variable

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "receiver:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, and then finishes the calls that it has.
func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error {
	flags := flag.NewFlagSet("receiver", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:9090", "the `address` to listen on")
	secretFile := flags.String("secret-file", "", "the `file` with the signing secret (default: the variable "+secretVariable+")")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	secret, err := readSecret(*secretFile, getenv)
	if err != nil {
		return err
	}
	receiver, err := newReceiver(secret, out)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", *listen)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "listening on http://%s\n", listener.Addr())

	server := &http.Server{Handler: receiver, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		finish, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		stopped <- server.Shutdown(finish)
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

func readSecret(file string, getenv func(string) string) (string, error) {
	if file == "" {
		if secret := getenv(secretVariable); secret != "" {
			return secret, nil
		}
		return "", errors.New("there is no secret: set " + secretVariable + " or -secret-file")
	}
	content, err := os.ReadFile(file) //nolint:gosec // the operator names the file
	return strings.TrimSpace(string(content)), err
}
