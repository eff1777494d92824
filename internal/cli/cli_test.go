package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mailhaul/mailhaul/internal/imapfake"
)

// TestMain takes the settings of whoever runs the tests out of the way.
func TestMain(m *testing.M) {
	for _, name := range []string{"MAILHAUL_DATABASE", "MAILHAUL_TOKEN"} {
		_ = os.Unsetenv(name)
	}
	goleak.VerifyTestMain(m)
}

const testPassword = "correct-horse"

// bench is a source and a target in memory, and files for the flags.
type bench struct {
	t              *testing.T
	source, target *imapfake.Server
	from, to       *imapfake.Mailbox
	sourceAddr     string
	targetAddr     string
	dir            string
}

func newBench(t *testing.T, source, target imapfake.Options) *bench {
	t.Helper()
	b := &bench{t: t, source: imapfake.New(source), target: imapfake.New(target), dir: t.TempDir()}
	t.Cleanup(b.source.Close)
	t.Cleanup(b.target.Close)
	b.from, b.to = b.source.AddUser("anna", testPassword), b.target.AddUser("anna", testPassword)
	var err error
	if b.sourceAddr, err = b.source.Listen(); err != nil {
		t.Fatal(err)
	}
	if b.targetAddr, err = b.target.Listen(); err != nil {
		t.Fatal(err)
	}
	b.write("password", testPassword+"\n")
	return b
}

