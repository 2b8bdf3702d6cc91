package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"

	"github.com/spf13/cobra"
)

func (c *cli) serveCommand() *cobra.Command {
	var config, format, level string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the gateway",
		Long: "Run the gateway until SIGINT or SIGTERM; a second one ends it at once. SIGHUP reads\n" +
			"the policies again and asks all sources of facts. The log goes to standard error.",
		Args: cobra.NoArgs,
		RunE: c.does(func(cmd *cobra.Command, _ []string) error {
			log, err := newLog(c.Err, format, level)
			if err != nil {
				return err
			}
			return c.serve(cmd.Context(), config, log)
		}),
	}
	cmd.Flags().StringVarP(&config, "config", "c", "curfew.yaml", "configuration `file`")
	cmd.Flags().StringVar(&format, "log-format", "text", "`form` of the log: text or json")
	cmd.Flags().StringVar(&level, "log-level", "info", "least `level` that is logged: debug, info, warn or error")
	return cmd
}

func (c *cli) serve(ctx context.Context, path string, log *slog.Logger) error {
	cfg, err := loadConfig(path, c.LookupEnv)
	if err != nil {
		return err
	}
	for _, warning := range cfg.Warnings {
		log.Warn(warning)
	}
	for _, missing := range slices.Concat(cfg.Missing, cfg.Unasked, cfg.Unheard, cfg.Uncalled, cfg.Unsent) {
		log.Error(missing.Error())
	}
	g, err := newGateway(ctx, cfg, options{Log: log, Version: version()})
	if err != nil {
		return err
	}
	err = c.say("curfew serves %s: ledger %s, policies %s, %s, %s",
		g.URL(), cfg.ledgerName(), orElse(short(g.policy.Revision()), "none"), cfg.data(), counted(len(cfg.Targets), "target", "targets"))
	return errors.Join(err, g.Run(ctx), g.Close())
}

func newLog(w io.Writer, format, level string) (*slog.Logger, error) {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		return nil, usage("--log-level is debug, info, warn or error, not %q", level)
	}
	opts := &slog.HandlerOptions{Level: least}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(w, opts)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, opts)), nil
	}
	return nil, usage("--log-format is text or json, not %q", format)
}
