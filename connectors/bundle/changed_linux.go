package bundle

import (
	"io/fs"
	"syscall"
)

// changedAt is when a file was last changed in any way. Unlike its other times
// nobody can set it: an archive or a copy that keeps times does not hide an edit.
func changedAt(info fs.FileInfo) int64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return stat.Ctim.Nano()
	}
	return 0
}
