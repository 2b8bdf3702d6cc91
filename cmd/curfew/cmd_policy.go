package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/curfew-access/curfew/engine/pdp"
	"github.com/curfew-access/curfew/policies"
)

func (c *cli) policyCommand() *cobra.Command {
	check := &cobra.Command{
		Use:   "check DIR",
		Short: "Load a directory of policies as the gateway would",
		Long: "Load a directory of policies over the library, as the gateway does, and say all that\n" +
			"is wrong: beside what `opa check --strict` finds, settings that do not exist, packages\n" +
			"that are the library's, and built-ins that a decision must not depend on.",
		Args: cobra.ExactArgs(1),
		RunE: c.does(func(cmd *cobra.Command, args []string) error {
			return c.checkPolicies(cmd.Context(), args[0])
		}),
	}
	var under string
	export := &cobra.Command{
		Use:   "export DIR",
		Short: "Write the library and the schemas for opa and regal",
		Long: "Write what a directory of policies lies over to DIR, which must be empty or not be\n" +
			"there: the library with its tests, the schemas of the inputs, the shipped packages\n" +
			"that the directory does not replace, and the settings that it does not state. With\n" +
			"both, opa and regal see what the gateway loads.",
		Args: cobra.ExactArgs(1),
		RunE: c.does(func(_ *cobra.Command, args []string) error {
			return c.exportPolicies(under, args[0])
		}),
	}
	export.Flags().StringVar(&under, "under", "", "`directory` of policies that will lie over it")
	return group("policy", "Work on policies", check, export)
}

func (c *cli) checkPolicies(ctx context.Context, dir string) error {
	r, err := pdp.New(pdp.Config{Library: policies.FS}).Load(ctx, dir)
	if err != nil {
		return err
	}
	if !r.Continues() {
		_, err = fmt.Fprintln(c.Err, "note: package access has no rule continue: live access is flagged whenever something changes under it. "+
			"To keep what would still be given: continue := data.curfew.lib.continuation.result")
	}
	return errors.Join(err, c.say("ok: policies: revision %s", short(r.Name())))
}

func (c *cli) exportPolicies(under, dir string) error {
	files, err := pdp.Rest(policies.FS, under)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // nothing in it is secret
		return err
	}
	switch there, err := os.ReadDir(dir); {
	case err != nil:
		return err
	case len(there) > 0:
		return fmt.Errorf("%s is not empty: nothing was written", dir)
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if err := writeUnder(dir, path, files[path]); err != nil {
			return err
		}
	}
	return c.say("%s: %s", dir, counted(len(files), "file", "files"))
}

func writeUnder(dir, path string, content []byte) error {
	path = filepath.Join(dir, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // nothing in it is secret
		return err
	}
	return os.WriteFile(path, content, 0o644) //nolint:gosec // nothing in it is secret
}
