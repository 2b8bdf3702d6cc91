package connectors_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/curfew-access/curfew/connectors"
)

func TestReach(t *testing.T) {
	type answers struct{ public, private bool }
	everybody, inside, nobody := answers{true, true}, answers{false, true}, answers{false, false}
	cases := map[string]answers{
		"8.8.8.8": everybody, "1.1.1.1": everybody, "172.15.255.255": everybody, "172.32.0.0": everybody,
		"100.63.255.255": everybody, "100.128.0.0": everybody, "192.167.255.255": everybody, "223.255.255.255": everybody,
		"2606:4700:4700::1111": everybody, "2001:4860:4860::8888": everybody,
		"::ffff:8.8.8.8": everybody, "64:ff9b::808:808": everybody,

		"127.0.0.1": inside, "127.255.255.254": inside, "::1": inside, "::ffff:127.0.0.1": inside, "::ffff:7f00:1": inside,
		"10.0.0.1": inside, "172.16.0.1": inside, "172.31.255.255": inside, "192.168.1.1": inside,
		"::ffff:10.0.0.1": inside, "::ffff:192.168.1.1": inside, "64:ff9b::a00:1": inside, "64:ff9b::7f00:1": inside,
		"100.64.0.1": inside, "100.127.255.255": inside, "192.0.0.1": inside, "198.18.0.1": inside, "198.19.255.255": inside,
		"192.0.2.1": inside, "198.51.100.1": inside, "203.0.113.1": inside, "2001:db8::1": inside,
		"fc00::1": inside, "fd12:3456::1": inside, "fec0::1": inside, "::10.0.0.1": inside, "::8.8.8.8": inside,

		"0.0.0.0": nobody, "0.1.2.3": nobody, "::": nobody, "::ffff:0.0.0.0": nobody,
		"169.254.169.254": nobody, "169.254.170.2": nobody, "::ffff:169.254.169.254": nobody, "64:ff9b::a9fe:a9fe": nobody,
		"fe80::1": nobody, "fe80::1%eth0": nobody, "febf::1": nobody,
		"fd00:ec2::254": nobody, "fd20:ce::254": nobody, "100.100.100.200": nobody, "168.63.129.16": nobody, "192.0.0.192": nobody,
		"224.0.0.1": nobody, "239.255.255.255": nobody, "ff02::1": nobody, "ff02::1%lo": nobody,
		"240.0.0.1": nobody, "255.255.255.255": nobody,
		"64:ff9b:1::1": nobody, "2001:0:4136:e378::1": nobody, "2002:a00:1::1": nobody, "192.88.99.1": nobody, "100::1": nobody,
	}
	for text, want := range cases {
		t.Run(text, func(t *testing.T) {
			addr := netip.MustParseAddr(text)
			checkReach(t, connectors.ReachPublic, addr, want.public)
			checkReach(t, connectors.ReachPrivate, addr, want.private)
		})
	}
}

func checkReach(t *testing.T, reach connectors.Reach, addr netip.Addr, allowed bool) {
	t.Helper()
	err := reach.Check(addr)
	if allowed != (err == nil) || err != nil && !errors.Is(err, connectors.ErrAddressRefused) {
		t.Errorf("Reach(%d).Check(%s) = %v; want allowed: %t", reach, addr, err, allowed)
	}
}

func TestReachRefusesTheZeroAddress(t *testing.T) {
	checkReach(t, connectors.ReachPrivate, netip.Addr{}, false)
}

// A name is judged by what it resolves to: "localhost" says nothing about itself.
func TestDialerJudgesTheAddressAfterDNS(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	for _, host := range []string{"localhost", "127.0.0.1", "::ffff:127.0.0.1", "0.0.0.0", "::"} {
		t.Run(host, func(t *testing.T) {
			_, err := connectors.ReachPublic.Dialer().DialContext(context.Background(), "tcp", net.JoinHostPort(host, port))
			if !errors.Is(err, connectors.ErrAddressRefused) {
				t.Errorf("error = %v; want ErrAddressRefused", err)
			}
		})
	}
	conn, err := connectors.ReachPrivate.Dialer().DialContext(context.Background(), "tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		t.Fatalf("an operator's own address is refused: %v", err)
	}
	_ = conn.Close()
}
