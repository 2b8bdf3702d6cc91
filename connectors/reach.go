package connectors

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// ErrAddressRefused says that a name resolved to an address outside of a Reach.
// No byte was sent.
var ErrAddressRefused = errors.New("address refused")

// Reach says which addresses may be dialled. It is enforced on the address that
// is connected to, after DNS, so that no name can lead around it.
type Reach int

const (
	// ReachPublic is the zero value: addresses of the public internet only.
	ReachPublic Reach = iota
	// ReachPrivate is for what an operator configured: also loopback and private
	// networks. Link-local, metadata, multicast and unspecified addresses stay
	// refused: nothing that is meant to be called lives there.
	ReachPrivate
)

// dialTimeout bounds a connection's set-up over all addresses of a name.
const dialTimeout = 5 * time.Second

// Dialer returns a dialer that refuses every address out of reach.
func (r Reach) Dialer() *net.Dialer {
	return &net.Dialer{
		Timeout: dialTimeout,
		Control: func(_, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil {
				return fmt.Errorf("not an IP address and a port: %w", ErrAddressRefused)
			}
			return r.Check(at.Addr())
		},
	}
}

// Check reports ErrAddressRefused, and why, if the address is out of reach. An
// IPv4 address inside an IPv6 one counts as what it is.
func (r Reach) Check(addr netip.Addr) error {
	if !addr.IsValid() {
		return fmt.Errorf("no IP address: %w", ErrAddressRefused)
	}
	addr = plain(addr)
	for _, n := range neverDialled {
		if n.prefix.Contains(addr) {
			return fmt.Errorf("%s is %s: %w", addr, n.what, ErrAddressRefused)
		}
	}
	if r == ReachPrivate {
		return nil
	}
	for _, n := range privateNetworks {
		if n.prefix.Contains(addr) {
			return fmt.Errorf("%s is %s: %w", addr, n.what, ErrAddressRefused)
		}
	}
	return nil
}

// plain strips the zone, which a prefix never contains, and unwraps the IPv4
// address out of ::ffff:0:0/96 (mapped) and 64:ff9b::/96 (NAT64, RFC 6052).
func plain(addr netip.Addr) netip.Addr {
	addr = addr.WithZone("").Unmap()
	if nat64.Contains(addr) {
		b := addr.As16()
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return addr
}
