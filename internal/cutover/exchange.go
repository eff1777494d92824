package cutover

import (
	"context"
	"errors"
	"net"
	"os"

	"github.com/miekg/dns"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// ask asks a server one question. The reply is nil unless the trouble is NoTrouble, Missing
// or Lame.
func (a *Asker) ask(ctx context.Context, server Server, name string, kind uint16) (*dns.Msg, Trouble) {
	reply, err := a.exchange(ctx, server, query(name, kind, !server.Authoritative))
	if err != nil {
		return nil, troubleOf(err)
	}
	switch trouble := judged(reply, server, name); trouble {
	case NoTrouble, Missing, Lame:
		return reply, trouble
	case Failing:
		if !server.Authoritative && a.bogus(ctx, server, name, kind) {
			return nil, Bogus
		}
		return nil, Failing
	default:
		return nil, trouble
	}
}

func query(name string, kind uint16, recursive bool) *dns.Msg {
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(name), kind)
	m.RecursionDesired = recursive
	m.SetEdns0(udpSize, false)
	return m
}

// udpSize is the longest answer asked for over UDP, which no network cuts in pieces.
const udpSize = 1232

// bogus reports whether a resolver that fails has an answer when it is told not to check
// signatures (RFC 4035 section 3.2.2).
func (a *Asker) bogus(ctx context.Context, server Server, name string, kind uint16) bool {
	unchecked := query(name, kind, true)
	unchecked.CheckingDisabled = true
	reply, err := a.exchange(ctx, server, unchecked)
	return err == nil && (reply.Rcode == dns.RcodeSuccess || reply.Rcode == dns.RcodeNameError)
}

// judged says whether a reply counts.
func judged(reply *dns.Msg, server Server, name string) Trouble {
	switch {
	case len(reply.Question) != 1 || !reply.Response || plainName(reply.Question[0].Name) != name:
		return Garbled
	case reply.Rcode == dns.RcodeServerFailure:
		return Failing
	case reply.Rcode == dns.RcodeRefused, reply.Rcode == dns.RcodeNotAuth:
		return Lame
	case server.Authoritative && !reply.Authoritative && (reply.Rcode == dns.RcodeSuccess || reply.Rcode == dns.RcodeNameError):
		return Lame
	case reply.Rcode == dns.RcodeNameError:
		return Missing
	case reply.Rcode != dns.RcodeSuccess:
		return Garbled
	}
	return NoTrouble
}

// exchange asks over UDP, twice where no answer comes, and over TCP where the answer is
// too long for UDP (RFC 7766 section 5). A server that does not know EDNS is asked
// without it (RFC 6891 section 7).
func (a *Asker) exchange(ctx context.Context, server Server, m *dns.Msg) (*dns.Msg, error) {
	reply, err := a.once(ctx, "udp", server, m)
	var late net.Error
	if errors.As(err, &late) && late.Timeout() && ctx.Err() == nil {
		reply, err = a.once(ctx, "udp", server, m)
	}
	if err == nil && m.IsEdns0() != nil && (reply.Rcode == dns.RcodeFormatError || reply.Rcode == dns.RcodeNotImplemented) {
		bare := m.Copy()
		bare.Extra = nil
		return a.exchange(ctx, server, bare)
	}
	if err == nil && reply.Truncated {
		return a.once(ctx, "tcp", server, m)
	}
	return reply, err
}

func (a *Asker) once(ctx context.Context, network string, server Server, m *dns.Msg) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, a.options.Timeout)
	defer cancel()
	dial := a.options.Dial
	if !server.Authoritative {
		dial = (&net.Dialer{}).DialContext
	}
	conn, err := dial(ctx, network, server.Address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	ended := context.AfterFunc(ctx, func() { conn.Close() })
	defer ended()
	m = m.Copy()
	m.Id = dns.Id()
	reply, _, err := (&dns.Client{Timeout: a.options.Timeout}).ExchangeWithConnContext(ctx, m, &dns.Conn{Conn: conn, UDPSize: udpSize})
	return reply, err
}

// troubleOf says why a server could not be asked.
func troubleOf(err error) Trouble {
	var fault *migration.Fault
	var network net.Error
	switch {
	case errors.As(err, &fault) && fault.Code == migration.CodePolicy:
		return Forbidden
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), errors.As(err, &network):
		return Silent
	}
	return Garbled
}
