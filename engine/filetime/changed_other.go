//go:build !linux

// Package filetime says what a file's other times can not: when it was changed in
// any way. Here it does not know.
package filetime

import "io/fs"

// Changed is 0: it is not known here.
func Changed(fs.FileInfo) int64 { return 0 }
