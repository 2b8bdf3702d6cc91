package pdp_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/pdp"
	"github.com/curfew-access/curfew/policies"
)

// pack makes an archive of the files: path to content.
func pack(t testing.TB, files map[string]string) []byte {
	t.Helper()
	return archive(t, func(w *tar.Writer) {
		for _, name := range slices.Sorted(maps.Keys(files)) {
			entry(t, w, &tar.Header{Name: name, Typeflag: tar.TypeReg}, files[name])
		}
	})
}

func archive(t testing.TB, fill func(*tar.Writer)) []byte {
	t.Helper()
	var buf bytes.Buffer
	zip := gzip.NewWriter(&buf)
	w := tar.NewWriter(zip)
	fill(w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func entry(t testing.TB, w *tar.Writer, h *tar.Header, content string) {
	t.Helper()
	h.Mode, h.Size = 0o600, int64(len(content))
	if err := w.WriteHeader(h); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
}

func loadBundle(t testing.TB, raw []byte, by *pdp.Signature) (*pdp.Revision, *pdp.PDP, error) {
	t.Helper()
	p := pdp.New(pdp.Config{Library: policies.FS})
	r, err := p.LoadBundle(t.Context(), raw, by)
	return r, p, err
}

func TestBundleTakesThePlaceOfTheDirectory(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		files    map[string]string
		effect   access.Effect
		codes    string
		revision string
	}{
		"data alone":          {map[string]string{"data.yaml": teams}, access.Allow, "on_call", ""},
		"as opa writes paths": {map[string]string{"/data.yaml": teams, "/.manifest": `{"revision": "git-1"}`}, access.Allow, "on_call", "git-1"},
		"as tar writes paths": {map[string]string{"./data.yaml": teams}, access.Allow, "on_call", ""},
		"rules of its own":    {map[string]string{"x/any.rego": "package access\nallow contains " + yes}, access.Allow, "team", ""},
		"roots that say so":   {map[string]string{"any.rego": "package access\nallow contains " + yes, ".manifest": `{"roots": ["access", "teams"]}`}, access.Allow, "team", ""},
		"a setting of the library": {map[string]string{
			"data.yaml": teams, "curfew/config/data.json": `{"restricted_tiers": ["gold"]}`, ".manifest": `{"roots": ["teams", "curfew/config"]}`,
		}, access.Review, "restricted_review", ""},
		"tests and other files are not loaded": {map[string]string{
			"data.yaml": teams, "access/access_test.rego": "package access_test\ntest_x if false", "other.json": `{"teams": 1}`, "README.md": "x",
		}, access.Allow, "on_call", ""},
		"in Rego v1, said": {map[string]string{"data.yaml": teams, ".manifest": `{"rego_version": 1}`}, access.Allow, "on_call", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, p, err := loadBundle(t, pack(t, tc.files), nil)
			if err != nil {
				t.Fatal(err)
			}
			p.Use(t.Context(), r)
			d, err := p.Decide(t.Context(), ask(nil))
			if d.Effect != tc.effect || codes(d) != tc.codes || err != nil {
				t.Errorf("got %s for %q and %v, want %s for %q", d.Effect, codes(d), err, tc.effect, tc.codes)
			}
			if r.Bundle() != tc.revision || d.Revision != r.Name() {
				t.Errorf("revision %q of %q, %q", r.Bundle(), r.Name(), d.Revision)
			}
		})
	}
}

func TestBundleAndDirectoryOfTheSameFilesAreOneRevision(t *testing.T) {
	t.Parallel()
	files := map[string]string{"data.yaml": teams, "access/a.rego": "package access\nallow contains " + yes, "access/a_test.rego": "package a_test"}
	r, _, err := loadBundle(t, pack(t, files), nil)
	if err != nil {
		t.Fatal(err)
	}
	if dir := open(t, files).Revision(); r.Name() != dir {
		t.Errorf("%s from the bundle, %s from the directory", r.Name(), dir)
	}
	files["data.yaml"] += "\n"
	if other, _, err := loadBundle(t, pack(t, files), nil); err != nil || other.Name() == r.Name() {
		t.Errorf("another file, and the revision is %v, %v", other, err)
	}
}

func TestRevisionOfABundleFitsIntoAHeader(t *testing.T) {
	t.Parallel()
	for _, revision := range []string{"v1.2.3", "main/4711 (dirty)", "größer", `"quoted"`, "100%"} {
		r, _, err := loadBundle(t, pack(t, map[string]string{"data.json": "{}", ".manifest": fmt.Sprintf(`{"revision": %q}`, revision)}), nil)
		if err != nil {
			t.Fatal(err)
		}
		hex, rest, _ := strings.Cut(r.Name(), "+")
		if len(hex) != 64 || rest == "" || r.Bundle() != revision || strings.ContainsFunc(r.Name(), func(c rune) bool { return c <= ' ' || c > '~' || c == '"' }) {
			t.Errorf("%q is %q", revision, r.Name())
		}
		w := httptest.NewRecorder()
		w.Header().Set("Curfew-Policy-Revision", r.Name())
		if err := w.Result().Header.Write(io.Discard); err != nil {
			t.Error(err)
		}
	}
}

