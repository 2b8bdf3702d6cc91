package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/curfew-access/curfew/examples/stage"
)

// The addresses in the example's files, and where the second node listens.
const (
	nginxAt    = "127.0.0.1:8280"
	node1At    = "127.0.0.1:8281"
	node2At    = "127.0.0.1:8282"
	receiverAt = "127.0.0.1:9290"
	postgresAt = "127.0.0.1:5442"
	redisAt    = "127.0.0.1:6391"
)

// world is the set-up, and what the story remembers.
type world struct {
	*stage.Stage
	at       map[string]string // the address that is used, by the usual one
	nodes    [2]node
	receiver *stage.Process
	borrowed string // a folder elsewhere, for PostgreSQL; "" for none

	ends time.Time
}

type node struct {
	name, url string
	*stage.Process
}

func (w *world) begin(ctx context.Context, o options) error {
	if err := w.layOut(ctx, o); err != nil {
		return err
	}
	if err := w.startStores(ctx); err != nil {
		return err
	}
	var err error
	if w.receiver, err = w.StartReceiver(ctx, o.receiver, w.at[receiverAt]); err != nil {
		return err
	}
	for i := range w.nodes {
		if err := w.startNode(ctx, i); err != nil {
			return err
		}
	}
	w.URL = "http://" + w.at[nginxAt]
	return w.startNginx(ctx)
}

// layOut writes the configurations, with the addresses of this run.
func (w *world) layOut(ctx context.Context, o options) error {
	pairs, err := w.Addresses(nginxAt, node1At, node2At, receiverAt, postgresAt, redisAt)
	if err != nil {
		return err
	}
	w.at = map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		w.at[pairs[i]] = pairs[i+1]
	}
	w.nodes = [2]node{{name: "node1", url: "http://" + w.at[node1At]}, {name: "node2", url: "http://" + w.at[node2At]}}
	pairs = append(pairs, "../../.cluster", w.State())
	for _, example := range []string{"quickstart", "redis", "cluster"} {
		if err := w.Copy(filepath.Join(o.examples, example), pairs...); err != nil {
			return err
		}
	}
	text, err := os.ReadFile(w.Config("cluster", "curfew.yaml"))
	if err != nil {
		return err
	}
	for i, usual := range []string{node1At, node2At} {
		mine := strings.Replace(string(text), "listen: "+w.at[node1At], "listen: "+w.at[usual], 1)
		if err := os.WriteFile(w.config(i), []byte(mine), 0o600); err != nil { //nolint:gosec // beside the one that was read
			return err
		}
	}
	return errors.Join(w.MakeSecrets(ctx, "alice", "bob"), w.makeAuditKey(ctx))
}

// makeAuditKey makes the key that signs the audit log.
func (w *world) makeAuditKey(ctx context.Context) error {
	//nolint:gosec // the program under demonstration
	said, err := exec.CommandContext(ctx, w.Curfew, "audit", "key", "new", "cluster.example/audit", "--out", w.Secret("audit-key")).CombinedOutput()
	if err != nil {
		return fmt.Errorf("curfew audit key new: %w: %s", err, said)
	}
	return nil
}

// config is the configuration of a node: the others' but for where it listens.
func (w *world) config(i int) string { return w.Config("cluster", w.nodes[i].name+".yaml") }

// startNode runs a node and waits until it is ready.
func (w *world) startNode(ctx context.Context, i int) (err error) {
	w.nodes[i].Process, err = w.StartGateway(ctx, w.nodes[i].name, w.config(i), w.nodes[i].url)
	return err
}

// startStores runs PostgreSQL and Redis, each with a password of its own, and
// leaves where they are for the nodes.
func (w *world) startStores(ctx context.Context) error {
	ledger, lease := rand.Text(), rand.Text()
	if err := w.startPostgres(ctx, ledger); err != nil {
		return err
	}
	config := w.Config("redis", "redis.conf")
	file, err := os.OpenFile(config, os.O_APPEND|os.O_WRONLY, 0o600) //nolint:gosec // the copy that was just made
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(file, "\nrequirepass %s\n", lease)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	if _, err := w.StartRedis(ctx, config, w.at[redisAt]); err != nil {
		return err
	}
	return errors.Join(
		w.writeSecret("ledger-url", "postgres://curfew:"+ledger+"@"+w.at[postgresAt]+"/curfew?sslmode=disable"),
		w.writeSecret("lease-url", "redis://:"+lease+"@"+w.at[redisAt]+"/0"))
}

func (w *world) writeSecret(name, text string) error {
	return os.WriteFile(w.Secret(name), []byte(text+"\n"), 0o600)
}

// close ends the programs: first those that need the others.
func (w *world) close() error {
	err := w.Close()
	if w.borrowed != "" {
		err = errors.Join(err, os.RemoveAll(w.borrowed))
	}
	return err
}
