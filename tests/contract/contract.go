// Package contract finds what others have published about their interfaces. It is
// theirs, and not in the repository: it lies beside it, or where CURFEW_CONTRACTS
// says.
package contract

import (
	"fmt"
	"os"
	"path/filepath"
)

// Find returns where a file lies, such as "slack/manifest.schema.2.0.0.json", or
// why it is not there.
func Find(file string) (path string, err error) {
	if dir := os.Getenv("CURFEW_CONTRACTS"); dir != "" {
		path = filepath.Join(dir, file)
	} else {
		root, err := os.Getwd()
		for err == nil && root != filepath.Dir(root) {
			if _, missing := os.Stat(filepath.Join(root, "go.mod")); missing == nil {
				break
			}
			root = filepath.Dir(root)
		}
		path = filepath.Join(root, "../shared/contracts", file)
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s is not there; put it beside the repository or name its place in CURFEW_CONTRACTS: %w", file, err)
	}
	return path, nil
}
