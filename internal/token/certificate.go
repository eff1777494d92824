package token

import (
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // the portal shows certificates by their SHA-1
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/secret"
)

// Certificate is what an app signs in with instead of a secret.
type Certificate struct {
	// Subject, Begins and Ends are the certificate's own.
	Subject      string
	Begins, Ends time.Time
	// Thumbprint is the SHA-1 in upper-case hex, as the admin centre shows it.
	Thumbprint string

	sha256 string // base64url, for the assertion's header
	key    *rsa.PrivateKey
}

const remedyOneFile = "put both into one PEM file: cat key.pem cert.pem > app.pem"

// ReadCertificate reads a PEM text with an RSA private key, not encrypted, and the
// certificate of that key. Further certificates are passed over. The dates are not
// judged. Errors never hold a part of the text.
func ReadCertificate(text secret.Text) (*Certificate, error) {
	var certificates []*x509.Certificate
	var key *rsa.PrivateKey
	rest := []byte(text.Reveal())
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		switch {
		case block.Type == "CERTIFICATE":
			certificate, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, errors.New("the certificate cannot be read: export it again as PEM")
			}
			certificates = append(certificates, certificate)
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			found, err := readKey(block)
			if err != nil {
				return nil, err
			}
			key = found
		}
	}
	switch {
	case key == nil && len(certificates) == 0:
		return nil, errors.New(noPEM(text.Reveal()))
	case key == nil:
		return nil, errors.New("the file holds a certificate and no private key: " + remedyOneFile)
	case len(certificates) == 0:
		return nil, errors.New("the file holds a private key and no certificate: " + remedyOneFile)
	}
	return paired(key, certificates)
}

// remedyPEM says how the file is made.
const remedyPEM = "a certificate with its private key in PEM form is wanted; from a .pfx or .p12 file, openssl pkcs12 -in app.pfx -out app.pem -nodes makes it"

// noPEM says what a text is that holds no PEM block.
func noPEM(text string) string {
	if isBinary(text) {
		return "the file holds no PEM block: it is binary, as .pfx, .p12, .der and .cer files are; " + remedyPEM
	}
	return "the file holds no PEM block: it is plain text; " + remedyPEM
}

// readKey reads a private key of PKCS #8 or PKCS #1.
func readKey(block *pem.Block) (*rsa.PrivateKey, error) {
	if block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
		return nil, errors.New("the private key is encrypted: take the passphrase off with openssl pkey -in key.pem -out plain.pem, and keep the file readable by you alone until mailhaul has sealed it")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return strong(key)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if rsaKey, ok := key.(*rsa.PrivateKey); ok {
		return strong(rsaKey)
	}
	if err == nil || block.Type == "EC PRIVATE KEY" {
		return nil, errors.New("the private key is none of RSA, which is what the authority takes: make an RSA key of 2048 bits or more")
	}
	return nil, errors.New("the private key cannot be read: export it again as PEM")
}

func strong(key *rsa.PrivateKey) (*rsa.PrivateKey, error) {
	const least = 2048
	if bits := key.N.BitLen(); bits < least {
		return nil, fmt.Errorf("the private key has %d bits: make one of %d or more", bits, least)
	}
	return key, nil
}

// paired finds the certificate of the key.
func paired(key *rsa.PrivateKey, certificates []*x509.Certificate) (*Certificate, error) {
	for _, c := range certificates {
		if !key.PublicKey.Equal(c.PublicKey) {
			continue
		}
		short, long := sha1.Sum(c.Raw), sha256.Sum256(c.Raw) //nolint:gosec // as above
		return &Certificate{
			Subject: c.Subject.String(), Begins: c.NotBefore, Ends: c.NotAfter,
			Thumbprint: strings.ToUpper(hex.EncodeToString(short[:])),
			sha256:     base64.RawURLEncoding.EncodeToString(long[:]),
			key:        key,
		}, nil
	}
	return nil, errors.New("the certificate is not that of the private key: " + remedyOneFile)
}

// check says whether the certificate may be used now.
func (c *Certificate) check(now time.Time) error {
	switch {
	case now.After(c.Ends):
		return fmt.Errorf("the certificate ended on %s: make a new one, upload it to the app, and give it here", c.Ends.UTC().Format(time.DateOnly))
	case now.Before(c.Begins):
		return fmt.Errorf("the certificate begins on %s: check its dates and this computer's clock", c.Begins.UTC().Format(time.DateOnly))
	}
	return nil
}
