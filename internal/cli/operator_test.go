package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// secured listens with a certificate that nobody knows.
func (b *bench) secured() (address string, ca *imapfake.CA) {
	b.t.Helper()
	ca, err := imapfake.NewCA()
	if err != nil {
		b.t.Fatal(err)
	}
	certificate, err := ca.Issue("127.0.0.1")
	if err != nil {
		b.t.Fatal(err)
	}
	if address, err = b.source.ListenTLS(certificate); err != nil {
		b.t.Fatal(err)
	}
	return address, ca
}

func TestAWrongCertificateIsNoRefusedSignIn(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	address, ca := b.secured()
	password := filepath.Join(b.dir, "password")
	test := []string{"endpoint", "test", "--password-file", password, "imaps://anna@" + address}
	refused := execute(t, test...)
	refused.want(t, exitConnection, "FAIL tls", "with --ca FILE.", "trust its key: --pin ")
	if strings.Contains(refused.out, "--source-pin") {
		t.Errorf("a flag is named that the command has not: %s", refused.out)
	}
	execute(t, append(b.addressed("copy"), "--source", "imaps://anna@"+address)...).want(t, exitConnection, "with --source-ca FILE.", "--source-pin ")
	execute(t, append(test, "--ca", b.write("ca.pem", string(ca.PEM())))...).want(t, exitDone, "1 folder")
}

func TestBadFilesAreToldBeforeAnythingStarts(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	b.deliver("INBOX", 2)
	address, _ := b.secured()
	text := b.write("text", "not what was meant\n")
	password := filepath.Join(b.dir, "password")
	for name, test := range map[string]struct {
		args []string
		text string
	}{
		"no authority in the CA file":     {[]string{"endpoint", "test", "--ca", text, "imaps://" + address}, "--ca: "},
		"a pin that is none":              {[]string{"endpoint", "test", "--pin", "abc", "imaps://" + address}, "--pin: "},
		"no password file":                {[]string{"endpoint", "test", "--password-file", text + "x", "imaps://a@" + address}, "mailhaul: --password-file: "},
		"no address":                      {[]string{"endpoint", "test", "imap:nonsense"}, "URL: "},
		"a directory as ledger":           {append(b.addressed("copy"), "--ledger", b.dir), "not a ledger"},
		"a text as ledger":                {append(b.addressed("verify"), "--ledger", text), "not a ledger"},
		"a file as report directory":      {append(b.addressed("copy"), "--report", text), "--report: "},
		"a report of a dry run":           {append(b.addressed("copy"), "--dry-run", "--report", b.dir), "--dry-run"},
		"a dry run that verifies":         {append(b.addressed("copy"), "--dry-run", "--verify", "all"), "--dry-run"},
		"errors over the migration file":  {[]string{"csv", "check", "--errors", filepath.Join(b.dir, ".", "text"), text}, "itself"},
		"the target's address is missing": {[]string{"copy", "--allow-cleartext", "--source", "imap+plain://a@h", "--source-password-file", password}, "--target is missing"},
	} {
		t.Run(name, func(t *testing.T) { execute(t, test.args...).want(t, exitUsage, test.text) })
	}
	if got := b.to.Len("INBOX"); got != 0 {
		t.Errorf("%d messages were copied", got)
	}
	if got, _ := os.ReadFile(text); string(got) != "not what was meant\n" {
		t.Errorf("the file was changed: %q", got)
	}
}

func TestAnEmptyPasswordIsNotTried(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	t.Setenv("MAILHAUL_SERVER_PASSWORD", "")
	execute(t, "endpoint", "test", "--allow-cleartext", "imap+plain://anna@"+b.sourceAddr).want(t, exitUsage, "no password for the server")
}

func TestTheWrongKindOfTLSIsNamed(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	execute(t, "endpoint", "test", "imaps://"+b.sourceAddr).want(t, exitConnection, "FAIL tls", "does not speak TLS here: try imap://")
}

func TestALedgerInUseIsToldWithWhoHasIt(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	m := &mover{flags: &moveFlags{ledger: filepath.Join(b.dir, "ledger.db")}, streams: Streams{Err: io.Discard}}
	_, release, err := m.openLedger(t.Context(), true, "")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	execute(t, b.addressed("copy")...).want(t, exitInternal, "in use", fmt.Sprint(os.Getpid()), "what to do")
}

