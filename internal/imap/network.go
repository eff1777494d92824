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
		options.Steps(StepResolve, e.Host, nil)
		options.Steps(StepConnect, network.RemoteAddr().String(), nil)
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
	config, presented, err := tlsConfig(options.Endpoint)
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
	fault := tlsFault(ctx, options.Endpoint, err, *presented)
	options.Steps(StepTLS, options.Endpoint.Host, fault)
	return nil, fault
}

// tlsFault tells a certificate that does not please from a line that broke.
func tlsFault(ctx context.Context, e migration.Endpoint, err error, pin string) error {
	fault := &migration.Fault{Class: migration.Again, Code: migration.CodeTLS, Doing: "starting TLS with " + e.Host, Err: err,
		Remedy: "Check that the port speaks TLS, and which versions the server has."}
	var verification *tls.CertificateVerificationError
	switch {
	case errors.Is(context.Cause(ctx), context.Canceled):
		fault.Code = migration.CodeInterrupted
	case errors.As(err, &verification), errors.Is(err, errPin):
		fault.Class = migration.Login
		fault.Remedy = "If you know that this is the right server, trust its key: --source-pin " + pin + " (for the target, --target-pin)."
	case errors.Is(err, errEndpointTLS):
		fault.Class, fault.Remedy = migration.Login, "Correct the endpoint's CA bundle or pin."
	}
	return fault
}

var (
	errPin         = errors.New("the server's key is not the pinned one")
	errEndpointTLS = errors.New("the endpoint's TLS settings are malformed")
)

// tlsConfig makes the TLS settings. presented is set to the pin of the server's
// key during the handshake.
func tlsConfig(e migration.Endpoint) (*tls.Config, *string, error) {
	presented := new(string)
	config := &tls.Config{ServerName: strings.TrimSuffix(e.Host, "."), MinVersion: max(e.MinTLS, tls.VersionTLS10)}
	if e.MinTLS == 0 {
		config.MinVersion = tls.VersionTLS12
	}
	if len(e.CA) > 0 {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(e.CA) {
			return nil, presented, fmt.Errorf("%w: the CA bundle holds no certificate", errEndpointTLS)
		}
	}
	var want []byte
	if e.Pin != "" {
		var err error
		want, err = base64.StdEncoding.DecodeString(strings.TrimPrefix(e.Pin, "sha256/"))
		if err != nil || len(want) != sha256.Size {
			return nil, presented, fmt.Errorf("%w: the pin is not the base64 of a SHA-256", errEndpointTLS)
		}
	}
	// crypto/tls calls VerifyPeerCertificate only after its own verification,
	// so verification is done here, where a failure can name the key.
	config.InsecureSkipVerify = true
	roots, name := config.RootCAs, config.ServerName
	config.VerifyConnection = func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 {
			return errPin
		}
		sum := sha256.Sum256(state.PeerCertificates[0].RawSubjectPublicKeyInfo)
		*presented = base64.StdEncoding.EncodeToString(sum[:])
		if want != nil {
			if subtle.ConstantTimeCompare(sum[:], want) != 1 {
				return errPin
			}
			return nil
		}
		return verify(state.PeerCertificates, roots, name)
	}
	return config, presented, nil
}

// verify is crypto/tls's own verification: chain, dates and host name.
func verify(certificates []*x509.Certificate, roots *x509.CertPool, name string) error {
	options := x509.VerifyOptions{Roots: roots, DNSName: name, Intermediates: x509.NewCertPool()}
	for _, certificate := range certificates[1:] {
		options.Intermediates.AddCert(certificate)
	}
	if _, err := certificates[0].Verify(options); err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: certificates, Err: err}
	}
	return nil
}
