package pdp

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Rest returns, by their paths, the files of the library that hold under a team's
// directory, "" for none: the packages that the team does not replace, with their
// tests, the schemas, and the data that the team does not state. Laid beside the
// directory they are what the gateway loads, for tools that know nothing of the
// overlay.
func Rest(library fs.FS, dir string) (map[string][]byte, error) {
	shipped, err := read(library, "library", func(p string) string { return "library:" + p })
	if err != nil {
		return nil, fmt.Errorf("policies: %w", err)
	}
	team, err := read(dirFS(dir), "team", func(p string) string { return filepath.Join(dir, p) })
	if err != nil {
		return nil, fmt.Errorf("policies: %w", err)
	}
	data, err := json.MarshalIndent(without(shipped.data, team.data), "", "  ") // before the two are one
	if err != nil {
		return nil, fmt.Errorf("policies: %w", err)
	}
	held, err := overlay(shipped, team)
	if err != nil {
		return nil, fmt.Errorf("policies: %w", err)
	}
	rest := map[string][]byte{"data.json": append(data, '\n')}
	for _, f := range held.files {
		if f.origin == "library" && f.data == nil {
			rest[f.path] = f.content
		}
	}
	return rest, addTests(rest, library, held.replaced)
}

// without is our data less what the team's states: the stock tools take no value
// from two files.
func without(ours, theirs map[string]any) map[string]any {
	out := map[string]any{}
	for key, value := range ours {
		over, stated := theirs[key]
		under, isObject := value.(map[string]any)
		if overObject, both := over.(map[string]any); isObject && both {
			out[key] = without(under, overObject)
		} else if !stated {
			out[key] = value
		}
	}
	return out
}

// addTests adds the library's tests of the packages that hold whole. The path of
// a test is that of its package.
func addTests(rest map[string][]byte, library fs.FS, replaced []string) error {
	return fs.WalkDir(library, ".", func(p string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(p, "_test.rego") {
			return err
		}
		pkg := "data." + strings.ReplaceAll(path.Dir(p), "/", ".")
		if slices.Contains(replaced, pkg) {
			return nil
		}
		rest[p], err = fs.ReadFile(library, p)
		return err
	})
}
