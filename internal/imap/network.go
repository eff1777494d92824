package imap

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// dialNetwork resolves and connects, and tells which of the two went wrong.
func dialNetwork(ctx context.Context, options Options) (net.Conn, error) {
	e := options.Endpoint
	dial := options.Dial
	if dial == nil {
		dialer := &net.Dialer{KeepAlive: 30 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
			return permitted(address, options.RefuseLoopback)
		}}
		dial = dialer.DialContext
	}
	network, err := dial(ctx, "tcp", e.Address())
	if err == nil {
		options.Steps(StepResolve, resolved(e.Host, network.RemoteAddr()), nil)
		options.Steps(StepConnect, network.RemoteAddr().String(), nil)
		if options.Line != nil {
			network = options.Line(network)
		}
		return network, nil
	}
	fault := &migration.Fault{Class: migration.Again, Code: migration.CodeConnect, Doing: "connecting to " + e.Address(), Err: err,
		Remedy: "Check the address and the port, and that no firewall is in between."}
	step := StepConnect
	var resolving *net.DNSError
	switch {
	case errors.As(err, &resolving):
		step, fault.Code, fault.Doing = StepResolve, migration.CodeResolve, "looking up "+e.Host
		fault.Remedy = "Check the spelling of the host name, and the name service."
	case migration.CodeOf(err) == migration.CodePolicy:
		// The dialler has a policy of its own.
		fault = migration.FaultOf(err)
	case errors.Is(err, errForbidden):
		fault.Class, fault.Code, fault.Remedy = migration.Stop, migration.CodePolicy, "Use the address of a mail server."
	case errors.Is(context.Cause(ctx), context.Canceled):
		fault.Code = migration.CodeInterrupted
	}
	if step != StepResolve {
		options.Steps(StepResolve, e.Host, nil)
	}
	options.Steps(step, e.Address(), fault)
	return nil, fault
}

// resolved names the host and the address that was found for it.
func resolved(host string, found net.Addr) string {
	at, err := netip.ParseAddrPort(found.String())
	if err != nil || at.Addr().Unmap().String() == host {
		return host
	}
	return host + " is " + at.Addr().Unmap().String()
}

var errForbidden = errors.New("this address is no mail server's")

// permitted refuses addresses that no mail server has. It sees the resolved
// address, so that no name can lead around it.
func permitted(address string, refuseLoopback bool) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %s", errForbidden, address)
	}
	ip := at.Addr().Unmap()
	broadcast := netip.AddrFrom4([4]byte{255, 255, 255, 255})
	if ip.IsUnspecified() || ip.IsMulticast() || ip.IsLinkLocalUnicast() || ip == broadcast || refuseLoopback && ip.IsLoopback() {
		return fmt.Errorf("%w: %s", errForbidden, ip)
	}
	return nil
}

// handshake starts TLS as the endpoint wants it.
func handshake(ctx context.Context, options Options, network net.Conn) (net.Conn, error) {
	config, err := tlsConfig(options.Endpoint)
	var protected *tls.Conn
	if err == nil {
		protected = tls.Client(network, config)
		err = protected.HandshakeContext(ctx)
	}
	if err == nil {
		state := protected.ConnectionState()
		options.Steps(StepTLS, tls.VersionName(state.Version)+" "+tls.CipherSuiteName(state.CipherSuite), nil)
		return protected, nil
	}
	abort(network)
	fault := tlsFault(ctx, options.Endpoint, err)
	options.Steps(StepTLS, options.Endpoint.Host, fault)
	return nil, fault
}

// tlsFault tells a certificate that does not please from a line that broke.
func tlsFault(ctx context.Context, e migration.Endpoint, err error) error {
	fault := &migration.Fault{Class: migration.Again, Code: migration.CodeTLS, Doing: "starting TLS with " + e.Host, Err: err,
		Remedy: "Check that the port speaks TLS, and which versions the server has."}
	var verification *tls.CertificateVerificationError
	var pin *pinError
	var plain tls.RecordHeaderError
	switch {
	case errors.Is(context.Cause(ctx), context.Canceled):
		fault.Code = migration.CodeInterrupted
	case errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		fault.Err = errors.New("the server did not answer in time")
		fault.Remedy = "Check that an IMAP server with TLS answers at this address and port."
	case errors.As(err, &verification):
		fault.Class, fault.Remedy = migration.Login, certificateRemedy(pinOf(verification.UnverifiedCertificates), verification.Err)
	case errors.As(err, &pin):
		fault.Class = migration.Login
		fault.Remedy = "Somebody may be between you and the server: send nothing, and ask its administrator whether the key was changed. Only if so, trust the new one: --pin " + pin.presented
	case errors.As(err, &plain) && e.Security == migration.Implicit:
		fault.Remedy = "The server does not speak TLS here: try imap:// (STARTTLS) instead of imaps://, or name the port for TLS, often 993."
	case errors.Is(err, errEndpointTLS):
		fault.Class, fault.Remedy = migration.Login, "Correct the endpoint's CA bundle or pin."
	}
	return fault
}

var errEndpointTLS = errors.New("the endpoint's TLS settings are malformed")

// certificateRemedy says how to trust a certificate that the system does not.
func certificateRemedy(pin string, err error) string {
	remedy := "If you know that this is the right server, trust its key: --pin " + pin
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &unknown) {
		remedy = "If an authority of your own signed it, name its certificate with --ca FILE. " + remedy
	}
	return remedy
}

// tlsConfig makes the TLS settings: crypto/tls's own verification of chain,
// dates and host name, or the pinned key instead of all that.
func tlsConfig(e migration.Endpoint) (*tls.Config, error) {
	config := &tls.Config{ServerName: strings.TrimSuffix(e.Host, "."), MinVersion: e.MinTLS}
	if e.MinTLS == 0 {
		config.MinVersion = tls.VersionTLS12
	}
	if len(e.CA) > 0 {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(e.CA) {
			return nil, fmt.Errorf("%w: the CA bundle holds no certificate", errEndpointTLS)
		}
	}
	if e.Pin == "" {
		return config, nil
	}
	want, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(e.Pin, "sha256/"))
	if err != nil || len(want) != sha256.Size {
		return nil, fmt.Errorf("%w: the pin is not the base64 of a SHA-256", errEndpointTLS)
	}
	config.InsecureSkipVerify = true
	config.VerifyConnection = func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 {
			return &pinError{}
		}
		sum := sha256.Sum256(state.PeerCertificates[0].RawSubjectPublicKeyInfo)
		if subtle.ConstantTimeCompare(sum[:], want) != 1 {
			return &pinError{pinOf(state.PeerCertificates)}
		}
		return nil
	}
	return config, nil
}

// pinOf is the pin of the key a server presented (RFC 7469 section 2.4).
func pinOf(certificates []*x509.Certificate) string {
	if len(certificates) == 0 {
		return ""
	}
	sum := sha256.Sum256(certificates[0].RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// pinError says that the server's key is another one than the pinned one.
type pinError struct{ presented string }

func (e *pinError) Error() string {
	return "the server's key is not the pinned one; its pin is " + e.presented
}