func TestFaultsOfBundlesAreReported(t *testing.T) {
	t.Parallel()
	with := func(more ...string) []byte {
		files := map[string]string{"data.yaml": teams}
		for i := 0; i < len(more); i += 2 {
			files[more[i]] = more[i+1]
		}
		return pack(t, files)
	}
	odd := func(h *tar.Header) []byte {
		return archive(t, func(w *tar.Writer) {
			entry(t, w, &tar.Header{Name: "data.yaml", Typeflag: tar.TypeReg}, teams)
			entry(t, w, h, "")
		})
	}
	whole := with()
	for name, tc := range map[string]struct {
		raw  []byte
		want string
	}{
		"nothing":                    {nil, "not a .tar.gz"},
		"no archive":                 {[]byte("package access"), "not a .tar.gz"},
		"half of one":                {whole[:len(whole)/2], "unexpected EOF"},
		"an empty one":               {archive(t, func(*tar.Writer) {}), "no file in it"},
		"a directory for a bundle":   {odd(&tar.Header{Name: "a.rego", Typeflag: tar.TypeSymlink, Linkname: "data.yaml"}), `"a.rego" is a link`},
		"a hard link":                {odd(&tar.Header{Name: "a.rego", Typeflag: tar.TypeLink, Linkname: "data.yaml"}), `"a.rego" is a link`},
		"a file that is in it twice": {odd(&tar.Header{Name: "./x/../data.yaml", Typeflag: tar.TypeReg}), `"data.yaml" is in it twice`},
		"a syntax error":             {with("a.rego", "package access\nallow contains"), "a.rego:2"},
		"a fault of compilation":     {with("a.rego", "package access\nallow contains x"), "bundle:a.rego:2"},
		"old Rego":                   {with("a.rego", "package a\nx[y] { y := 1 }", ".manifest", `{"rego_version": 0}`), "rego_version is 0; policies are in Rego v1"},
		"one file of old Rego":       {with("a.rego", "package a\nx[y] { y := 1 }", ".manifest", `{"rego_version": 1, "file_rego_versions": {"/a.rego": 0}}`), "rego_version of /a.rego is 0"},
		"a delta":                    {pack(t, map[string]string{"patch.json": `{"data": [{"op": "upsert", "path": "/teams", "value": {}}]}`}), "delta bundle (patch.json)"},
		"Wasm":                       {with("policy.wasm", "x"), "compiled to Wasm"},
		"Wasm that is not there":     {with(".manifest", `{"wasm": [{"entrypoint": "access/allow", "module": "policy.wasm"}]}`), "policy.wasm"},
		"data outside of its roots":  {with(".manifest", `{"roots": ["access"]}`), "do not permit data at path"},
		"rules outside of its roots": {with("a.rego", "package access\nallow contains "+yes, ".manifest", `{"roots": ["teams"]}`), "do not permit 'package access'"},
		"roots that overlap":         {with(".manifest", `{"roots": ["teams", "teams/payments"]}`), "overlapped roots"},
		"the library for a root":     {with(".manifest", `{"roots": ["teams", "curfew/lib"]}`), `root "curfew/lib" is the library's`},
		"all of it for a root":       {with(".manifest", `{"roots": ["teams", "/curfew/"]}`), `root "curfew" is the library's`},
		"a name like a setting's":    {with(".manifest", `{"roots": ["teams", "curfew/configuration"]}`), `root "curfew/configuration" is the library's`},
		"the library's package":      {with("a.rego", "package curfew.lib.oncall\nx := 1"), "package curfew and those below it are the library's"},
		"the library's data":         {with("curfew/lib/data.json", `{"x": 1}`), "data.curfew.lib is no setting"},
		"a file named like ours":     {with("library:access/access.rego", "package curfew.lib\nx := 1"), "are the library's"},
		"a misspelled setting":       {with("curfew/config/data.json", `{"restricted": []}`), "data.curfew.config.restricted is no setting"},
		"a forbidden built-in":       {with("a.rego", "package a\nx := time.now_ns()"), "time.now_ns"},
		"a manifest that is none":    {with(".manifest", `[`), "manifest decode"},
		"a long revision":            {with(".manifest", `{"revision": "`+strings.Repeat("x", 129)+`"}`), "its revision has 129 bytes, and may have 128"},
		"a revision with line ends":  {with(".manifest", `{"revision": "a\r\nX-Admin: yes"}`), "its revision can not be printed"},
		"too much as it is sent":     {make([]byte, pdp.MaxBundle+1), "more than 64 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, _, err := loadBundle(t, tc.raw, nil); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

func TestArchiveThatSaysThatItHoldsMuchIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	var buf bytes.Buffer
	zip := gzip.NewWriter(&buf)
	w := tar.NewWriter(zip)
	err := errors.Join(w.WriteHeader(&tar.Header{Name: "data.json", Mode: 0o600, Size: 1 << 50}), zip.Close())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := loadBundle(t, buf.Bytes(), nil); err == nil || !strings.Contains(err.Error(), "more than 256 MiB") {
		t.Errorf("got %v", err)
	}
}
