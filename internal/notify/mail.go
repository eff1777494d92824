package notify

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/report"
	"github.com/mailhaul/mailhaul/internal/secret"
)

// Dial opens a line. Who gives one decides which addresses may be reached.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// MailServer is the server that takes reports for delivery.
type MailServer struct {
	Host string
	// Port is 465 for implicit TLS and 587 otherwise when it is 0.
	Port int
	// Security is implicit when it is empty. Cleartext only with
	// AllowCleartext, and without a password.
	Security       migration.Security
	AllowCleartext bool
	// Roots replace the system's certificate authorities.
	Roots *x509.CertPool
	// User and Password sign in; none when User is empty.
	User     string
	Password secret.Text
	// From is the address reports come from.
	From string
	// Hello is the name the server is greeted with; empty is the domain of From.
	Hello string
	// Dial is a plain dialler when it is nil.
	Dial Dial
	// Timeout is for each of connecting and sending; 0 is 1 min.
	Timeout time.Duration
}

// Check says what is wrong with it.
func (m *MailServer) Check() error {
	switch {
	case m.Host == "":
		return errors.New("the name of the server is missing")
	case m.Port < 0 || m.Port > 65535:
		return fmt.Errorf("port %d is none", m.Port)
	case !isAddress(m.From):
		return errors.New("the sender is no e-mail address")
	case (m.User == "") != m.Password.Empty():
		return errors.New("of user name and password one is missing")
	}
	switch m.security() {
	case migration.Implicit, migration.StartTLS:
		return nil
	case migration.Cleartext:
		if !m.AllowCleartext {
			return errors.New("clear text must be allowed explicitly")
		}
		if m.User != "" {
			return errors.New("a password is only sent over TLS")
		}
		return nil
	default:
		return fmt.Errorf("security %q is none of implicit, starttls and none", m.Security)
	}
}

func (m *MailServer) security() migration.Security { return cmp.Or(m.Security, migration.Implicit) }

func (m *MailServer) port() int {
	if m.Port != 0 {
		return m.Port
	}
	if m.security() == migration.Implicit {
		return 465
	}
	return 587
}

func (m *MailServer) domain() string { return m.From[strings.LastIndexByte(m.From, '@')+1:] }

// send delivers a notice to all it names, as one message.
func (m *MailServer) send(ctx context.Context, n migration.Notice, f facts, p parts) error {
	message, err := m.message(n, f, p)
	if err != nil {
		return err
	}
	return m.hand(ctx, message)
}

// hand gives a message to the server.
func (m *MailServer) hand(ctx context.Context, message *mail.Msg) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client, err := m.client(ctx)
	if err != nil {
		return fmt.Errorf("setting up the mail client: %w", err)
	}
	where := m.where()
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return fmt.Errorf("signing in to %s: %w", where, withoutEcho(err))
	}
	err = client.SendWithSMTPClient(session, message)
	_ = client.CloseWithSMTPClient(session) // what it says to QUIT is of no interest
	if err != nil && !message.IsDelivered() {
		return fmt.Errorf("sending through %s: %w", where, err)
	}
	// After its OK to the message, what the server says to RSET is of none either.
	return nil
}

func (m *MailServer) where() string { return net.JoinHostPort(m.Host, strconv.Itoa(m.port())) }

// refusal is a server's answer of which only the number is kept.
type refusal struct{ code int }

func (r *refusal) Error() string { return fmt.Sprintf("the server refused with status %d", r.code) }

// errNoSMTP: whoever listens speaks something else, which is nobody's business.
var errNoSMTP = errors.New("what answers there does not speak SMTP")

// withoutEcho leaves of what a server said before it was signed in to nothing but
// the number: some repeat what they were told.
func withoutEcho(err error) error {
	var answer *textproto.Error
	if errors.As(err, &answer) {
		return &refusal{answer.Code}
	}
	var other textproto.ProtocolError
	if errors.As(err, &other) {
		return errNoSMTP
	}
	return err
}

