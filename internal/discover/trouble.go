package discover

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Plain says for people why something could not be asked: which name server does not
// answer, and of a connection only what happened to it.
func Plain(err error) string {
	var dns *net.DNSError
	fault := migration.FaultOf(err)
	switch {
	case err == nil:
		return ""
	case errors.As(err, &dns) && dns.IsNotFound:
		return "no such host"
	case errors.Is(err, context.Canceled):
		return "no answer in time"
	case dns != nil:
		return dnsServerTrouble(dns)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "no answer in time"
	case fault != nil && fault.Code == migration.CodePolicy:
		return fault.Error()
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused: nothing listens there"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was closed"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "there is no way to it from this computer"
	}
	return innermost(err).Error()
}

// dnsServerTrouble says what is wrong with the name server that was asked.
func dnsServerTrouble(err *net.DNSError) string {
	server := cmp.Or(strings.TrimSpace("the name server "+err.Server), "the name server")
	switch {
	case err.IsTimeout:
		return server + " does not answer in time"
	case strings.Contains(err.Err, "connection refused"):
		return server + " does not answer: nothing listens there"
	case strings.Contains(err.Err, "server misbehaving"):
		return server + " could not tell"
	}
	return server + " cannot be asked"
}

// innermost takes off what the network library puts around an error: addresses, methods
// and names of system calls.
func innermost(err error) error {
	for {
		var inner error
		var of *url.Error
		var op *net.OpError
		var system *os.SyscallError
		switch {
		case errors.As(err, &system):
			inner = system.Err
		case errors.As(err, &op):
			inner = op.Err
		case errors.As(err, &of):
			inner = of.Err
		}
		if inner == nil {
			return err
		}
		err = inner
	}
}

// heard notes whether the name server answers. One that says that there is no such name
// does.
func (b *board) heard(err error) {
	var dns *net.DNSError
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case err == nil, errors.As(err, &dns) && dns.IsNotFound:
		b.answers = true
	case errors.Is(err, context.Canceled):
	case dns != nil:
		b.deaf = cmp.Or(b.deaf, dnsServerTrouble(dns))
	}
}

// usualNames tells of the usual names what came of them, one line for each.
func (b *board) usualNames() (asked []Asked) {
	said := map[string][]string{}
	var hosts []string
	for _, c := range b.candidates {
		for _, e := range c.Evidence {
			if e.Source != FromName {
				continue
			}
			host := c.Endpoint.Host
			if said[host] == nil {
				hosts = append(hosts, host)
			}
			text := "not looked at to the end"
			switch {
			case c.Answers():
				text = "answers"
			case c.Seen != nil:
				text = c.Seen.Trouble
			}
			if n := len(said[host]); n == 0 || said[host][n-1] != text {
				said[host] = append(said[host], text)
			}
			break
		}
	}
	for _, host := range hosts {
		asked = append(asked, Asked{FromName, "usual name " + host, clean(strings.Join(said[host], "; "))})
	}
	return asked
}
