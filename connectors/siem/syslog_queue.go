//go:build !linux

package siem

import "net"

// unacknowledged is not known here: what was handed to the kernel counts as sent.
func unacknowledged(net.Conn) (int, error) { return 0, nil }
