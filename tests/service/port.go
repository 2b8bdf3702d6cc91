package service

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
)

// Ports below the range that the system takes from for outgoing connections, so
// that a server that is down finds its own port free again.
const (
	firstPort = 12000
	lastPort  = 32000
)

func freePort() (int, error) {
	for range 100 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		listener, err := net.Listen("tcp", address(port))
		if err != nil {
			continue
		}
		return port, listener.Close()
	}
	return 0, errors.New("no free loopback port")
}

func address(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
