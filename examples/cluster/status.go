package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/curfew-access/curfew/examples/stage"
)

// status is how each node says that it is, in a line.
func (w *world) status(ctx context.Context) string {
	said := make([]string, len(w.nodes))
	for i, n := range w.nodes {
		status, err := stage.Readiness(ctx, n.url)
		if err != nil {
			status = "down"
		}
		said[i] = n.name + " " + status
	}
	return strings.Join(said, ", ")
}

// watch shows the status whenever it changes.
func (w *world) watch(ctx context.Context) {
	ticker := time.NewTicker(500 * time.Millisecond)
	defer ticker.Stop()
	for before := ""; ; {
		if now := w.status(ctx); now != before && ctx.Err() == nil {
			stage.Say("status", "%s", now)
			before = now
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// invite shows what runs, and says what to try.
func (w *world) invite() {
	fmt.Printf("\nnginx      http://%s\n", w.at[nginxAt])
	for _, n := range w.nodes {
		fmt.Printf("%-10s %s, process %d\n", n.name, n.url, n.Pid())
	}
	fmt.Printf("PostgreSQL %s\nRedis      %s\nlogs       %s\n", w.at[postgresAt], w.at[redisAt], w.Dir)
	command := w.Curfew + " --token-file " + w.Secret("token-alice")
	fmt.Printf(`
What the receiver is told is shown here. Try, in another terminal:

  %[1]s --url %[2]s request customer/acme debug --for 30s --reason 'PD-4711: checkout is slow'
  kill -9 %[3]d    # a node is gone for 5 s: the other ends the access
  %[1]s --url %[4]s grants
  curl -si %[2]s/readyz    # X-Node says which node answered

Ctrl-C ends everything.

`, command, w.URL, w.nodes[0].Pid(), w.nodes[1].url)
}
