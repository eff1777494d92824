package imap_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/imap"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// certificate makes a self-signed certificate for a name, with its PEM and pin.
func certificate(t *testing.T, name string, until time.Duration) (tls.Certificate, []byte, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(until), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(parsed.RawSubjectPublicKeyInfo)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), base64.StdEncoding.EncodeToString(sum[:])
}

// wire gives both ends of a TCP connection over loopback: unlike a pipe, it
// takes what both ends say at once.
func wire(t *testing.T) (client, server net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	if client, err = net.Dial("tcp", listener.Addr().String()); err == nil {
		server, err = listener.Accept()
	}
	if err != nil {
		t.Fatal(err)
	}
	return client, server
}

// tlsScript gives a dialler whose other end speaks TLS.
func tlsScript(t *testing.T, config *tls.Config, text string) (func(context.Context, string, string) (net.Conn, error), *script) {
	t.Helper()
	client, server := wire(t)
	s := &script{conn: tls.Server(server, config), lines: strings.Split(text, "\n"), done: make(chan struct{})}
	go s.run(discard{t})
	return func(context.Context, string, string) (net.Conn, error) { return client, nil }, s
}

func TestTLS(t *testing.T) {
	good, goodPEM, goodPin := certificate(t, "imap.example.org", time.Hour)
	_, otherPEM, otherPin := certificate(t, "imap.example.org", time.Hour)
	wrong, wrongPEM, wrongPin := certificate(t, "other.example.org", time.Hour)
	expired, expiredPEM, _ := certificate(t, "imap.example.org", -time.Hour)
	tests := []struct {
		name   string
		server *tls.Config
		change func(*migration.Endpoint)
		code   string
		pin    string // in the remedy
	}{
		{"the endpoint's own authority", &tls.Config{Certificates: []tls.Certificate{good}}, func(e *migration.Endpoint) { e.CA = goodPEM }, "", ""},
		{"an unknown authority", &tls.Config{Certificates: []tls.Certificate{good}}, func(e *migration.Endpoint) { e.CA = otherPEM }, migration.CodeTLS, goodPin},
		{"the system's authorities by default", &tls.Config{Certificates: []tls.Certificate{good}}, func(*migration.Endpoint) {}, migration.CodeTLS, goodPin},
		{"another host's certificate", &tls.Config{Certificates: []tls.Certificate{wrong}}, func(e *migration.Endpoint) { e.CA = wrongPEM }, migration.CodeTLS, wrongPin},
		{"an expired certificate", &tls.Config{Certificates: []tls.Certificate{expired}}, func(e *migration.Endpoint) { e.CA = expiredPEM }, migration.CodeTLS, ""},
		{"a pinned key, whatever the name", &tls.Config{Certificates: []tls.Certificate{wrong}}, func(e *migration.Endpoint) { e.Pin = wrongPin }, "", ""},
		{"another key than the pinned one, though the authority is good", &tls.Config{Certificates: []tls.Certificate{good}}, func(e *migration.Endpoint) { e.Pin, e.CA = otherPin, goodPEM }, migration.CodeTLS, goodPin},
		{"TLS 1.1 by default", &tls.Config{Certificates: []tls.Certificate{good}, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}, func(e *migration.Endpoint) { e.CA = goodPEM }, migration.CodeTLS, ""},
		{"a malformed pin", &tls.Config{Certificates: []tls.Certificate{good}}, func(e *migration.Endpoint) { e.Pin = "AAAA" }, migration.CodeTLS, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dial, server := tlsScript(t, test.server, greeted(""))
			s, script, err := dialScript(discard{t}, "X", func(o *imap.Options) {
				o.Endpoint.Security, o.Endpoint.AllowCleartext, o.Dial = migration.Implicit, false, dial
				test.change(&o.Endpoint)
			})
			if test.code == "" && err != nil {
				t.Error(err)
			}
			if test.code != "" {
				if migration.CodeOf(err) != test.code || !strings.Contains(migration.FaultOf(err).Remedy, test.pin) {
					t.Errorf("%v, remedy %q", err, migration.FaultOf(err).Remedy)
				}
				if strings.Contains(server.heard.String(), "AUTHENTICATE") {
					t.Error("the credential left")
				}
			}
			if s != nil {
				_ = s.Close()
			}
			_ = server.conn.Close()
			_ = script.conn.Close()
			<-server.done
			<-script.done
		})
	}
}

