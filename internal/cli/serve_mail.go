package cli

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"time"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/notify"
)

// fixed are the settings that the server is started with, which nobody changes while
// it runs.
func (f *serveFlags) fixed() (fixed control.FixedSettings, err error) {
	if f.keepFixed {
		fixed.KeepCompleted = &f.keepCompleted
	}
	if f.smtp.host == "" {
		return fixed, nil
	}
	server := control.MailServer{Host: f.smtp.host, Port: f.smtp.port, Security: migration.Security(f.smtp.security), User: f.smtp.user, From: f.smtp.from, Fixed: true}
	if f.smtp.passwordFile != "" {
		if server.Password, err = readPasswordFile("smtp-password-file", f.smtp.passwordFile); err != nil {
			return fixed, err
		}
	}
	if f.smtp.caFile != "" {
		if server.CA, err = os.ReadFile(f.smtp.caFile); err != nil {
			return fixed, usageError("smtp-ca: %w", err)
		}
		if _, err := rootsOf(server.CA); err != nil {
			return fixed, usageError("smtp-ca: %s: %w", f.smtp.caFile, err)
		}
	}
	made, err := postman{}.server(server)
	if err == nil {
		err = made.Check()
	}
	if err != nil {
		return fixed, usageError("reports: mail server: %w", err)
	}
	fixed.Mail = &server
	return fixed, nil
}

// rootsOf reads authorities; without any they are the system's.
func rootsOf(pem []byte) (*x509.CertPool, error) {
	if len(pem) == 0 {
		return nil, nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("it holds no certificate in PEM form")
	}
	return pool, nil
}

// postman joins the settings of the mail server to the sending.
type postman struct {
	// dial opens lines to mail servers that an operator has named.
	dial notify.Dial
}

var _ control.Mailer = postman{}

// server is the mail server of the settings. What the server was started with may be
// anywhere.
func (p postman) server(of control.MailServer) (*notify.MailServer, error) {
	roots, err := rootsOf(of.CA)
	if err != nil {
		return nil, fmt.Errorf("the authorities of the mail server: %w", err)
	}
	server := &notify.MailServer{Host: of.Host, Port: of.Port, Security: of.Security, AllowCleartext: of.Security == migration.Cleartext, Roots: roots,
		User: of.User, Password: of.Password, From: of.From, Dial: p.dial}
	if of.Fixed {
		server.Dial = nil
	}
	return server, nil
}

// through gives the mail server of the settings in force, nil for none.
func (p postman) through(service *control.Service) func(context.Context) (*notify.MailServer, error) {
	return func(ctx context.Context) (*notify.MailServer, error) {
		settings, found, err := service.MailServer(ctx)
		if err != nil || !found {
			return nil, err
		}
		return p.server(settings)
	}
}

// probeWithin is how long a test mail may take: who asked for it waits.
const probeWithin = 40 * time.Second

// SendTest sends a mail now.
func (p postman) SendTest(ctx context.Context, settings control.MailServer, to string) error {
	ctx, cancel := context.WithTimeout(ctx, probeWithin)
	defer cancel()
	server, err := p.server(settings)
	if err != nil {
		return err
	}
	server.Timeout = probeWithin / 2
	return server.Probe(ctx, to, time.Now())
}