// client makes a client whose line ends with the context: the library leaves it open
// when signing in fails.
func (m *MailServer) client(ctx context.Context) (*mail.Client, error) {
	// The library joins host and port without the brackets of an IPv6 address.
	address := net.JoinHostPort(m.Host, strconv.Itoa(m.port()))
	dial := func(dialling context.Context, network, _ string) (net.Conn, error) {
		line, err := m.dial(dialling, network, address)
		if err == nil {
			context.AfterFunc(ctx, func() { _ = line.Close() })
		}
		return line, err
	}
	timeout := cmp.Or(m.Timeout, time.Minute)
	options := []mail.Option{
		mail.WithPort(m.port()), mail.WithTimeout(timeout), mail.WithHELO(cmp.Or(m.Hello, m.domain())), mail.WithTLSConfig(m.tls()),
		mail.WithDialContextFunc(dial), mail.WithoutNoop(),
	}
	switch m.security() {
	case migration.Implicit:
		options = append(options, mail.WithSSL()) // the TLS itself is made by dial
	case migration.StartTLS:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	default:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	}
	if m.User != "" {
		options = append(options, mail.WithUsername(m.User), mail.WithPassword(m.Password.Reveal()),
			mail.WithOpportunisticSMTPAuth(mail.SMTPAuthSCRAMSHA256PLUS, mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthPlain, mail.SMTPAuthLogin))
	}
	return mail.NewClient(m.Host, options...)
}

func (m *MailServer) tls() *tls.Config {
	return &tls.Config{ServerName: m.Host, RootCAs: m.Roots, MinVersion: tls.VersionTLS12}
}

// dial opens a line, with TLS on it where that is implicit.
func (m *MailServer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dial := m.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	line, err := dial(ctx, network, address)
	if err != nil || m.security() != migration.Implicit {
		return line, err
	}
	secured := tls.Client(line, m.tls())
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = line.Close()
		return nil, err
	}
	return secured, nil
}

// fromName is who the mail comes from. Owners of mailboxes have never heard of mailhaul.
func fromName(n migration.Notice) string {
	if n.Kind == Handover {
		return "Mail migration"
	}
	return "mailhaul"
}

// message is the same for each sending of a notice, except for the report of the
// moment.
func (m *MailServer) message(n migration.Notice, f facts, p parts) (*mail.Msg, error) {
	if len(n.Recipients) == 0 || len(n.Recipients) > migration.MaxRecipients+1 {
		return nil, fmt.Errorf("notice %d has %d recipients", n.ID, len(n.Recipients))
	}
	message := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := message.FromFormat(fromName(n), m.From); err != nil {
		return nil, fmt.Errorf("sender: %w", err)
	}
	for _, to := range n.Recipients {
		if !isAddress(to) {
			return nil, fmt.Errorf("recipient %q is no e-mail address", line(to))
		}
		if err := message.AddTo(to); err != nil {
			return nil, fmt.Errorf("recipient %q: %w", line(to), err)
		}
	}
	message.Subject(line(n.Subject))
	message.SetDateWithValue(f.At)
	message.SetMessageIDWithValue(delivery(n) + "@" + m.domain())
	message.SetUserAgent("mailhaul")
	// RFC 3834 section 5, and what Exchange looks at: no answers from machines.
	message.SetGenHeader("Auto-Submitted", "auto-generated")
	message.SetGenHeader("X-Auto-Response-Suppress", "All")
	message.SetBodyString(mail.TypeTextPlain, p.text)
	if len(p.html) > 0 {
		message.AddAlternativeString(mail.TypeTextHTML, string(p.html))
	}
	for _, file := range []struct {
		name string
		body []byte
	}{{report.StatisticsFile, p.statistics}, {report.ErrorsFile, p.errors}} {
		if len(file.body) > 0 {
			message.AttachReadSeeker(file.name, bytes.NewReader(file.body), mail.WithFileContentType("text/csv; charset=utf-8"))
		}
	}
	return message, nil
}
