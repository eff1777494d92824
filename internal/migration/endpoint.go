package migration

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// Security says how the line to an endpoint is protected.
type Security string

// The kinds of security. There is no opportunistic one: what is asked for is
// what is had, or nothing is sent (RFC 8314).
const (
	// Implicit is TLS from the first byte, port 993 by default.
	Implicit Security = "implicit"
	// StartTLS is TLS by the STARTTLS command before anything else, port 143
	// by default.
	StartTLS Security = "starttls"
	// Cleartext is no protection. Only with Endpoint.AllowCleartext.
	Cleartext Security = "none"
)

// Endpoint is a server mail is read from or written to.
type Endpoint struct {
	Host     string
	Port     int
	Security Security
	// AllowCleartext must be true for Security Cleartext to be used.
	AllowCleartext bool
	// CA is a PEM bundle that replaces the system's certificate authorities.
	CA []byte
	// Pin is the base64 SHA-256 of the server certificate's
	// SubjectPublicKeyInfo (RFC 7469 section 2.4, without "sha256/"). With a
	// pin, that key is what is trusted, whoever signed it.
	Pin string
	// MinTLS is the lowest TLS version, as in crypto/tls. Zero is TLS 1.2.
	MinTLS uint16
}

// Address is host:port, for dialling.
func (e Endpoint) Address() string { return net.JoinHostPort(e.Host, strconv.Itoa(e.Port)) }

var schemes = map[string]struct {
	security Security
	port     int
}{
	"imaps":      {Implicit, 993},
	"imap":       {StartTLS, 143},
	"imap+plain": {Cleartext, 143},
}

// ParseURL reads imaps://user@host[:993], imap://user@host[:143] (STARTTLS is
// required) or imap+plain://user@host:port. An "@" in the user name may stand as
// %40 or as itself. The user may be missing. A password is refused: it would
// show in the process list.
func ParseURL(text string) (endpoint Endpoint, user string, err error) {
	scheme, rest, found := strings.Cut(text, "://")
	kind, known := schemes[strings.ToLower(scheme)]
	if !found || !known {
		return Endpoint{}, "", fmt.Errorf("address %q: want imaps://user@host, imap://user@host (STARTTLS) or imap+plain://user@host", shortened(text))
	}
	rest = strings.TrimSuffix(rest, "/")
	at := strings.LastIndexByte(rest, '@')
	userinfo, hostport := "", rest
	if at >= 0 {
		userinfo, hostport = rest[:at], rest[at+1:]
	}
	if strings.Contains(userinfo, ":") {
		return Endpoint{}, "", fmt.Errorf("address of host %q holds a password: leave it out and give it in a file, an environment variable or at the prompt (a colon in the user name is written %%3A)", hostport)
	}
	user, err = url.PathUnescape(userinfo)
	if err != nil {
		return Endpoint{}, "", fmt.Errorf("user name in the address of host %q: %% must be followed by two hexadecimal digits", hostport)
	}
	if strings.ContainsAny(user, "\r\n\x00") {
		return Endpoint{}, "", fmt.Errorf("user name in the address of host %q holds a line break or NUL", hostport)
	}
	if bare, path, found := strings.Cut(hostport, "/"); found {
		return Endpoint{}, "", fmt.Errorf("address of host %q goes on with %q: leave that out, an address names no folder", bare, "/"+path)
	}
	host, port, err := splitHostPort(hostport, kind.port)
	if err != nil {
		return Endpoint{}, "", err
	}
	return Endpoint{Host: host, Port: port, Security: kind.security}, user, nil
}

func splitHostPort(hostport string, defaultPort int) (string, int, error) {
	host, port := "", defaultPort
	if h, p, err := net.SplitHostPort(hostport); err == nil {
		n, err := strconv.Atoi(p)
		if err != nil || n < 1 || n > 65535 {
			return "", 0, fmt.Errorf("address %q: the port must be a number from 1 to 65535", hostport)
		}
		host, port = h, n
	} else {
		host = strings.TrimSuffix(strings.TrimPrefix(hostport, "["), "]")
	}
	if host == "" || strings.ContainsAny(host, " /?#\\\t\r\n\x00@[]") || strings.Contains(host, ":") && net.ParseIP(host) == nil {
		return "", 0, fmt.Errorf("address %q: the host name is missing or malformed", hostport)
	}
	return host, port, nil
}

func shortened(text string) string {
	const most = 20
	if len(text) > most {
		return text[:most] + "..."
	}
	return text
}
