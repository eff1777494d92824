package notify

import (
	"context"
	"errors"
	"iter"
	"mime"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/report"
)

// batchOf is a report of n mailboxes with one failed among them.
func batchOf(n int) report.Batch {
	return report.Batch{
		BatchRecord: migration.BatchRecord{ID: 7, Name: "sales-2026", Intent: migration.Run, Key: []byte("wrapped-key"), Counts: migration.BatchCounts{Total: n, Begun: n, Synced: n - 1, Failed: 1}},
		Source:      "imap.old.example", Target: "imap.new.example", At: happened, Mailboxes: mailboxesOf(n),
	}
}

func mailboxesOf(n int) iter.Seq2[report.BatchMailbox, error] {
	return func(yield func(report.BatchMailbox, error) bool) {
		for i := range n {
			m := migration.MailboxRecord{Address: "anna@example.org", SourceSecret: []byte("sealed-secret"),
				Facts: migration.MailboxFacts{Batch: migration.Run, Intent: migration.Run, Phase: migration.Incremental, Passes: 1}}
			if i == 0 {
				m.Address = "carla@example.org"
				m.Facts.Failed, m.Trouble = true, &migration.Trouble{Code: migration.CodeLogin, Reason: "signing in as carla: ünïcode", Remedy: "Give the right password."}
			}
			if !yield(report.BatchMailbox{MailboxRecord: m}, nil) {
				return
			}
		}
	}
}

// oneReport is the report of every batch.
type oneReport struct{ batch *report.Batch }

// gone is the mailbox that is not there any more.
const gone = "gone@example.org"

func (r oneReport) Report(context.Context, int64) (report.Batch, bool, error) {
	if r.batch == nil {
		return report.Batch{}, false, nil
	}
	return *r.batch, true, nil
}

func (r oneReport) Handover(_ context.Context, _ int64, address string) (report.Handover, bool, error) {
	return report.Handover{BatchMailbox: report.BatchMailbox{MailboxRecord: migration.MailboxRecord{Address: address, LastSynced: happened, SourceSecret: []byte("sealed-source")}}}, address != gone, nil
}

// sendWith sends the notice of an event as a Sender does.
func sendWith(t *testing.T, server *MailServer, reports Reports, event Event, to string) error {
	t.Helper()
	s, err := New(Options{Reports: reports, Mail: always(server)})
	if err != nil {
		t.Fatal(err)
	}
	n := Composer{Mail: true}.Compose(event, to)[0]
	return s.deliver(t.Context(), n)
}

func TestAMailHasTextPageAndTables(t *testing.T) {
	for _, security := range []migration.Security{migration.Implicit, migration.StartTLS} {
		t.Run(string(security), func(t *testing.T) {
			server := startSMTP(t, smtpdOptions{Mode: string(security), User: "mailhaul", Password: mailPassword})
			batch := batchOf(3)
			if err := sendWith(t, server.signedIn(security), oneReport{&batch}, events()["synced-with-errors"], "olga@example.org"); err != nil {
				t.Fatal(err)
			}
			mails := server.taken(t)
			if len(mails) != 1 {
				t.Fatalf("%d mails", len(mails))
			}
			m := mails[0]
			if m.From != "mailhaul@example.org" || strings.Join(m.To, " ") != "olga@example.org" || !m.TLS || m.User != "mailhaul" {
				t.Errorf("got %+v", m)
			}
			header := m.mail.Header
			subject, _ := new(mime.WordDecoder).DecodeHeader(header.Get("Subject"))
			if subject != `E-mail migration batch "sales-2026" has finished - with errors` || header.Get("Auto-Submitted") != "auto-generated" || !strings.HasSuffix(header.Get("Message-ID"), "@example.org>") {
				t.Errorf("got %q", header)
			}
			if date, err := header.Date(); err != nil || !date.Equal(happened) {
				t.Errorf("dated %v", date)
			}
			for part, text := range map[string]string{
				"text/plain": "carla@example.org (IncrementalFailed): signing in as carla: ünïcode", "text/html": `bgcolor="#b5402f"`,
				report.StatisticsFile: "anna@example.org,", report.ErrorsFile: "carla@example.org,,,,,,login,signing in as carla: ünïcode,Give the right password.",
			} {
				if !strings.Contains(m.parts[part], text) {
					t.Errorf("%s lacks %q: %s", part, text, m.parts[part])
				}
			}
			if len(m.parts) != 4 || !strings.Contains(m.parts["text/plain"], "Attached: MigrationStatistics.csv") {
				t.Errorf("%d parts", len(m.parts))
			}
		})
	}
}

