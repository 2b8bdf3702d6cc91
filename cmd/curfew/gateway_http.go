package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/curfew-access/curfew/engine/api"
)

// openAPI makes the HTTP server. Its bounds keep a slow or endless caller from
// holding a connection.
func (g *gateway) openAPI(context.Context, options) error {
	tokens := make([]api.Token, len(g.cfg.Tokens))
	for i, t := range g.cfg.Tokens {
		tokens[i] = api.Token{Name: t.Name, Subject: t.Subject, Secret: t.Secret.Reveal()}
	}
	hooks, err := g.hooks()
	if err != nil {
		return err
	}
	handler, err := api.New(api.Config{
		Engine: g.engine, Tokens: tokens, Ready: g.ready, Metrics: g.metrics.Handler(), Log: g.log, Version: g.version,
		ExternalURL: g.cfg.ExternalURL, Hooks: hooks,
	})
	if err != nil {
		return err
	}
	g.server = &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(g.log.Handler(), slog.LevelWarn),
	}
	return nil
}

func (g *gateway) listen(ctx context.Context, _ options) (err error) {
	g.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", g.cfg.Listen)
	return err
}

// URL is where the gateway listens.
func (g *gateway) URL() string { return "http://" + g.listener.Addr().String() }

// serve answers calls until ctx ends, and then finishes those under way.
func (g *gateway) serve(ctx context.Context) error {
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainHTTP)
		defer cancel()
		err := g.server.Shutdown(drain)
		if errors.Is(err, context.DeadlineExceeded) {
			g.log.Warn("calls were cut off: they were not finished in time", "after", drainHTTP)
			err = g.server.Close()
		}
		stopped <- err
	}()
	if err := g.server.Serve(g.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}
