package connectors

import "net/netip"

type network struct {
	prefix netip.Prefix
	what   string
}

var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// neverDialled is what no connector has any business with, wherever it runs.
// Sources: IANA's special-purpose address registries, and the clouds' pages on
// their instance metadata services.
var neverDialled = []network{
	{netip.MustParsePrefix("0.0.0.0/8"), "unspecified"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local, where clouds serve metadata"},
	{netip.MustParsePrefix("192.0.0.192/32"), "a metadata address"},     // Oracle
	{netip.MustParsePrefix("100.100.100.200/32"), "a metadata address"}, // Alibaba
	{netip.MustParsePrefix("168.63.129.16/32"), "a metadata address"},   // Azure
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved or broadcast"},
	{netip.MustParsePrefix("::/128"), "unspecified"},
	{netip.MustParsePrefix("fd00:ec2::/32"), "a metadata address"},    // AWS
	{netip.MustParsePrefix("fd20:ce::254/128"), "a metadata address"}, // Google
	{netip.MustParsePrefix("fe80::/10"), "link-local"},
	{netip.MustParsePrefix("ff00::/8"), "multicast"},
	{netip.MustParsePrefix("100::/64"), "discard-only"},
	// Addresses that carry another address, which would have to be judged too.
	{netip.MustParsePrefix("64:ff9b:1::/48"), "a local translation of IPv4"},
	{netip.MustParsePrefix("2001::/32"), "a Teredo tunnel"},
	{netip.MustParsePrefix("2002::/16"), "a 6to4 tunnel"},
	{netip.MustParsePrefix("192.88.99.0/24"), "a 6to4 relay"},
}

// privateNetworks are reachable from inside only. ::/96 holds ::1 and the
// IPv4-compatible addresses that nobody may use any more.
var privateNetworks = []network{
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback"},
	{netip.MustParsePrefix("10.0.0.0/8"), "private"},
	{netip.MustParsePrefix("172.16.0.0/12"), "private"},
	{netip.MustParsePrefix("192.168.0.0/16"), "private"},
	{netip.MustParsePrefix("100.64.0.0/10"), "shared by a carrier's customers"},
	{netip.MustParsePrefix("192.0.0.0/24"), "for protocol assignments"},
	{netip.MustParsePrefix("198.18.0.0/15"), "for benchmarks"},
	{netip.MustParsePrefix("192.0.2.0/24"), "for documentation"},
	{netip.MustParsePrefix("198.51.100.0/24"), "for documentation"},
	{netip.MustParsePrefix("203.0.113.0/24"), "for documentation"},
	{netip.MustParsePrefix("::/96"), "loopback or IPv4-compatible"},
	{netip.MustParsePrefix("fc00::/7"), "private"},
	{netip.MustParsePrefix("fec0::/10"), "site-local"},
	{netip.MustParsePrefix("2001:db8::/32"), "for documentation"},
}
