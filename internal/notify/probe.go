package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Probe sends a mail to an address now. When the server does not take it, the error is
// a *migration.Fault that says what it answered, without secrets, and what to do.
func (m *MailServer) Probe(ctx context.Context, to string, at time.Time) error {
	if err := m.Check(); err != nil {
		return &migration.Fault{Class: migration.Stop, Code: migration.CodeConnect, Doing: "mail server", Err: err, Remedy: "Correct the settings of the mail server."}
	}
	message, err := m.probeMessage(to, at)
	if err == nil {
		err = m.hand(ctx, message)
	}
	if err == nil {
		return nil
	}
	fault := m.explained(err)
	fault.Doing = withoutSecret(err, m.Password).Error()
	return fault
}

func (m *MailServer) probeMessage(to string, at time.Time) (*mail.Msg, error) {
	message := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := message.FromFormat("mailhaul", m.From); err != nil {
		return nil, fmt.Errorf("sender: %w", err)
	}
	if err := message.AddTo(to); err != nil {
		return nil, fmt.Errorf("recipient: %w", err)
	}
	message.Subject("Test of mailhaul's mail server")
	message.SetDateWithValue(at)
	message.SetMessageID()
	message.SetUserAgent("mailhaul")
	message.SetGenHeader("Auto-Submitted", "auto-generated")
	message.SetGenHeader("X-Auto-Response-Suppress", "All")
	message.SetBodyString(mail.TypeTextPlain, fmt.Sprintf("This mail was sent because somebody wanted to see whether mailhaul can send mail.\nIt can: reports of migration batches go through %s, and come from %s.\n", m.where(), m.From))
	return message, nil
}

// explained says what to do about an error of hand.
func (m *MailServer) explained(err error) *migration.Fault {
	fault := func(class migration.Class, code, remedy string, args ...any) *migration.Fault {
		return &migration.Fault{Class: class, Code: code, Remedy: fmt.Sprintf(remedy, args...)}
	}
	var (
		policy      *migration.Fault
		name        *net.DNSError
		certificate *tls.CertificateVerificationError
		noTLS       tls.RecordHeaderError
		refused     *refusal
		unsent      *mail.SendError
		line        net.Error
	)
	switch {
	case errors.As(err, &policy):
		return fault(policy.Class, policy.Code, "%s", policy.Remedy)
	case errors.As(err, &name):
		return fault(migration.Again, migration.CodeResolve, "Check the name of the mail server.")
	case errors.As(err, &certificate):
		return fault(migration.Stop, migration.CodeTLS, "Use the name that the server's certificate is for, or give the authority that signed it (ca).")
	case errors.As(err, &noTLS):
		return fault(migration.Stop, migration.CodeTLS, "The server does not speak TLS from the first byte at port %d: try starttls, or port 465.", m.port())
	case strings.Contains(err.Error(), "does not support STARTTLS"):
		return fault(migration.Stop, migration.CodeTLS, "The server offers no TLS at port %d: try implicit with port 465, or starttls with port 587.", m.port())
	case strings.Contains(err.Error(), "AUTH") && !errors.As(err, &refused) && m.User != "" && !errors.As(err, &unsent):
		return fault(migration.Login, migration.CodeUnsupported, "The server takes no sign-in that mailhaul knows here: try port 587 with starttls, or port 465 with implicit; or leave the user out, where it takes mail without.")
	case errors.As(err, &refused) && m.User != "":
		return fault(migration.Login, migration.CodeLogin, "Check the user name and the password at the mail server; some want a password for applications.")
	case errors.Is(err, errNoSMTP), errors.As(err, &refused):
		return fault(migration.Stop, migration.CodeGreeting, "Check host and port: mail is submitted at 587 or 465.")
	case errors.As(err, &unsent):
		return unsentRemedy(unsent, m)
	case errors.As(err, &line):
		return fault(migration.Again, migration.CodeConnect, "Check host and port, and that a firewall lets this computer through to %s.", m.where())
	default:
		return fault(migration.Again, migration.CodeLost, "The line broke: check host, port and security.")
	}
}

// unsentRemedy says what to do about a mail that a server has refused.
func unsentRemedy(unsent *mail.SendError, m *MailServer) *migration.Fault {
	fault := &migration.Fault{Class: migration.OneMessage, Code: migration.CodeRejected}
	switch unsent.Reason {
	case mail.ErrSMTPMailFrom:
		fault.Remedy = fmt.Sprintf("The server does not take mail from %s: use an address that it knows", m.From)
	case mail.ErrSMTPRcptTo:
		fault.Remedy = "The server does not take mail for this recipient: check the address"
	default:
		fault.Remedy = "The server does not take the mail: ask who runs it"
	}
	if m.User == "" {
		fault.Remedy += ", or give a user and a password, without which many servers take no mail from elsewhere"
	}
	fault.Remedy += "."
	return fault
}
