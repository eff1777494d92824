package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/relay"
	"github.com/mailhaul/mailhaul/internal/report"
)

// surveyed is a source of many mailboxes, and what is said of it.
type surveyed struct {
	*testing.T
	server *imapfake.Server
	url    string
	file   string
	dir    string
}

// newSurveyed makes a source with so many mailboxes, of which the n-th holds n messages
// of letterSize bytes.
func newSurveyed(t *testing.T, mailboxes int, options imapfake.Options) *surveyed {
	t.Helper()
	s := &surveyed{T: t, server: imapfake.New(options), dir: t.TempDir()}
	t.Cleanup(s.server.Close)
	rows := "EmailAddress,UserName,Password\n"
	for n := range mailboxes {
		user := person(n)
		box := s.server.AddUser(user, testPassword)
		for i := range n {
			box.Deliver([]string{"INBOX", "INBOX", "Work"}[i%3], letterOf(letterSize, i), time.Unix(1e9, 0))
		}
		rows += fmt.Sprintf("%s,%s,%s\n", user, user, testPassword)
	}
	address, err := s.server.Listen()
	if err != nil {
		t.Fatal(err)
	}
	s.url, s.file = "imap+plain://"+address, filepath.Join(s.dir, "mailboxes.csv")
	if err := os.WriteFile(s.file, []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// letterSize is what each message takes.
const letterSize = 100

// letterOf is a message of so many bytes.
func letterOf(size, n int) []byte {
	head := fmt.Sprintf("Subject: %d\r\n\r\n", n)
	return []byte(head + strings.Repeat("x", size-len(head)-2) + "\r\n")
}

// count surveys all, and gives what was found.
func (s *surveyed) count(status int, more ...string) report.Survey {
	s.Helper()
	args := append([]string{"survey", "--csv", s.file, "--source", s.url, "--allow-cleartext", "--json"}, more...)
	got := execute(s.T, args...)
	got.want(s.T, status)
	var found report.Survey
	if err := json.Unmarshal([]byte(got.out), &found); err != nil {
		s.Fatalf("%v in %s%s", err, got.out, got.err)
	}
	return found
}

func TestASurveyOfFiveHundredMailboxesTakesAtMostFourRoundTripsEach(t *testing.T) {
	t.Parallel()
	const mailboxes, tlsAndFarewell = 500, 2 // which a mailbox's own count leaves out
	ca, err := imapfake.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := ca.Issue("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	s := newSurveyed(t, mailboxes, imapfake.Options{Personality: imapfake.Dovecot()})
	address, err := s.server.ListenTLS(certificate)
	if err != nil {
		t.Fatal(err)
	}
	line, err := relay.Listen(address, relay.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer line.Close()
	authority := filepath.Join(s.dir, "ca.pem")
	if err := os.WriteFile(authority, ca.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	s.url = "imaps://" + line.Addr()
	found := s.count(exitDone, "--source-ca", authority, "--workers", "16")
	stats := line.Stats()
	// The relay counts TLS and the farewell too, and what our own client does not know of:
	// also the end of TLS where it follows the answer to the farewell, for which nobody
	// waits. It comes rarely. One connection only looks whether the server is there.
	perMailbox := float64(stats.Turns-3) / mailboxes
	t.Logf("%d turns, %.3f for each of %d mailboxes, %d connections, %d round trips of IMAP at most", stats.Turns, perMailbox, mailboxes, stats.Connections, mostRoundTrips(found))
	if most := mostRoundTrips(found); most < 1 || most+tlsAndFarewell > 4 {
		t.Errorf("a mailbox took %d round trips, and %d more for TLS and farewell", most, tlsAndFarewell)
	}
	if perMailbox > 4.04 || stats.Connections > mailboxes+1 {
		t.Errorf("%.2f turns for each mailbox, %d connections", perMailbox, stats.Connections)
	}
	if s.server.Counts().MaxOpen > 16*3/2 { // some have said farewell and are about to end
		t.Errorf("%d connections at a time with 16 workers", s.server.Counts().MaxOpen)
	}
	sum := found.Summary
	want := int64(mailboxes * (mailboxes - 1) / 2)
	if sum.Counted != mailboxes || sum.Sized != mailboxes || sum.Empty != 1 || sum.Messages.Total != want || sum.Bytes.Total != want*letterSize {
		t.Errorf("%+v", sum)
	}
	if sum.Messages.Median != 249 || sum.Messages.P95 != 474 || sum.Messages.Largest != 499 || len(sum.Biggest) != 10 || sum.Biggest[0].EmailAddress != person(499) {
		t.Errorf("%+v", sum)
	}
}

func mostRoundTrips(found report.Survey) (most int64) {
	for _, m := range found.Mailboxes {
		most = max(most, m.RoundTrips)
	}
	return most
}

func TestASurveyAsksForSizesWhereTheServerDoesNotTellThem(t *testing.T) {
	s := newSurveyed(t, 7, imapfake.Options{Personality: imapfake.Courier()})
	without := s.count(exitDone)
	if sum := without.Summary; sum.Sized != 0 || sum.Messages.Total != 21 || without.Mailboxes[6].Bytes != nil || without.Mailboxes[6].LargestFolder != "INBOX" {
		t.Errorf("without --sizes: %+v", sum)
	}
	execute(t, "survey", "--csv", s.file, "--source", s.url, "--allow-cleartext").want(t, exitDone, "does not tell the bytes of 7 mailboxes", "--sizes")
	s.server.User(person(2)).Deliver("Work", letterOf(54_321, 0), time.Unix(1e9, 0))
	found := s.count(exitDone, "--sizes")
	if sum := found.Summary; sum.Sized != 7 || sum.Messages.Total != 22 || sum.Bytes.Total != 21*letterSize+54_321 || sum.LargestMessage == nil || *sum.LargestMessage != 54_321 {
		t.Errorf("with --sizes: %+v", sum)
	}
	if m := found.Mailboxes[2]; m.LargestFolder != "Work" || *m.LargestFolderBytes != 54_321 || *m.Bytes != 2*letterSize+54_321 {
		t.Errorf("the mailbox with a large message: %+v", m)
	}
}

func TestASurveyCountsWhatCopyTakes(t *testing.T) {
	s := newSurveyed(t, 4, imapfake.Options{Personality: imapfake.Dovecot()})
	s.server.User(person(3)).Deliver("Archive.2001", letterOf(5000, 1), time.Unix(1e9, 0))
	found := s.count(exitDone, "--exclude", "Work", "--exclude", "Archive")
	if m := found.Mailboxes[3]; m.Messages != 2 || *m.Bytes != 2*letterSize || m.LeftOut < 2 {
		t.Errorf("%+v", m)
	}
	found = s.count(exitDone, "--include", "Work")
	if m := found.Mailboxes[3]; m.Messages != 1 || m.Folders != 1 {
		t.Errorf("%+v", m)
	}
	if m := found.Mailboxes[1]; m.Status != report.Empty || m.Code != migration.CodeFolderRules || m.Remedy == "" {
		t.Errorf("a mailbox of which the rules leave nothing: %+v", m)
	}
}

func TestASurveyCountsAMessageWithSeveralLabelsOnce(t *testing.T) {
	s := newSurveyed(t, 1, imapfake.Options{Personality: imapfake.Gmail()})
	box := s.server.User(person(0))
	for i := range 4 {
		box.DeliverLabelled(letterOf(letterSize, i), time.Unix(1e9, 0), []string{`\Inbox`, "Work"})
	}
	once, copies := s.count(exitDone, "--sizes").Mailboxes[0], s.count(exitDone, "--sizes", "--labels", "copies").Mailboxes[0]
	if once.Messages != 4 || *once.Bytes != 4*letterSize || copies.Messages <= 4 {
		t.Errorf("once: %+v\ncopies: %+v", once, copies)
	}
}

func TestASurveyTellsWhyAMailboxWasNotCountedAndGoesOn(t *testing.T) {
	s := newSurveyed(t, 6, imapfake.Options{Personality: imapfake.Dovecot(), Faults: []imapfake.Rule{
		{User: person(4), Command: "LIST", Do: imapfake.Action{Kind: imapfake.Answer, Text: "NO [CONTACTADMIN] " + testPassword + " is disabled"}}}})
	s.server.AddUser("stranger", "another")
	rows, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(rows) + "stranger@example.org,stranger," + testPassword + "\n"
	if err := os.WriteFile(s.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.dir, "survey.csv")
	got := execute(t, "survey", "--csv", s.file, "--source", s.url, "--allow-cleartext", "--output", path)
	got.want(t, exitLogin, "7 mailboxes: 5 counted, 1 of them empty, 2 failed", "stranger@example.org: signing in", "what to do", "holds no message")
	written, err := os.ReadFile(path)
	if err != nil || strings.Contains(string(written), testPassword) {
		t.Errorf("%v, or the password is in\n%s", err, written)
	}
	sizes, uncounted, err := report.ReadSurvey(strings.NewReader(string(written)))
	if err != nil || uncounted != 2 || len(sizes) != 5 || sizes[3] != (migration.MailboxSize{Messages: 3, Bytes: 3 * letterSize}) {
		t.Errorf("%+v, %d not counted, %v", sizes, uncounted, err)
	}
}

func TestAPauseThatAServerAsksForIsKeptByAllMailboxes(t *testing.T) {
	s := newSurveyed(t, 20, imapfake.Options{Personality: imapfake.Dovecot(), Faults: []imapfake.Rule{
		{Command: "LIST", First: 3, Do: imapfake.Action{Kind: imapfake.Answer, Text: "NO Request is throttled. Suggested Backoff Time: 700 milliseconds"}}}})
	begun := time.Now()
	found := s.count(exitDone, "--workers", "2")
	if took := time.Since(begun); took < 700*time.Millisecond || found.Summary.Counted != 20 {
		t.Errorf("after %v: %+v", took, found.Summary)
	}
	if n := s.server.Counts().Commands["LIST"]; n != 23 {
		t.Errorf("LIST was sent %d times for 20 mailboxes of which 3 were refused once", n)
	}
}

func TestASurveySignsInAsAnAdministratorAndNeedsNoPasswords(t *testing.T) {
	ca, err := imapfake.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := ca.Issue("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	s := newSurveyed(t, 3, imapfake.Options{Personality: imapfake.Dovecot(), Masters: map[string]string{"root": mastersPassword}})
	address, err := s.server.ListenTLS(certificate)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) string {
		path := filepath.Join(s.dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	s.file = write("plain.csv", "EmailAddress\n"+person(0)+"\n"+person(1)+"\n"+person(2)+"\n")
	s.url = "imaps://" + address
	admin := []string{"--source-ca", write("ca.pem", string(ca.PEM())), "--login", "master", "--admin-user", "root", "--admin-password-file", write("admin", mastersPassword)}
	if found := s.count(exitDone, admin...); found.Summary.Messages.Total != 3 {
		t.Errorf("%+v", found.Summary)
	}
	args := append([]string{"survey", "--csv", s.file, "--source", s.url}, admin[:2]...)
	execute(t, append(args, "--login", "master", "--admin-password-file", filepath.Join(s.dir, "admin"))...).want(t, exitUsage, "--admin-user")
}

func TestASurveyOfOneMailboxEndsWithItsError(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	b.deliver("INBOX", 3)
	one := []string{"survey", "--allow-cleartext", "--source", "imap+plain://anna@" + b.sourceAddr, "--source-password-file"}
	execute(t, append(one, filepath.Join(b.dir, "password"))...).want(t, exitDone, "anna", "INBOX")
	execute(t, append(one, b.write("wrong", "wrong"))...).want(t, exitLogin, "signing in", "what to do")
	execute(t, append(one, b.write("right", testPassword), "--workers", "3")...).want(t, exitUsage, "--workers", "--csv")
}