func TestAMailboxIsNotCopiedOntoItself(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	port := b.sourceAddr[strings.LastIndexByte(b.sourceAddr, ':'):]
	for _, pair := range [][2]string{
		{"imap+plain://anna@127.0.0.1" + port, "imap+plain://ANNA@127.0.0.1" + port},
		{"imap+plain://anna@localhost" + port, "imap+plain://anna@127.0.0.1" + port},
		{"imaps://anna@mail.example.org", "imap://anna@Mail.Example.org."},
	} {
		execute(t, append(b.addressed("copy"), "--source", pair[0], "--target", pair[1])...).want(t, exitUsage, "the same mailbox")
	}
	file := b.write("self.csv", "EmailAddress,UserName,Password,TargetUserName,TargetPassword\na@example.org,anna,x1,Anna,x2\n")
	execute(t, "copy", "--csv", file, "--allow-cleartext", "--source", "imap+plain://"+b.sourceAddr, "--target", "imap+plain://"+b.sourceAddr).
		want(t, exitUsage, "row 2", "the same mailbox")
	file = b.write("twice.csv", "EmailAddress,UserName,Password,TargetUserName,TargetPassword\na@example.org,a,x1,anna,x2\nb@example.org,b,x1,Anna,x2\n")
	execute(t, "copy", "--csv", file, "--allow-cleartext", "--source", "imap+plain://"+b.sourceAddr, "--target", "imap+plain://"+b.targetAddr).
		want(t, exitUsage, "Rows 2 and 3", "the same mailbox")
}

func TestProblemsOfAFileHaveCodesAndSeverities(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	file := b.write("bad.csv", "EmailAddress,UserName,Password\n,a,geheim\nb@example.org,b,********\n")
	execute(t, "csv", "check", file).want(t, exitUsage, "row 2, EmailAddress: The EmailAddress is empty. ", "[csv-no-address]", "row 3, Password: warning: ", "[csv-placeholder]")
	execute(t, "csv", "check", b.write("empty.csv", "")).want(t, exitUsage, "Upload file can't be empty. Name the file")
	good := execute(t, "csv", "check", "--json", b.write("good.csv", "EmailAddress,UserName,Password,TargetPassword\na@example.org,a,geheim,geheim2\n"))
	good.want(t, exitDone, `"problems": []`)
}

// fleet is a migration file of a good mailbox, one with a wrong password and
// another good one.
func (b *bench) fleet() []string {
	rows := "EmailAddress,UserName,Password,TargetPassword\n"
	for _, user := range []string{"first", "second", "third"} {
		address := user + "@example.org"
		from := b.source.AddUser(address, testPassword)
		b.target.AddUser(address, testPassword)
		from.Deliver("INBOX", []byte("Subject: "+user+"\r\n\r\nx\r\n"), time.Unix(1e9, 0))
		password := testPassword
		if user == "second" {
			password = "not-the-one"
		}
		rows += fmt.Sprintf("%s,%s,%s,%s\n", address, address, password, testPassword)
	}
	return []string{"--csv", b.write("fleet.csv", rows), "--allow-cleartext", "--ledger", filepath.Join(b.dir, "ledger.db"),
		"--source", "imap+plain://" + b.sourceAddr, "--target", "imap+plain://" + b.targetAddr}
}

func TestADryRunTellsWhichMailboxesWouldFail(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	flags := append(b.fleet(), "--dry-run")
	execute(t, append([]string{"copy"}, flags...)...).want(t, exitLogin, "second@example.org: source: signing in", "what to do")
	got := execute(t, append([]string{"copy", "--json"}, flags...)...)
	got.want(t, exitLogin)
	var plan struct {
		Plan   []planFolder
		Errors []planError
	}
	if err := json.Unmarshal([]byte(got.out), &plan); err != nil || len(plan.Plan) != 2 || len(plan.Errors) != 1 || plan.Errors[0].Code != migration.CodeLogin {
		t.Errorf("%v in %s", err, got.out)
	}
}

func TestAVerificationThatDidNotHappenIsNotCalledEqual(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	flags := b.fleet()
	execute(t, append([]string{"copy"}, flags...)...).want(t, exitLogin)
	got := execute(t, append([]string{"verify"}, flags...)...)
	got.want(t, exitLogin, "second@example.org: not verified to the end", "third@example.org: 1 folder, 1 message equal")
	if strings.Contains(got.out, "second@example.org: 0 folders") {
		t.Errorf("it was counted: %s", got.out)
	}
	execute(t, append([]string{"verify", "--json"}, flags...)...).want(t, exitLogin, `"complete": false`, `"lines": []`)
}

