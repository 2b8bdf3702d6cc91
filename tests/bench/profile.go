package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// profileLength is how long a route is called for its profile.
const profileLength = 10 * time.Second

// profile calls each route of the gateway once more and writes CPU and
// allocation profiles of it, for go tool pprof.
func (b *bench) profile(ctx context.Context, progress io.Writer) error {
	if err := os.MkdirAll(b.opts.Profiles, 0o700); err != nil {
		return err
	}
	for _, r := range b.routes {
		if r.server != b.gateway {
			continue
		}
		for _, kind := range []string{"cpu", "allocs"} {
			fmt.Fprintf(progress, "profile of %s: %s\n", r.name, kind)
			name := kind + "-" + r.path[strings.LastIndexByte(r.path, '/')+1:] + b.suffix + ".pprof"
			if err := b.profileRoute(ctx, r, kind, filepath.Join(b.opts.Profiles, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) profileRoute(ctx context.Context, r *route, kind, path string) error {
	calling := make(chan error, 1)
	go func() {
		_, err := load(ctx, r, 16, b.opts.Subjects, profileLength+time.Second)
		calling <- err
	}()
	raw, err := b.gateway.ask(ctx, fmt.Sprintf("/profile/%s?seconds=%d", kind, int(profileLength.Seconds())))
	if called := <-calling; err == nil {
		err = called
	}
	if err == nil {
		err = r.settle(ctx, b.opts.Subjects)
	}
	if err != nil {
		return err
	}
	return os.WriteFile(path, raw, 0o600)
}
