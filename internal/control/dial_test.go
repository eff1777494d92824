package control

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/mailhaul/mailhaul/internal/migration"
)

func TestWhereMailhaulConnectsTo(t *testing.T) {
	usual := DialPolicy{}
	tests := DialPolicy{AllowLoopback: true}
	public := DialPolicy{RefusePrivate: true}
	listed := DialPolicy{Hosts: []string{"Example.org", ".corp.example."}, Networks: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}}
	for _, c := range []struct {
		policy  DialPolicy
		host    string
		address string
		allowed bool
	}{
		{usual, "h", "192.0.2.1", true},
		{usual, "h", "2001:db8::1", true},
		{usual, "h", "10.0.0.1", true},
		{usual, "h", "172.16.0.1", true},
		{usual, "h", "192.168.1.1", true},
		{usual, "h", "fd00::1", true},
		{usual, "h", "100.64.0.1", true},
		{usual, "h", "::ffff:192.0.2.1", true},
		{usual, "h", "0.0.0.0", false},
		{usual, "h", "0.1.2.3", false},
		{usual, "h", "::", false},
		{usual, "h", "127.0.0.1", false},
		{usual, "h", "127.8.8.8", false},
		{usual, "h", "::1", false},
		{usual, "h", "::ffff:127.0.0.1", false},
		{usual, "h", "169.254.169.254", false},
		{usual, "h", "::ffff:169.254.169.254", false},
		{usual, "h", "64:ff9b::a9fe:a9fe", false},
		{usual, "h", "2002:a9fe:a9fe::1", false},
		{usual, "h", "2002:7f00:1::1", false},
		{usual, "h", "::7f00:1", false},
		{usual, "h", "64:ff9b::c000:201", true},
		{usual, "h", "fe80::1", false},
		{usual, "h", "fe80::1%eth0", false},
		{usual, "h", "fec0::1", false},
		{usual, "h", "224.0.0.1", false},
		{usual, "h", "ff02::1", false},
		{usual, "h", "255.255.255.255", false},
		{tests, "h", "127.0.0.1", true},
		{tests, "h", "::1", true},
		{tests, "h", "169.254.169.254", false},
		{tests, "h", "0.0.0.0", false},
		{public, "h", "192.0.2.1", true},
		{public, "h", "10.0.0.1", false},
		{public, "h", "192.168.1.1", false},
		{public, "h", "::ffff:10.0.0.1", false},
		{public, "h", "64:ff9b::a00:1", false},
		{public, "h", "fd00::1", false},
		{public, "h", "100.100.0.1", false},
		{listed, "mail.example.org", "192.0.2.1", true},
		{listed, "EXAMPLE.ORG.", "192.0.2.1", true},
		{listed, "badexample.org", "192.0.2.1", false},
		{listed, "corp.example", "192.0.2.1", true},
		{listed, "h", "10.1.2.3", true},
		{listed, "h", "10.2.2.3", false},
		{listed, "mail.example.org", "169.254.169.254", false},
	} {
		err := c.policy.Check(c.host, netip.MustParseAddr(c.address))
		if (err == nil) != c.allowed {
			t.Errorf("%s (%s) with %+v: %v", c.host, c.address, c.policy, err)
		}
		if err != nil && (migration.CodeOf(err) != migration.CodePolicy || migration.ClassOf(err) != migration.Stop) {
			t.Errorf("%s: %v is no fault of the policy", c.address, err)
		}
	}
	if err := usual.Check("h", netip.Addr{}); err == nil {
		t.Error("no address is allowed")
	}
}

func TestThePolicyJudgesWhatANameResolvesTo(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	address := net.JoinHostPort("localhost", port)
	if _, err := (DialPolicy{}).Dial(t.Context(), "tcp", address); migration.CodeOf(err) != migration.CodePolicy || !strings.Contains(err.Error(), "this machine") {
		t.Errorf("connects to itself: %v", err)
	}
	line, err := (DialPolicy{AllowLoopback: true}).Dial(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	line.Close()
}