func (b *bench) write(name, text string) string {
	path := filepath.Join(b.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
	return path
}

func (b *bench) deliver(folder string, n int) {
	for i := range n {
		raw := fmt.Sprintf("Subject: message %d\r\n\r\nbody %d of %s\r\n", i, i, folder)
		b.from.Deliver(folder, []byte(raw), time.Unix(int64(1e9+i), 0), `\Seen`)
	}
}

// addressed are the flags that say where.
func (b *bench) addressed(verb string, more ...string) []string {
	password := filepath.Join(b.dir, "password")
	return append([]string{verb, "--allow-cleartext", "--ledger", filepath.Join(b.dir, "ledger.db"),
		"--source", "imap+plain://anna@" + b.sourceAddr, "--target", "imap+plain://anna@" + b.targetAddr,
		"--source-password-file", password, "--target-password-file", password}, more...)
}

// output is what a command printed and how it ended.
type output struct {
	status   int
	out, err string
}

func execute(t *testing.T, args ...string) output {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out, errs bytes.Buffer
	status := Run(ctx, args, Streams{In: strings.NewReader(""), Out: &out, Err: &errs})
	return output{status, out.String(), errs.String()}
}

// want checks the status and that the texts are in what was printed.
func (o output) want(t *testing.T, status int, texts ...string) {
	t.Helper()
	if o.status != status {
		t.Errorf("exit status %d, want %d\nout: %s\nerr: %s", o.status, status, o.out, o.err)
	}
	for _, text := range texts {
		if !strings.Contains(o.out+o.err, text) {
			t.Errorf("%q is missing in\nout: %s\nerr: %s", text, o.out, o.err)
		}
	}
	if strings.Contains(o.out+o.err, testPassword) {
		t.Errorf("the password was printed\nout: %s\nerr: %s", o.out, o.err)
	}
}

// totals reads the JSON summary.
func (o output) totals(t *testing.T) (copied, present, source int) {
	t.Helper()
	var summary struct {
		Total struct {
			Messages struct{ Source, Copied, Present, Skipped, Gone int }
		}
	}
	if err := json.Unmarshal([]byte(o.out), &summary); err != nil {
		t.Fatalf("%v in %s", err, o.out)
	}
	m := summary.Total.Messages
	return m.Copied, m.Present, m.Source
}

func TestCopyBringsEverythingOnce(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	b.deliver("INBOX", 150)
	b.deliver("Projects/2026", 20)
	b.from.Create("Empty")
	first := execute(t, b.addressed("copy", "--json")...)
	first.want(t, exitDone)
	if copied, _, source := first.totals(t); copied != 170 || source != 170 {
		t.Errorf("copied %d of %d, want 170 of 170", copied, source)
	}
	if differences := imapfake.Compare(b.from, b.to, imapfake.CompareOptions{}); len(differences) > 0 {
		t.Errorf("the target differs: %v", differences)
	}
	again := execute(t, b.addressed("copy", "--json")...)
	again.want(t, exitDone)
	if copied, present, _ := again.totals(t); copied != 0 || present != 170 {
		t.Errorf("the second run copied %d and found %d, want 0 and 170", copied, present)
	}
	execute(t, b.addressed("verify")...).want(t, exitDone, "170 messages equal", "0 differences")
}

func TestALostLedgerDoublesNothing(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	b.deliver("INBOX", 30)
	for range 3 { // equal messages are told apart by their number only
		b.from.Deliver("INBOX", []byte("Subject: same\r\n\r\nsame\r\n"), time.Unix(1e9, 0))
	}
	execute(t, b.addressed("copy")...).want(t, exitDone)
	b.from.Deliver("INBOX", []byte("Subject: same\r\n\r\nsame\r\n"), time.Unix(1e9, 0))
	if err := os.Remove(filepath.Join(b.dir, "ledger.db")); err != nil {
		t.Fatal(err)
	}
	again := execute(t, b.addressed("copy", "--json")...)
	if copied, present, _ := again.totals(t); copied != 1 || present != 33 {
		t.Errorf("copied %d and found %d, want 1 and 33", copied, present)
	}
}

func TestDryRunNamesFoldersForPeople(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	b.deliver("Entwürfe & mehr", 2)
	execute(t, b.addressed("copy")...).want(t, exitDone, "Synced")
	out := execute(t, b.addressed("copy", "--dry-run")...)
	out.want(t, exitDone, "Entwürfe & mehr")
	if strings.Contains(out.out, "&APw-") {
		t.Error(out.out)
	}
	if inbox, other := strings.Index(out.out, "INBOX"), strings.Index(out.out, "Entw"); inbox < 0 || inbox > other {
		t.Errorf("INBOX does not come first:\n%s", out.out)
	}
}

func TestDryRunWritesNothing(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	b.deliver("INBOX", 3)
	b.deliver("Work", 2)
	execute(t, b.addressed("copy", "--dry-run")...).want(t, exitDone, "Work", "(new)")
	if got := b.to.Folders(); len(got) != 1 || b.to.Len("INBOX") != 0 {
		t.Errorf("the target has folders %v and %d messages", got, b.to.Len("INBOX"))
	}
}

func TestExcludedFoldersStayBehind(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	for _, folder := range []string{"INBOX", "Spam", "Spam/Old", "Work"} {
		b.deliver(folder, 1)
	}
	execute(t, b.addressed("copy", "--exclude", "spam")...).want(t, exitDone)
	if got := strings.Join(b.to.Folders(), " "); got != "INBOX Work" {
		t.Errorf("the target has %s, want INBOX Work", got)
	}
}

func TestARefusedMessageIsNamedAndTheRestArrives(t *testing.T) {
	refuse := imapfake.Rule{Command: "APPEND", Message: func(a imapfake.Arrival) bool { return bytes.Contains(a.Raw, []byte("message 7\r")) },
		Do: imapfake.Action{Kind: imapfake.Answer, Text: "NO message contains a virus"}}
	b := newBench(t, imapfake.Options{}, imapfake.Options{Faults: []imapfake.Rule{refuse}})
	b.deliver("INBOX", 20)
	reports := filepath.Join(b.dir, "report")
	execute(t, b.addressed("copy", "--report", reports)...).want(t, exitSkipped, "message 7", "virus", "--retry-skipped")
	if got := b.to.Len("INBOX"); got != 19 {
		t.Errorf("%d messages arrived, want 19", got)
	}
	for _, name := range []string{"MigrationStatistics.csv", "MigrationErrors.csv", "report.html"} {
		if text, err := os.ReadFile(filepath.Join(reports, name)); err != nil || len(text) == 0 {
			t.Errorf("%s: %v, %d bytes", name, err, len(text))
		}
	}
}

func TestVerifyFindsWhatIsMissing(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	b.deliver("INBOX", 5)
	execute(t, b.addressed("copy")...).want(t, exitDone)
	if err := b.to.Expunge("INBOX", 3); err != nil {
		t.Fatal(err)
	}
	execute(t, b.addressed("verify")...).want(t, exitDifferences, "+ INBOX uid", "1 difference,")
}

func TestErrorsHaveTheirOwnStatusAndRemedy(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	wrong := b.write("wrong", "not-the-password\n")
	password := filepath.Join(b.dir, "password")
	source := "imap+plain://anna@" + b.sourceAddr
	for name, test := range map[string]struct {
		args   []string
		status int
		text   string
	}{
		"wrong password":          {[]string{"endpoint", "test", "--allow-cleartext", "--password-file", wrong, source}, exitLogin, "what to do"},
		"nobody listens":          {[]string{"endpoint", "test", "--allow-cleartext", "--password-file", password, "imap+plain://anna@127.0.0.1:1"}, exitConnection, "what to do"},
		"no such flag":            {[]string{"copy", "--sauce", "x"}, exitUsage, "--sauce"},
		"no source":               {[]string{"copy"}, exitUsage, "--source is missing"},
		"clear text":              {[]string{"copy", "--source", source, "--target", source}, exitUsage, "--allow-cleartext"},
		"same mailbox":            {[]string{"copy", "--allow-cleartext", "--source", source, "--target", source, "--source-password-file", password, "--target-password-file", password}, exitUsage, "the same mailbox"},
		"password in the address": {[]string{"copy", "--source", "imaps://anna:secret@host", "--target", source}, exitUsage, "holds a password"},
		"no password":             {[]string{"copy", "--allow-cleartext", "--source", source, "--target", "imap+plain://anna@" + b.targetAddr}, exitUsage, "MAILHAUL_SOURCE_PASSWORD"},
		"bad rule":                {b.addressed("copy", "--exclude", "#Nonsense#"), exitUsage, "#SentItems#"},
		"bad sample":              {b.addressed("verify", "--sample", "lots"), exitUsage, "5%"},
		"no file":                 {[]string{"csv", "check", filepath.Join(b.dir, "nothing.csv")}, exitUsage, "nothing.csv"},
		"unknown word":            {[]string{"migrate"}, exitUsage, "migrate"},
	} {
		t.Run(name, func(t *testing.T) { execute(t, test.args...).want(t, test.status, test.text) })
	}
}

func TestEveryHelpTextTellsTheExitStatuses(t *testing.T) {
	for _, words := range []string{"", "copy", "verify", "csv", "csv check", "endpoint", "endpoint test", "demo", "demo deliver", "version", "completion", "completion bash", "help"} {
		args := append(strings.Fields(words), "--help")
		execute(t, args...).want(t, exitDone, "Exit status:", "130  interrupted", "Usage:")
	}
}

func TestCopyOfAFileCopiesEveryRow(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	rows := "EmailAddress,UserName,Password,TargetPassword\n"
	for i := range 5 {
		user := fmt.Sprintf("user%d@example.org", i)
		from := b.source.AddUser(user, testPassword)
		b.target.AddUser(user, testPassword)
		from.Deliver("INBOX", []byte("Subject: x\r\n\r\nx\r\n"), time.Unix(1e9, 0))
		rows += fmt.Sprintf("%s,%s,%s,%s\n", user, user, testPassword, testPassword)
	}
	rows += "wrong@example.org,anna," + testPassword + ",other\n"
	file := b.write("mailboxes.csv", rows)
	got := execute(t, "copy", "--csv", file, "--workers", "3", "--allow-cleartext", "--ledger", filepath.Join(b.dir, "ledger.db"),
		"--source", "imap+plain://"+b.sourceAddr, "--target", "imap+plain://"+b.targetAddr)
	got.want(t, exitLogin, "6 mailboxes", "wrong@example.org", "Failed", "user4@example.org")
	for i := range 5 {
		if n := b.target.User(fmt.Sprintf("user%d@example.org", i)).Len("INBOX"); n != 1 {
			t.Errorf("user%d has %d messages, want 1", i, n)
		}
	}
}

func TestABadFileStartsNothing(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	file := b.write("mailboxes.csv", "EmailAddress,UserName,Password\nanna@example.org,anna\n")
	execute(t, "csv", "check", file).want(t, exitUsage, "Row 2 has the wrong number of columns. Expected number: 3. Actual number: 2.")
	execute(t, "copy", "--csv", file, "--allow-cleartext", "--source", "imap+plain://"+b.sourceAddr, "--target", "imap+plain://"+b.targetAddr).
		want(t, exitUsage, "nothing was started")
}

func TestAFileForAnAdministratorIsCheckedAsSuch(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	file := b.write("pilot.csv", "EmailAddress,UserName\nanna@example.org,anna\n")
	execute(t, "csv", "check", file).want(t, exitUsage, `Column "Password" is missing`, "--admin", "batch create FILE --check-only")
	execute(t, "csv", "check", "--admin", file).want(t, exitDone, "1 mailbox, 0 errors, 0 warnings")
}

func TestEveryRowWithoutAPasswordOrWithTheTargetOfAnotherIsTold(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	file := b.write("mailboxes.csv", "EmailAddress,UserName,Password,TargetUserName,TargetPassword\n"+
		"anna@example.org,anna,"+testPassword+",anna,"+testPassword+"\n"+
		"ben@example.org,ben,"+testPassword+",Anna,"+testPassword+"\n"+
		"cleo@example.org,cleo,"+testPassword+",,\ndora@example.org,dora,"+testPassword+",,\n")
	execute(t, "csv", "check", file).want(t, exitUsage, "Rows 2 and 3 go to the same mailbox at the target, Anna.", "note: 2 of 3 rows have no TargetPassword", "1 error,")
	flags := []string{"--csv", file, "--allow-cleartext", "--ledger", filepath.Join(b.dir, "ledger.db"),
		"--source", "imap+plain://" + b.sourceAddr, "--target", "imap+plain://" + b.targetAddr}
	execute(t, append([]string{"copy"}, flags...)...).want(t, exitUsage, "row 4, TargetPassword: ", "row 5, TargetPassword: ", "--target-password-file", "nothing was started")
	left := execute(t, append([]string{"copy", "--skip-bad"}, flags...)...)
	left.want(t, exitDone, "anna@example.org")
	if strings.Contains(left.out, "ben@") || strings.Contains(left.out, "dora@") {
		t.Errorf("bad rows were not left out:\n%s", left.out)
	}
}
