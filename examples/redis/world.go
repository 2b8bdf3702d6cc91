package main

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/curfew-access/curfew/examples/stage"
)

// world is the set-up, and what the story remembers.
type world struct {
	*stage.Stage
	redisAddress string
	cli          string   // redis-cli
	at           []string // its arguments for this Redis

	redis, receiver *stage.Process
	events, audit   *stage.Process // what people look at

	grant, key string
	ends       time.Time
}

func (w *world) begin(ctx context.Context, o options) error {
	pairs, err := w.Addresses("127.0.0.1:8180", "127.0.0.1:9190", "127.0.0.1:6390")
	if err != nil {
		return err
	}
	w.URL, w.redisAddress = "http://"+pairs[1], pairs[5]
	pairs = append(pairs, "../../.redis", w.State())
	for _, example := range []string{"quickstart", "redis"} {
		if err := w.Copy(filepath.Join(o.examples, example), pairs...); err != nil {
			return err
		}
	}
	if err := w.MakeSecrets(ctx, "alice", "bob"); err != nil {
		return err
	}
	if err := w.startRedis(ctx); err != nil {
		return err
	}
	if w.receiver, err = w.StartReceiver(ctx, o.receiver, pairs[3]); err != nil {
		return err
	}
	if _, err := w.StartGateway(ctx, "gateway", w.Config("redis", "curfew.yaml"), w.URL); err != nil {
		return err
	}
	return w.look(ctx)
}

func (w *world) startRedis(ctx context.Context) (err error) {
	if w.redis, err = w.StartRedis(ctx, w.Config("redis", "redis.conf"), w.redisAddress); err != nil {
		return err
	}
	if w.cli, err = stage.Find(ctx, "redis-cli", "redis-tools"); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(w.redisAddress)
	w.at = []string{"-h", host, "-p", port}
	return err
}

// look opens what people look at: the ends that Redis announces, and the audit
// log.
func (w *world) look(ctx context.Context) (err error) {
	if err := w.listen(ctx); err != nil {
		return err
	}
	w.audit, err = w.Start(ctx, stage.Program{
		Name: "audit", Path: w.Curfew, Args: []string{"audit", "tail", "-f", "-n", "2", "--url", w.URL, "--token-file", w.Secret("token-bob")},
		Show: shortened,
	})
	if err != nil {
		return err
	}
	_, err = w.audit.Wait(ctx, 10*time.Second, "gateway.started")
	return err
}

// listen opens what Redis announces to whoever listens.
func (w *world) listen(ctx context.Context) (err error) {
	w.events, err = w.Start(ctx, stage.Program{
		Name: "redis", Path: w.cli, Args: append(w.at, "psubscribe", "__keyevent@*__:expired"), Show: announcement,
	})
	if err != nil {
		return err
	}
	_, err = w.events.Wait(ctx, 10*time.Second, "psubscribe")
	return err
}

// shortened is the beginning of a line: what happened to whose access.
func shortened(line string) string {
	const most = 110
	if len(line) <= most {
		return line
	}
	return strings.ToValidUTF8(line[:most], "") + "…"
}

// announcement is what to show of a line of redis-cli: the keys of grants. The
// gateway lets keys of its own end too, to hear that ends are announced.
func announcement(line string) string {
	if !strings.HasPrefix(line, "curfew:") || !strings.Contains(line, ":g:") {
		return ""
	}
	return clock() + " expired " + line
}

func clock() string { return time.Now().UTC().Format("15:04:05.000") }

// invite says what to try.
func (w *world) invite() {
	redis := w.cli + " " + strings.Join(w.at, " ")
	command := w.Curfew + " --url " + w.URL + " --token-file " + w.Secret("token-alice")
	stage.Print(`
It goes on until Ctrl-C, and what happens is shown here. Try, in another terminal:

  %[1]s request customer/acme debug --for 30s --reason 'PD-4711: checkout is slow'
  %[2]s --scan --pattern 'curfew:*:g:*'     # the keys of live grants; pttl KEY says how long they live
  %[2]s flushall                            # Redis forgets everything: the gateway builds it up again
  kill %[3]d    # Redis is gone for 5 s: grants end all the same

Logs are in %[4]s.

`, command, redis, w.redis.Pid(), w.Dir)
}