// TestVerifyNamesEachKindOfDifference: the seeds of bar R8, one by one.
func TestVerifyNamesEachKindOfDifference(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	b.deliver("INBOX", 10)
	execute(t, b.addressed("copy")...).want(t, exitDone)
	at := b.to.Messages("INBOX")
	by := map[string]imapfake.Message{}
	for _, m := range at {
		by[strings.Fields(string(m.Raw))[2]] = m
	}
	for _, err := range []error{
		b.to.Expunge("INBOX", by["0"].UID),
		b.to.SetRaw("INBOX", by["2"].UID, by["2"].Raw[:len(by["2"].Raw)-9]),
		b.to.SetRaw("INBOX", by["3"].UID, bytes.Replace(by["3"].Raw, []byte("Subject"), []byte("SUBJECT"), 1)),
		b.to.SetDate("INBOX", by["4"].UID, time.Unix(1e9+60, 0)),
		b.to.SetFlags("INBOX", by["5"].UID),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	double := b.to.Deliver("INBOX", by["1"].Raw, by["1"].Date, `\Seen`)
	execute(t, b.addressed("verify")...).want(t, exitDifferences, "6 differences",
		"+ INBOX uid 1: ", fmt.Sprintf("- INBOX uid %d: is a second copy", double), "* INBOX uid 3: the bytes", "* INBOX uid 4: the bytes",
		"* INBOX uid 5: INTERNALDATE", `* INBOX uid 6: flags are (\Seen) at the source and () at the target`)
	reports := filepath.Join(b.dir, "report")
	copied := execute(t, b.addressed("copy", "--verify", "all", "--report", reports, "--json")...)
	copied.want(t, exitDifferences, `"differences": 6`)
	rows, err := os.ReadFile(filepath.Join(reports, "MigrationErrors.csv"))
	if n := strings.Count(string(rows), migration.CodeDifference); err != nil || n != 6 {
		t.Errorf("%d of 6 differences in %s (%v)", n, rows, err)
	}
}

func TestAFullMailboxIsNoInternalError(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	b.deliver("INBOX", 20)
	b.to.SetQuota(10)
	b.deliver("Work", 5)
	reports := filepath.Join(b.dir, "report")
	execute(t, b.addressed("copy", "--connections", "1", "--report", reports)...).want(t, exitSkipped, "quota", "what to do", "anna: 25 messages were not reached")
	rows, err := os.ReadFile(filepath.Join(reports, "MigrationErrors.csv"))
	if err != nil || !strings.Contains(string(rows), ",25\r\n") {
		t.Errorf("the row does not tell what was not reached: %s (%v)", rows, err)
	}
}

func TestAnInterruptedFleetSaysHowToGoOn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stop := imapfake.Rule{Command: "APPEND", Message: func(imapfake.Arrival) bool { cancel(); return false }}
	b := newBench(t, imapfake.Options{}, imapfake.Options{Faults: []imapfake.Rule{stop}})
	flags := append(b.fleet(), "--workers", "1")
	for i, verb := range []string{"copy", "verify", "copy"} { // the later ones are stopped before they begin
		var out, errs bytes.Buffer
		status := Run(ctx, append([]string{verb}, flags...), Streams{In: strings.NewReader(""), Out: &out, Err: &errs})
		output{status, out.String(), errs.String()}.want(t, exitInterrupted, "mailhaul: ", "Run the same command again")
		if i == 0 && strings.Count(out.String(), "Queued") < 2 {
			t.Errorf("mailboxes that were never begun are not queued:\n%s", out.String())
		}
	}
	execute(t, append([]string{"copy"}, flags...)...).want(t, exitLogin, "3 mailboxes")
	for _, user := range []string{"first", "third"} {
		if n := b.target.User(user + "@example.org").Len("INBOX"); n != 1 {
			t.Errorf("%s has %d messages, want 1", user, n)
		}
	}
}

func TestTheWorstOfSeveralStatusesCounts(t *testing.T) {
	for _, test := range []struct{ a, b, want int }{
		{exitDone, exitSkipped, exitSkipped}, {exitLogin, exitSkipped, exitLogin}, {exitInternal, exitSkipped, exitInternal},
		{exitDifferences, exitInternal, exitInternal}, {exitInterrupted, exitInternal, exitInterrupted},
	} {
		if got := worse(test.a, test.b); got != test.want {
			t.Errorf("of %d and %d: %d, want %d", test.a, test.b, got, test.want)
		}
		if got := worse(test.b, test.a); got != test.want {
			t.Errorf("of %d and %d: %d, want %d", test.b, test.a, got, test.want)
		}
	}
}
