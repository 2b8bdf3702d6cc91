package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

const hidden = "<secret>"

// Secret is a text that nothing prints: not fmt, not slog, not JSON or YAML.
type Secret struct{ text string }

// Reveal returns the text, for the one place that needs it.
func (s Secret) Reveal() string { return s.text }

// Format writes <secret>, whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// MarshalText renders <secret>; it serves JSON and YAML.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil } //nolint:unparam // encoding.TextMarshaler

// LogValue renders <secret>.
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// secretRef is how a configuration names a secret: env:NAME or file:PATH. It is
// not printed either, because what stands there may be the secret itself.
type secretRef string

// Format writes <secret>, whatever the verb.
func (secretRef) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// isRef reports whether the text names a secret rather than being one.
func (r secretRef) isRef() bool {
	return strings.HasPrefix(string(r), "env:") || strings.HasPrefix(string(r), "file:")
}

// errSecretMissing says that a secret is named well and is not there.
var errSecretMissing = errors.New("the secret is not there")

// maxSecretFile bounds a file that holds one secret.
const maxSecretFile = 64 << 10

// secret reads what the reference names. Line ends after it are not part of it.
func (r *configReader) secret(place string, ref secretRef) (Secret, error) {
	kind, name, _ := strings.Cut(string(ref), ":")
	switch {
	case ref == "":
		return Secret{}, errors.New("it is missing; name a secret as env:NAME or file:PATH")
	case !ref.isRef():
		return Secret{}, errors.New("a secret does not stand in the configuration itself; put it into a file or a variable, " +
			"name that as file:PATH or env:NAME, and replace the secret, which others may have read")
	case name == "":
		return Secret{}, fmt.Errorf("nothing follows the colon of %s", kind)
	case kind == "env":
		text, ok := r.lookupEnv(name)
		return nonEmpty(text, ok, fmt.Sprintf("the variable %s is not set; set it", name))
	}
	text, err := r.secretFile(place, r.path(name))
	if err != nil {
		return Secret{}, err
	}
	return nonEmpty(text, true, fmt.Sprintf("the file %s is empty; put the secret into it", name))
}

func (r *configReader) secretFile(place, path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errSecretMissing, err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxSecretFile {
		return "", fmt.Errorf("%s is not a file with one secret", path)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		r.warn("%s: others may read %s (mode %04o); run: chmod 600 %s", place, path, mode, path)
	}
	content, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return "", fmt.Errorf("%w: %w", errSecretMissing, err)
	}
	return strings.TrimRight(string(content), "\r\n"), nil
}

func nonEmpty(text string, ok bool, why string) (Secret, error) {
	if !ok || text == "" {
		return Secret{}, fmt.Errorf("%w: %s", errSecretMissing, why)
	}
	return Secret{text}, nil
}