func TestClearTextOnlyWhenAllowed(t *testing.T) {
	server := startSMTP(t, smtpdOptions{Mode: "none"})
	batch := batchOf(1)
	if err := sendWith(t, server.server(migration.Cleartext), oneReport{&batch}, events()["report"], "olga@example.org"); err != nil {
		t.Fatal(err)
	}
	// The same server, asked for TLS: nothing is sent without.
	for _, security := range []migration.Security{migration.StartTLS, migration.Implicit} {
		if err := sendWith(t, server.signedIn(security), oneReport{&batch}, events()["report"], "olga@example.org"); err == nil {
			t.Errorf("sent without %s", security)
		}
	}
	if n := len(server.taken(t)); n != 1 {
		t.Errorf("%d mails", n)
	}
}

func TestAnUnknownAuthorityGetsNothing(t *testing.T) {
	for _, security := range []migration.Security{migration.Implicit, migration.StartTLS} {
		server := startSMTP(t, smtpdOptions{Mode: string(security), User: "mailhaul", Password: mailPassword})
		m, batch := server.signedIn(security), batchOf(1)
		m.Roots = startSMTP(t, smtpdOptions{Mode: "none"}).ca.Pool()
		if err := sendWith(t, m, oneReport{&batch}, events()["report"], "olga@example.org"); err == nil || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("got %v", err)
		}
		if n := len(server.taken(t)); n != 0 {
			t.Errorf("%d mails", n)
		}
	}
}

func TestTablesThatAreTooLargeStayBehind(t *testing.T) {
	server := startSMTP(t, smtpdOptions{Mode: "starttls"})
	batch := batchOf(70_000)
	if err := sendWith(t, server.server(migration.StartTLS), oneReport{&batch}, events()["synced"], "olga@example.org"); err != nil {
		t.Fatal(err)
	}
	m := server.taken(t)[0]
	if len(m.parts) != 2 || len(m.raw) > 200_000 || !strings.Contains(m.parts["text/plain"], "too large to be attached") {
		t.Errorf("%d bytes, %d parts: %s", len(m.raw), len(m.parts), m.parts["text/plain"])
	}
}

func TestAMailOfADeletedBatchSaysSo(t *testing.T) {
	server := startSMTP(t, smtpdOptions{Mode: "starttls"})
	if err := sendWith(t, server.server(migration.StartTLS), oneReport{}, events()["completed"], "olga@example.org"); err != nil {
		t.Fatal(err)
	}
	if m := server.taken(t)[0]; len(m.parts) != 1 || !strings.Contains(m.parts["text/plain"], "has been deleted since") {
		t.Errorf("got %v", m.parts)
	}
}

func TestARefusedRecipientIsAFailure(t *testing.T) {
	server := startSMTP(t, smtpdOptions{Mode: "starttls", Refuse: []string{"gone@example.org"}})
	batch := batchOf(1)
	err := sendWith(t, server.server(migration.StartTLS), oneReport{&batch}, events()["report"], "gone@example.org")
	if err == nil || !strings.Contains(err.Error(), "no such user") || len(server.taken(t)) != 0 {
		t.Errorf("got %v", err)
	}
}

