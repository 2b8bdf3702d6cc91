package stage

import "syscall"

// dieWithParent sees to it that a program ends with this process, even when that
// is killed.
func dieWithParent(attr *syscall.SysProcAttr, signal syscall.Signal) { attr.Pdeathsig = signal }
