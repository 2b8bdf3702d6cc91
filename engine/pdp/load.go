package pdp

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/util"
)

// schemasDir is the directory, at the root of a set, that holds schemas and no
// data.
const schemasDir = "schemas"

// file is a file of a set. Its module is set for Rego, its data for the rest.
type file struct {
	origin  string // "library" or "team"
	path    string // in its set
	content []byte
	module  *ast.Module
	data    map[string]any
	schema  any
}

// set is the files that a PDP is made of.
type set struct {
	files    []file
	data     map[string]any
	replaced []string // the library's packages that the team's took the place of
}

// lay reads the library, and lays what a team has over it.
func lay(library fs.FS, team set) (set, error) {
	shipped, err := read(library, "library", func(p string) string { return "library:" + p })
	if err != nil {
		return set{}, err
	}
	return overlay(shipped, team)
}

// readTeam reads a team's directory; "" is none.
func readTeam(dir string) (set, error) {
	return read(dirFS(dir), "team", func(p string) string { return filepath.Join(dir, p) })
}

// read collects the files of one set: Rego but no tests, data, and schemas. As
// opa does, it roots data at the directory that holds the file. Hidden files
// and directories are left out. name tells the reader of a fault where a file is.
func read(fsys fs.FS, origin string, name func(string) string) (set, error) {
	s := set{data: map[string]any{}}
	if fsys == nil {
		return s, nil
	}
	var faults []error
	err := fs.WalkDir(fsys, ".", func(p string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			faults = append(faults, fmt.Errorf("%s: %w", name(p), err))
			return nil
		case skipped(p, entry):
			return skip(entry)
		case entry.IsDir() || !wanted(p):
			return nil
		}
		f := file{origin: origin, path: p}
		if f.content, err = readFile(fsys, p); err == nil {
			err = f.parse(name(p))
		}
		if err == nil {
			err = merge(s.data, f.data, "data", refuseClash)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", name(p), err))
		}
		s.files = append(s.files, f)
		return nil
	})
	return s, errors.Join(append(faults, err)...)
}

// skipped reports whether a file or directory is hidden.
func skipped(p string, entry fs.DirEntry) bool {
	return p != "." && strings.HasPrefix(entry.Name(), ".")
}

// skip leaves an entry out of a walk, with all that is below it.
func skip(entry fs.DirEntry) error {
	if entry.IsDir() {
		return fs.SkipDir
	}
	return nil
}

// readFile reads a file, and nothing that has no end.
func readFile(fsys fs.FS, p string) ([]byte, error) {
	info, err := fs.Stat(fsys, p)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a regular file")
	}
	return fs.ReadFile(fsys, p)
}

func wanted(p string) bool {
	switch {
	case isSchema(p):
		return true
	case path.Ext(p) == ".rego":
		return !strings.HasSuffix(p, "_test.rego")
	}
	return slices.Contains([]string{".json", ".yaml", ".yml"}, path.Ext(p))
}

func isSchema(p string) bool { return strings.HasPrefix(p, schemasDir+"/") }

// parse reads the content as what the path says that it is.
func (f *file) parse(name string) error {
	switch {
	case isSchema(f.path):
		if err := util.Unmarshal(f.content, &f.schema); err != nil {
			return err
		}
		return checkRefs(f.schema)
	case path.Ext(f.path) == ".rego":
		module, err := ast.ParseModuleWithOpts(name, string(f.content), ast.ParserOptions{
			ProcessAnnotation: true,
			RegoVersion:       ast.RegoV1,
		})
		if err != nil {
			return err
		}
		f.module = module
		for _, annotation := range module.Annotations {
			for _, schema := range annotation.Schemas {
				if schema.Definition != nil {
					err = errors.Join(err, checkRefs(*schema.Definition))
				}
			}
		}
		return err
	}
	var value any
	if err := util.Unmarshal(f.content, &value); err != nil {
		return err
	}
	if value == nil {
		return nil // an empty file, or nothing but comments
	}
	data, ok := value.(map[string]any)
	if !ok {
		return fmt.Errorf("it holds %s, and data must be an object", kind(value))
	}
	for dir := path.Dir(f.path); dir != "."; dir = path.Dir(dir) {
		data = map[string]any{path.Base(dir): data}
	}
	f.data = data
	return nil
}

// checkRefs refuses a schema that refers to anything outside itself: the compiler
// would open it, a file of this machine too.
func checkRefs(schema any) error {
	var faults []error
	switch v := schema.(type) {
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok && !strings.HasPrefix(ref, "#") {
			faults = append(faults, fmt.Errorf("a schema may refer only to itself (#/…), not to %q", ref))
		}
		for _, member := range v {
			faults = append(faults, checkRefs(member))
		}
	case []any:
		for _, item := range v {
			faults = append(faults, checkRefs(item))
		}
	}
	return errors.Join(faults...)
}

// revision is the digest of the files, each with its origin, path and length,
// so that no two sets of files look alike.
func (s set) revision() string {
	files := slices.SortedFunc(slices.Values(s.files), func(a, b file) int {
		return cmp.Or(cmp.Compare(a.origin, b.origin), cmp.Compare(a.path, b.path))
	})
	digest := sha256.New()
	for _, f := range files {
		for _, part := range [][]byte{[]byte(f.origin), []byte(f.path), f.content} {
			_ = binary.Write(digest, binary.BigEndian, uint64(len(part))) // a hash takes everything
			_, _ = digest.Write(part)
		}
	}
	return hex.EncodeToString(digest.Sum(nil))
}
