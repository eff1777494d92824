package hostiletest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/imapfake"
)

// host is the name of the server in all cases.
const host = "imap.example.org"

// papers are the certificates of the cases.
type papers struct {
	ca, other *imapfake.CA
}

func newPapers(t *testing.T) *papers {
	t.Helper()
	ca, err := imapfake.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	other, err := imapfake.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	return &papers{ca, other}
}

// from makes a certificate of an authority, changed as wished.
func from(t *testing.T, ca *imapfake.CA, change func(*x509.Certificate), hosts ...string) tls.Certificate {
	t.Helper()
	if change == nil {
		change = func(*x509.Certificate) {}
	}
	certificate, err := ca.IssueFrom(change, hosts...)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

// selfSigned makes a certificate that vouches for itself.
func selfSigned(t *testing.T, isCA bool) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: isCA, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// pin is the pin of a certificate's key.
func pin(t *testing.T, certificate tls.Certificate) string {
	t.Helper()
	parsed, err := x509.ParseCertificate(certificate.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(parsed.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

func expired(c *x509.Certificate)     { c.NotAfter = time.Now().Add(-time.Hour) }
func notYetValid(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }
func forClients(c *x509.Certificate)  { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }
func nameOnly(c *x509.Certificate)    { c.Subject.CommonName, c.DNSNames = host, nil }
func loopbackAddress(c *x509.Certificate) {
	c.DNSNames, c.IPAddresses = nil, []net.IP{net.IPv4(127, 0, 0, 1)}
}

// padded has a chain of about the given size behind it.
func padded(certificate tls.Certificate, size int) tls.Certificate {
	one := certificate.Certificate[len(certificate.Certificate)-1]
	for n := 0; n < size; n += len(one) {
		certificate.Certificate = append(certificate.Certificate, one)
	}
	return certificate
}
