package npm_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/tests/npm"
)

// packed is a package with one file.
func packed(t *testing.T, name string) (tgz []byte, integrity string) {
	t.Helper()
	var b bytes.Buffer
	zipped := gzip.NewWriter(&b)
	files := tar.NewWriter(zipped)
	if err := files.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: 2, Typeflag: tar.TypeReg}); err != nil {
		t.Fatal(err)
	}
	_, _ = files.Write([]byte("hi"))
	_, _ = files.Close(), zipped.Close()
	sum := sha512.Sum512(b.Bytes())
	return b.Bytes(), "sha512-" + base64.StdEncoding.EncodeToString(sum[:])
}

func TestInstall(t *testing.T) {
	tgz, integrity := packed(t, "package/bin/run")
	outside, outsideSum := packed(t, "package/../../../run")
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/a/-/a-1.0.0.tgz", "/@b/c/-/c-2.0.0.tgz":
			_, _ = w.Write(tgz)
		case "/bad/-/bad-1.0.0.tgz":
			_, _ = w.Write(outside)
		default:
			http.NotFound(w, r)
		}
	}))
	defer registry.Close()
	lock := func(at, version, integrity, more string) string {
		return fmt.Sprintf(`{"packages":{"":{"name":"x"},"node_modules/%s":{"version":%q,"integrity":%q%s}}}`, at, version, integrity, more)
	}
	cases := map[string]struct{ lock, has, fault string }{
		"a package is unpacked":                      {lock("a", "1.0.0", integrity, ""), "node_modules/a/bin/run", ""},
		"one of a scope, within another":             {lock("a/node_modules/@b/c", "2.0.0", integrity, ""), "node_modules/a/node_modules/@b/c/bin/run", ""},
		"one for another machine is left out":        {lock("none", "1.0.0", integrity, `,"cpu":["s390x"]`), ".", ""},
		"nor one whose machine stands alone":         {lock("none", "1.0.0", integrity, `,"cpu":"s390x"`), ".", ""},
		"one that is not there is an error":          {lock("none", "1.0.0", integrity, ""), "", "none@1.0.0: "},
		"another digest is an error":                 {lock("a", "1.0.0", outsideSum, ""), "", "its digest is"},
		"a file outside of the directory, no thanks": {lock("bad", "1.0.0", outsideSum, ""), "", "a file called"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			cache := t.TempDir()
			dir, err := npm.InstallIn(cache, registry.URL, []byte(c.lock))
			if c.fault != "" {
				if err == nil || !strings.Contains(err.Error(), c.fault) || !strings.Contains(err.Error(), "npm_config_registry") {
					t.Errorf("error = %v; want %q", err, c.fault)
				}
				if left, _ := filepath.Glob(filepath.Join(cache, "half-*")); len(left) > 0 {
					t.Errorf("it leaves %q", left)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(filepath.Join(dir, c.has)); err != nil {
				t.Error(err)
			}
			if again, err := npm.InstallIn(cache, "http://127.0.0.1:1", []byte(c.lock)); err != nil || again != dir {
				t.Errorf("the second time it is %s, %v", again, err)
			}
		})
	}
}
