package pdp

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/open-policy-agent/opa/v1/bundle"
)

// MaxBundleRevision bounds, in bytes, what the author of a bundle calls it.
const MaxBundleRevision = 128

// configRoot is where a bundle may state settings of the library.
const configRoot = reserved + "/config"

// openBundle reads a bundle of OPA's: a .tar.gz, signed if by says so. What it
// holds takes the place of a team's directory.
func openBundle(raw []byte, by *Signature) *candidate {
	c := &candidate{identity: digestOf(raw), raw: raw}
	c.team, c.bundle, c.fault = readBundle(raw, by)
	return c
}

func readBundle(raw []byte, by *Signature) (s set, revision string, err error) {
	files, err := ofBundles.unpack(raw)
	if err != nil {
		return set{}, "", fmt.Errorf("bundle: %w", err)
	}
	if err := checkKinds(files); err != nil {
		return set{}, "", fmt.Errorf("bundle: %w", err)
	}
	reader := bundle.NewCustomReader(&loader{files: files}).
		WithSizeLimitBytes(ofBundles.bytes).
		WithLazyLoadingMode(false).
		WithSkipBundleVerification(by == nil)
	if by != nil {
		reader = reader.WithBundleVerificationConfig(by.config())
	}
	b, err := reader.Read()
	if err != nil {
		return set{}, "", fmt.Errorf("bundle: %w", err)
	}
	if err := checkManifest(b.Manifest); err != nil {
		return set{}, "", fmt.Errorf("bundle: .manifest: %w", err)
	}
	s, err = bundleSet(files, b.Data)
	return s, b.Manifest.Revision, err
}

// checkKinds refuses bundles of kinds that OPA has and the gateway does not use.
// They would load as something else than their author meant.
func checkKinds(files []packed) error {
	for _, f := range files {
		switch path.Base(f.path) {
		case "patch.json":
			return errors.New("it is a delta bundle (patch.json), which can not be verified by itself; let the server send snapshots")
		case bundle.WasmFile:
			return errors.New("it is compiled to Wasm (" + bundle.WasmFile + "), which is not used here; build it with opa build --target rego")
		}
	}
	return nil
}

func checkManifest(m bundle.Manifest) error {
	faults := []error{checkBundleRevision(m.Revision)}
	if m.RegoVersion != nil && *m.RegoVersion != 1 {
		faults = append(faults, fmt.Errorf("rego_version is %d; policies are in Rego v1: rewrite them with opa fmt --v0-v1, "+
			"and build the bundle with opa build --v1-compatible", *m.RegoVersion))
	}
	for _, pattern := range slices.Sorted(maps.Keys(m.FileRegoVersions)) {
		if version := m.FileRegoVersions[pattern]; version != 1 {
			faults = append(faults, fmt.Errorf("rego_version of %s is %d; policies are in Rego v1: rewrite it with opa fmt --v0-v1", pattern, version))
		}
	}
	if m.Roots != nil {
		for _, root := range *m.Roots {
			root = strings.Trim(root, "/")
			if under(root, reserved) && !under(root, configRoot) {
				faults = append(faults, fmt.Errorf("root %q is the library's; only %s and what is below it can be a bundle's", root, configRoot))
			}
		}
	}
	return errors.Join(faults...)
}

// under reports whether the path is the other or below it.
func under(path, other string) bool { return path == other || strings.HasPrefix(path, other+"/") }

func checkBundleRevision(revision string) error {
	switch {
	case len(revision) > MaxBundleRevision:
		return fmt.Errorf("its revision has %d bytes, and may have %d", len(revision), MaxBundleRevision)
	case !utf8.ValidString(revision), strings.ContainsFunc(revision, func(r rune) bool { return !unicode.IsPrint(r) }):
		return errors.New("its revision can not be printed")
	}
	return nil
}

// bundleSet is the files that are loaded of a bundle: Rego but no tests, schemas,
// and the data, which OPA has put together.
func bundleSet(files []packed, data map[string]any) (set, error) {
	s := set{data: data}
	var faults []error
	for _, p := range files {
		if !wanted(p.path) || !isSchema(p.path) && path.Ext(p.path) != ".rego" && !isBundleData(p.path) {
			continue
		}
		f := file{origin: "team", path: p.path, content: p.content}
		name := "bundle:" + p.path // it can not be mistaken for a file of the library
		if err := f.parse(name); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", name, err))
		}
		s.files = append(s.files, f)
	}
	return s, errors.Join(faults...)
}

// isBundleData reports whether OPA reads a bundle's file as data: other than in a
// directory, no other names are.
func isBundleData(p string) bool {
	return slices.Contains([]string{"data.json", "data.yaml", "data.yml"}, path.Base(p))
}

// nameOf is a revision's name: what is in it, and what the author of its bundle
// calls it, as a header can hold it.
func nameOf(digest, bundle string) string {
	if bundle == "" {
		return digest
	}
	return digest + "+" + url.PathEscape(bundle)
}
