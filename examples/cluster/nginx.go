package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/curfew-access/curfew/examples/stage"
)

// startNginx runs nginx by the example's configuration, and waits until it passes
// calls on.
func (w *world) startNginx(ctx context.Context) error {
	path, err := stage.Find(ctx, "nginx", "nginx")
	if err != nil {
		return err
	}
	dir := w.Path("nginx")
	if err := os.MkdirAll(dir, 0o711); err != nil { //nolint:gosec // nginx lets its workers' account in
		return err
	}
	args := []string{"-p", dir, "-c", w.Config("cluster", "nginx.conf"), "-e", "stderr", "-g", fmt.Sprintf("pid %s/nginx.pid;", dir)}
	_, err = w.Start(ctx, stage.Program{
		Name: "nginx", Path: path, Args: args, Log: w.Path("nginx.log"), Show: stage.Hide, Stop: syscall.SIGQUIT,
	})
	if err != nil {
		return err
	}
	return stage.Eventually(ctx, 20*time.Second, func(ctx context.Context) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", w.at[nginxAt])
		if err != nil {
			return err
		}
		_ = conn.Close()
		_, err = stage.Readiness(ctx, w.URL)
		return err
	})
}