func TestWrongSettingsOfTheMailServerAreTold(t *testing.T) {
	good := (&smtpd{ca: nil, port: 25}).valid
	for want, change := range map[string]func(*MailServer){
		"name of the server": func(m *MailServer) { m.Host = "" },
		"port":               func(m *MailServer) { m.Port = 70_000 },
		"sender":             func(m *MailServer) { m.From = "mailhaul\r\nBcc: x@example.org" },
		"one is missing":     func(m *MailServer) { m.User = "" },
		"explicitly":         func(m *MailServer) { m.Security = migration.Cleartext },
		"only sent over TLS": func(m *MailServer) { m.Security, m.AllowCleartext = migration.Cleartext, true },
		"none of":            func(m *MailServer) { m.Security = "opportunistic" },
	} {
		m := good()
		change(m)
		if err := m.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", want, err)
		}
	}
	if err := good().Check(); err != nil {
		t.Error(err)
	}
}

func (s *smtpd) valid() *MailServer {
	m := &MailServer{Host: "localhost", Port: s.port, From: "mailhaul@example.org", User: "mailhaul"}
	m.Password = canarySecret
	return m
}

// scripted is a server on a line in memory that answers what it is told to.
type scripted struct {
	// answers by the first word of the command; "." is the end of the message.
	answers map[string]string
	heard   []string
}

func (s *scripted) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go s.serve(theirs)
	return ours, nil
}

func TestAMessageThatTheServerTookIsSentWhateverComesLater(t *testing.T) {
	for name, answers := range map[string]map[string]string{
		"RSET is refused": {"RSET": "500 no"}, "the line breaks at RSET": {"RSET": ""}, "QUIT is refused": {"QUIT": "500 no"}, "the line breaks at QUIT": {"QUIT": ""},
	} {
		s := &scripted{answers: answers}
		m := &MailServer{Host: "localhost", Security: migration.Cleartext, AllowCleartext: true, From: "mailhaul@example.org", Dial: s.dial, Timeout: 2 * time.Second}
		batch := batchOf(1)
		if err := sendWith(t, m, oneReport{&batch}, events()["report"], "olga@example.org"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAMessageWhoseAnswerIsLostIsTriedAgainAsTheSame(t *testing.T) {
	lost := &scripted{answers: map[string]string{".": ""}}
	batch := batchOf(1)
	m := &MailServer{Host: "localhost", Security: migration.Cleartext, AllowCleartext: true, From: "mailhaul@example.org", Dial: lost.dial, Timeout: 2 * time.Second}
	if err := sendWith(t, m, oneReport{&batch}, events()["report"], "olga@example.org"); err == nil {
		t.Fatal("an answer that was lost is taken for yes")
	}
	first := lost.header("Message-ID")
	lost.answers, lost.heard = nil, nil
	if err := sendWith(t, m, oneReport{&batch}, events()["report"], "olga@example.org"); err != nil {
		t.Fatal(err)
	}
	if again := lost.header("Message-ID"); first == "" || again != first {
		t.Errorf("the first was %s, the second %s", first, again)
	}
}

func TestAnAddressWithColonsIsDialled(t *testing.T) {
	var dialled string
	m := &MailServer{Host: "2001:db8::25", Port: 2525, Security: migration.StartTLS, From: "mailhaul@example.org", Dial: func(_ context.Context, _, address string) (net.Conn, error) {
		dialled = address
		return nil, errors.New("nobody is there")
	}}
	batch := batchOf(1)
	if err := sendWith(t, m, oneReport{&batch}, events()["report"], "olga@example.org"); err == nil || dialled != "[2001:db8::25]:2525" {
		t.Errorf("dialled %q: %v", dialled, err)
	}
}

func TestADialPolicyDecides(t *testing.T) {
	refused := errors.New("the address is not allowed")
	m := &MailServer{Host: "localhost", Security: migration.StartTLS, From: "mailhaul@example.org", Dial: func(context.Context, string, string) (net.Conn, error) { return nil, refused }}
	batch := batchOf(1)
	if err := sendWith(t, m, oneReport{&batch}, events()["report"], "olga@example.org"); !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
}
