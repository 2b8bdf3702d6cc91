// Package filetime says what a file's other times can not: when it was changed in
// any way.
package filetime

import (
	"io/fs"
	"syscall"
)

// Changed is when a file was last changed in any way, in nanoseconds since 1970; 0
// where that is not known. Unlike its other times nobody can set it: an archive or
// a copy that keeps times does not hide an edit.
func Changed(info fs.FileInfo) int64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return stat.Ctim.Nano()
	}
	return 0
}
