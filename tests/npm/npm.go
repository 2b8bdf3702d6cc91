// Package npm gets pinned packages from npm's registry, for tests that hold ours
// against a program of others. It needs neither npm nor Node: a lock file names
// each package with its version and its digest, and one of the packages can be
// Node itself. No script of a package is run.
package npm

import (
	"archive/tar"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	patience   = 10 * time.Minute // for all packages
	maxPackage = 200 << 20
	maxFile    = 300 << 20
)

// Package is a package of a lock file.
type Package struct {
	Version   string `json:"version"`
	Integrity string `json:"integrity"` // "sha512-" and base64
	OS        names  `json:"os"`
	CPU       names  `json:"cpu"`
}

// names is a list in JSON, or one that stands alone.
type names []string

// UnmarshalJSON reads either.
func (n *names) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*n = names{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(n))
}

// fits reports whether a package is for this machine.
func (p Package) fits() bool {
	cpu := cmp.Or(map[string]string{"amd64": "x64"}[runtime.GOARCH], runtime.GOARCH)
	return (len(p.OS) == 0 || slices.Contains(p.OS, runtime.GOOS)) && (len(p.CPU) == 0 || slices.Contains(p.CPU, cpu))
}

// Registry is where packages come from.
func Registry() string {
	return cmp.Or(os.Getenv("npm_config_registry"), os.Getenv("NPM_CONFIG_REGISTRY"), "https://registry.npmjs.org")
}

// Install returns the directory that holds the node_modules of a lock file. What
// was got once is kept among the user's caches.
func Install(lock []byte) (dir string, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return InstallIn(filepath.Join(cache, "curfew", "npm"), Registry(), lock)
}

// InstallIn is Install with a cache and a registry.
func InstallIn(cache, registry string, lock []byte) (dir string, err error) {
	sum := sha256.Sum256(lock)
	dir = filepath.Join(cache, hex.EncodeToString(sum[:8])+"-"+runtime.GOARCH)
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	unlock, err := exclusive(dir + ".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	var list struct {
		Packages map[string]Package `json:"packages"`
	}
	if err := json.Unmarshal(lock, &list); err != nil {
		return "", fmt.Errorf("the lock file: %w", err)
	}
	half, err := os.MkdirTemp(cache, "half-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(half)
	if err := get(half, strings.TrimSuffix(registry, "/"), list.Packages); err != nil {
		return "", fmt.Errorf("the packages of the tests can not be had from %s (another registry can be named in npm_config_registry): %w", registry, err)
	}
	return dir, os.Rename(half, dir)
}

// exclusive lets one process at a time get packages.
func exclusive(name string) (unlock func(), err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { _ = f.Close() }, nil
}

// get gets every package that is for this machine.
func get(into, registry string, packages map[string]Package) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for at, p := range packages {
		if at == "" || !p.fits() {
			continue
		}
		name := at[strings.LastIndex(at, "node_modules/")+len("node_modules/"):]
		url := fmt.Sprintf("%s/%s/-/%s-%s.tgz", registry, name, path.Base(name), p.Version)
		if err := fetch(ctx, url, p.Integrity, filepath.Join(into, filepath.FromSlash(at))); err != nil {
			return fmt.Errorf("%s@%s: %w", name, p.Version, err)
		}
	}
	return nil
}

// fetch gets one package, compares its digest, and only then unpacks it.
func fetch(ctx context.Context, url, integrity, into string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	packed, err := os.CreateTemp("", "npm-")
	if err != nil {
		return err
	}
	defer os.Remove(packed.Name())
	defer packed.Close()
	sum := sha512.New()
	if _, err := io.Copy(io.MultiWriter(packed, sum), io.LimitReader(response.Body, maxPackage)); err != nil {
		return err
	}
	if err := compare(sum, integrity); err != nil {
		return err
	}
	if _, err := packed.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return unpack(packed, into)
}

func compare(sum hash.Hash, integrity string) error {
	if got := "sha512-" + base64.StdEncoding.EncodeToString(sum.Sum(nil)); got != integrity {
		return fmt.Errorf("its digest is %s; the lock file says %q", got, integrity)
	}
	return nil
}

// unpack writes the files of a package, and nothing outside of its directory.
func unpack(packed io.Reader, into string) error {
	unzipped, err := gzip.NewReader(packed)
	if err != nil {
		return err
	}
	for files := tar.NewReader(unzipped); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		_, name, within := strings.Cut(header.Name, "/") // the first part is the package itself
		if header.Typeflag != tar.TypeReg || !within || name == "" {
			continue
		}
		if !filepath.IsLocal(name) {
			return fmt.Errorf("a file called %q", header.Name)
		}
		if err := write(filepath.Join(into, name), header, files); err != nil {
			return err
		}
	}
}

func write(name string, header *tar.Header, content io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	mode := os.FileMode(0o644)
	if header.FileInfo().Mode()&0o100 != 0 {
		mode = 0o755
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, io.LimitReader(content, maxFile)); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}
