package siem

import (
	"crypto/tls"
	"net"
	"syscall"
	"unsafe"
)

// unacknowledged is how many bytes the other machine has not acknowledged: Linux tells
// of a TCP socket what its queue holds, until then (tcp(7), SIOCOUTQ).
func unacknowledged(conn net.Conn) (int, error) {
	if secured, ok := conn.(*tls.Conn); ok {
		conn = secured.NetConn()
	}
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return 0, nil
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return 0, err
	}
	var left int32
	var failure syscall.Errno
	err = raw.Control(func(fd uintptr) {
		_, _, failure = syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCOUTQ, uintptr(unsafe.Pointer(&left))) //nolint:gosec // how the kernel answers
	})
	if err == nil && failure != 0 {
		err = failure
	}
	return int(left), err
}
