//go:build !linux

package stage

import "syscall"

// dieWithParent does nothing where the system can not do it.
func dieWithParent(*syscall.SysProcAttr, syscall.Signal) {}
