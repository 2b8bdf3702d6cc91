package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/curfew-access/curfew/engine/audit"
)

// makeKeyFile makes a key for the log of that name.
func makeKeyFile(path, name string) error {
	signing, _, err := audit.NewKey(rand.Reader, name)
	if err != nil {
		return err
	}
	return writeKeyFile(path, signing)
}

// writeKeyFile writes a signing key into a file that only its owner may read. The file
// is there whole or not at all, also after a crash, and none is ever replaced: a
// signing key that is lost can not be made again.
func writeKeyFile(path, signing string) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".audit-key-*") // readable by its owner alone
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temporary.Name()) }()
	_, err = temporary.WriteString(signing + "\n")
	if err = errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	if err := os.Link(temporary.Name(), path); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: %s, and a key is never replaced; name another file", fs.ErrExist, path)
	} else if err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(path))
}

// readKeyFile reads the signing key of a file.
func readKeyFile(path string) (*audit.Keys, error) {
	content, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return nil, err
	}
	keys, err := audit.NewKeys(string(content))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return keys, nil
}

// syncDirectory makes the names in a directory outlast a crash of the machine.
func syncDirectory(path string) error {
	dir, err := os.Open(filepath.Clean(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
