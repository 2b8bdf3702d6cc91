package pdp

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/loader/filter"
)

// MaxBundle bounds a bundle as it is sent, in bytes.
const MaxBundle = 64 << 20

// bounds are of what a bundle inflates to.
type bounds struct {
	bytes int64 // of all files together
	files int   // each costs memory, however small it is
}

// ofBundles are wide for policies and their data, and narrow for the memory of a
// small machine.
var ofBundles = bounds{bytes: 256 << 20, files: 100_000}

// packed is a file of a bundle. Its path begins at the root, without a slash.
type packed struct {
	path    string
	content []byte
}

// unpack reads an archive within its bounds: both what it inflates to, and what
// its files say that they hold, which an archive with holes in it can say without
// having it.
func (b bounds) unpack(raw []byte) ([]packed, error) {
	if len(raw) > MaxBundle {
		return nil, fmt.Errorf("it has more than %d MiB", MaxBundle>>20)
	}
	inflated, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("it is not a .tar.gz: %w", err)
	}
	archive := tar.NewReader(&capped{from: inflated, left: b.bytes})
	var files []packed
	seen, total := map[string]bool{}, int64(0)
	for {
		header, err := archive.Next()
		switch {
		case errors.Is(err, io.EOF) && len(files) == 0:
			return nil, errors.New("there is no file in it")
		case errors.Is(err, io.EOF):
			return files, nil
		case err != nil:
			return nil, fmt.Errorf("it can not be unpacked: %w", err)
		case header.Typeflag == tar.TypeDir, header.Typeflag == tar.TypeXGlobalHeader:
			continue
		}
		p := path.Clean("/" + header.Name)[1:]
		total += header.Size
		switch {
		case header.Typeflag != tar.TypeReg:
			return nil, fmt.Errorf("%q is a link or no file at all; pack the file itself", p)
		case header.Size > b.bytes, total > b.bytes:
			return nil, errTooMuch
		case len(files) == b.files:
			return nil, fmt.Errorf("there are more than %d files in it", b.files)
		case seen[p]:
			return nil, fmt.Errorf("%q is in it twice", p)
		}
		seen[p] = true
		content, err := io.ReadAll(archive)
		if err != nil {
			return nil, fmt.Errorf("%q can not be unpacked: %w", p, err)
		}
		files = append(files, packed{p, content})
	}
}

var errTooMuch = fmt.Errorf("its files have more than %d MiB together", ofBundles.bytes>>20)

// capped is a reader that fails when there is more than it may read.
type capped struct {
	from io.Reader
	left int64
}

// Read reads, and fails beyond the bound.
func (c *capped) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errTooMuch
	}
	n, err := c.from.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}

// loader hands what is unpacked to OPA's reader.
type loader struct{ files []packed }

// NextFile returns the next file, and io.EOF after the last.
func (l *loader) NextFile() (*bundle.Descriptor, error) {
	if len(l.files) == 0 {
		return nil, io.EOF
	}
	f := l.files[0]
	l.files = l.files[1:]
	return bundle.NewDescriptor("/"+f.path, "/"+f.path, bytes.NewBuffer(f.content)), nil
}

// WithFilter and what follows satisfies bundle.DirectoryLoader. All is read.
func (l *loader) WithFilter(filter.LoaderFilter) bundle.DirectoryLoader { return l }

// WithPathFormat changes nothing.
func (l *loader) WithPathFormat(bundle.PathFormat) bundle.DirectoryLoader { return l }

// WithSizeLimitBytes changes nothing: the bounds are kept already.
func (l *loader) WithSizeLimitBytes(int64) bundle.DirectoryLoader { return l }

// WithFollowSymlinks changes nothing: there are none.
func (l *loader) WithFollowSymlinks(bool) bundle.DirectoryLoader { return l }

func digestOf(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}
