package control

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// DialPolicy says which addresses mailhaul connects to on behalf of an operator. It
// judges what a name resolves to at the moment of connecting, so that no name leads
// around it. The zero value is what is recommended.
type DialPolicy struct {
	// AllowLoopback allows this machine's own addresses, for tests and for
	// servers that run beside mailhaul.
	AllowLoopback bool
	// RefusePrivate refuses the addresses of private networks (RFC 1918, RFC 4193
	// and RFC 6598), where sources often are.
	RefusePrivate bool
	// Hosts and Networks, where one is given, are all that is allowed: host names
	// with all below them, and networks.
	Hosts    []string
	Networks []netip.Prefix
}

var (
	broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})
	// shared are the addresses of carriers' NAT (RFC 6598).
	shared = netip.MustParsePrefix("100.64.0.0/10")
	// embedding are networks whose addresses hold an IPv4 address in these last or
	// middle bytes: NAT64 (RFC 6052), 6to4 (RFC 3056), IPv4-compatible (RFC 4291).
	embedding = []struct {
		network netip.Prefix
		at      int
	}{
		{netip.MustParsePrefix("64:ff9b::/96"), 12},
		{netip.MustParsePrefix("2002::/16"), 2},
		{netip.MustParsePrefix("::/96"), 12},
	}
	// local are further networks that lead nowhere but to this network: "this
	// network" (RFC 1122) and, of IPv6, site-local (RFC 3879).
	local = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("fec0::/10")}
)

// Check judges an address that a host has. The fault's text is for people.
func (p DialPolicy) Check(host string, ip netip.Addr) error {
	ip = plain(ip)
	reason, allowed := "", ""
	switch {
	case !ip.IsValid():
		reason = "it is no address"
	case ip.IsUnspecified(), ip.IsMulticast(), ip.IsLinkLocalUnicast(), ip == broadcast,
		slices.ContainsFunc(local, func(n netip.Prefix) bool { return n.Contains(ip) }):
		reason = "no mail server has such an address"
	case ip.IsLoopback() && !p.AllowLoopback:
		reason, allowed = "it is this machine", "mailhaul serve --allow-loopback"
	case p.RefusePrivate && (ip.IsPrivate() || shared.Contains(ip)):
		reason, allowed = "it is in a private network", "without mailhaul serve --refuse-private"
	case !p.listed(host, ip):
		reason, allowed = "it is not among the servers that are allowed", "mailhaul serve --allow-network NETWORK"
	default:
		return nil
	}
	remedy := "Use the address of a mail server."
	if allowed != "" {
		remedy = "Use the address of a mail server, or let an administrator allow this one in the server's configuration (" + allowed + ")."
	}
	return &migration.Fault{Class: migration.Stop, Code: migration.CodePolicy, Doing: fmt.Sprintf("connecting to %s (%s) is not allowed: %s", host, ip, reason),
		Remedy: remedy}
}

// plain gives the IPv4 address inside of an IPv6 address, if there is one.
func plain(ip netip.Addr) netip.Addr {
	ip = ip.Unmap().WithZone("")
	if !ip.Is6() || ip.IsLoopback() || ip.IsUnspecified() {
		return ip
	}
	for _, e := range embedding {
		if e.network.Contains(ip) {
			bytes := ip.As16()
			return netip.AddrFrom4([4]byte(bytes[e.at : e.at+4]))
		}
	}
	return ip
}

// listed reports whether the allow list, if there is one, has the host or address.
func (p DialPolicy) listed(host string, ip netip.Addr) bool {
	if len(p.Hosts) == 0 && len(p.Networks) == 0 {
		return true
	}
	host = lower(strings.TrimSuffix(host, "."))
	for _, allowed := range p.Hosts {
		allowed = lower(strings.Trim(allowed, "."))
		if host == allowed || strings.HasSuffix(host, "."+allowed) {
			return true
		}
	}
	return slices.ContainsFunc(p.Networks, func(n netip.Prefix) bool { return n.Contains(ip) })
}

// Control judges the connections to a host, as net.Dialer.Control.
func (p DialPolicy) Control(host string) func(network, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return p.Check(host, netip.Addr{})
		}
		return p.Check(host, at.Addr())
	}
}

// Dial connects as the policy allows.
func (p DialPolicy) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{KeepAlive: 30 * time.Second, Control: p.Control(host)}
	return dialer.DialContext(ctx, network, address)
}