func TestStartTLSIsNotFooled(t *testing.T) {
	tests := map[string]string{
		"STARTTLS refused with NO":         "S * OK [CAPABILITY IMAP4rev1] x\nC STARTTLS\nS $T NO no",
		"STARTTLS refused with BAD":        "S * OK [CAPABILITY IMAP4rev1 STARTTLS] x\nC STARTTLS\nS $T BAD no",
		"a go-ahead instead":               "S * OK x\nC STARTTLS\nS + go",
		"PREAUTH":                          "S * PREAUTH x",
		"an answer that was sent before":   "W \"* OK x\\r\\nA1 OK begin\\r\\n\"",
		"another tag":                      "S * OK x\nC STARTTLS\nS A1 OK begin",
		"bytes behind the answer":          "S * OK x\nC STARTTLS\nW \"$T OK begin\\r\\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\\r\\n\"",
		"a folder list before the answer":  "S * OK x\nC STARTTLS\nW \"* LIST () NIL x\\r\\n$T OK begin\\r\\n\"",
		"BYE":                              "S * OK x\nC STARTTLS\nS * BYE no",
		"a referral":                       "S * OK [REFERRAL imap://evil/] x\nC STARTTLS\nS $T NO [REFERRAL imap://evil/] go there",
		"cleartext though it was accepted": "S * OK x\nC STARTTLS\nS $T OK begin\nR 5\nS * OK hello again, no TLS here",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			s, script, err := dialScript(discard{t}, text, func(o *imap.Options) {
				o.Endpoint.Security, o.Endpoint.AllowCleartext = migration.StartTLS, false
			})
			if err == nil || s != nil {
				t.Error("signed in")
			}
			_ = script.conn.Close()
			<-script.done
			if heard := script.heard.String(); strings.Contains(heard, "canary") || strings.Contains(heard, "AUTH") || strings.Contains(heard, "LOGIN") {
				t.Errorf("the credential left: %q", heard)
			}
		})
	}
}

func TestStartTLSForgetsWhatWasSaidBefore(t *testing.T) {
	good, goodPEM, _ := certificate(t, "imap.example.org", time.Hour)
	client, server := wire(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		plain := &script{conn: server, lines: nil, done: make(chan struct{})}
		_, _ = server.Write([]byte("* OK [CAPABILITY IMAP4rev1 AUTH=EVIL LOGINDISABLED] x\r\n"))
		line := make([]byte, 100)
		n, _ := server.Read(line)
		tag, _, _ := strings.Cut(string(line[:n]), " ")
		if len(tag) != 16 {
			t.Errorf("tag %q", tag)
		}
		_, _ = server.Write([]byte(tag + " OK begin\r\n"))
		plain.conn = tls.Server(server, &tls.Config{Certificates: []tls.Certificate{good}})
		plain.lines = strings.Split("C CAPABILITY\nS * CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\nS $T OK\nC AUTHENTICATE PLAIN AGNhbmFyeS11c2VyAGNhbmFyeS1zM2NyZXQ=\nS $T OK [CAPABILITY IMAP4rev1] x", "\n")
		plain.run(t)
	}()
	s, other, err := dialScript(discard{t}, "X", func(o *imap.Options) {
		o.Endpoint.Security, o.Endpoint.AllowCleartext, o.Endpoint.CA = migration.StartTLS, false, goodPEM
		o.Dial = func(context.Context, string, string) (net.Conn, error) { return client, nil }
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	<-done
	_ = other.conn.Close()
	<-other.done
}

func TestCleartextNeedsLeave(t *testing.T) {
	_, script, err := dialScript(discard{t}, greeted(""), func(o *imap.Options) { o.Endpoint.AllowCleartext = false })
	wantFault(t, err, migration.Login, migration.CodePolicy)
	_ = script.conn.Close()
	<-script.done
}

func TestAddressesThatAreNoServers(t *testing.T) {
	for _, host := range []string{"0.0.0.0", "169.254.169.254", "224.0.0.1", "255.255.255.255", "::", "fe80::1", "::ffff:169.254.1.1", "127.0.0.1"} {
		_, err := imap.Dial(t.Context(), imap.Options{RefuseLoopback: true, Endpoint: migration.Endpoint{Host: host, Port: 143, Security: migration.Cleartext, AllowCleartext: true}})
		wantFault(t, err, migration.Stop, migration.CodePolicy)
	}
}

func TestAServerThatDoesNotAnswerInTLSIsToldAsOne(t *testing.T) {
	_, script, err := dialScript(t, "", func(o *imap.Options) {
		o.Endpoint.Security, o.Timeouts.Dial = migration.Implicit, time.Millisecond
	})
	wantFault(t, err, migration.Again, migration.CodeTLS)
	if err == nil || !strings.Contains(err.Error(), "the server did not answer in time") {
		t.Error(err)
	}
	_ = script.conn.Close()
	<-script.done
}

func TestAServerThatDoesNotGreetIsToldAsOne(t *testing.T) {
	for _, security := range []migration.Security{migration.StartTLS, migration.Cleartext} {
		_, script, err := dialScript(t, "", func(o *imap.Options) {
			o.Endpoint.Security, o.Timeouts.Greeting = security, time.Millisecond
		})
		wantFault(t, err, migration.Again, migration.CodeTimeout)
		if fault := migration.FaultOf(err); fault == nil || !strings.Contains(err.Error(), "no greeting within 0.001 s") || !strings.Contains(fault.Remedy, "Then try imaps://") {
			t.Errorf("%s: %v, %+v", security, err, fault)
		}
		_ = script.conn.Close()
		<-script.done
	}
}
