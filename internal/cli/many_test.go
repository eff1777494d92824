package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/imapfake"
)

func TestTheFirstInterruptIsAnsweredAtOnce(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	errs := &watched{want: stoppingText + "\n", come: make(chan struct{})}
	b := newBench(t, imapfake.Options{}, imapfake.Options{Hook: func(e imapfake.Event) {
		if e.Point == imapfake.BeforeCommit {
			interrupt()
			select { // the message is not finished before the text is there
			case <-errs.come:
			case <-time.After(10 * time.Second):
				t.Error("nothing was said")
			}
		}
	}})
	b.deliver("INBOX", 1)
	var out bytes.Buffer
	Run(ctx, b.addressed("copy"), Streams{In: strings.NewReader(""), Out: &out, Err: errs})
	if n := strings.Count(errs.String(), stoppingText); n != 1 {
		t.Errorf("told %d times: %s", n, errs.String())
	}
}

func TestAServerThatCannotBeReachedEndsARunOfManyBeforeTheFirst(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	flags := b.fleet()
	got := execute(t, append(append([]string{"copy"}, flags...), "--target", "imap+plain://127.0.0.1:1")...)
	got.want(t, exitConnection, "target: connecting to 127.0.0.1:1", "what to do")
	if strings.Contains(got.out+got.err, "@example.org") || strings.Count(got.err, "127.0.0.1:1:") > 2 {
		t.Errorf("it is told for mailboxes too:\n%s%s", got.out, got.err)
	}
}

func TestEqualReasonsAreToldOnce(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{Faults: []imapfake.Rule{
		{Command: "CREATE", Do: imapfake.Action{Kind: imapfake.Answer, Text: "NO [CONTACTADMIN] not today"}}}})
	rows := "EmailAddress,UserName,Password,TargetPassword\n"
	for i := range 5 {
		user := fmt.Sprintf("user%d@example.org", i)
		b.source.AddUser(user, testPassword).Create("Work")
		b.target.AddUser(user, testPassword)
		rows += fmt.Sprintf("%s,%s,%s,%s\n", user, user, testPassword, testPassword)
	}
	got := execute(t, "copy", "--csv", b.write("five.csv", rows), "--allow-cleartext", "--ledger", filepath.Join(b.dir, "ledger.db"),
		"--source", "imap+plain://"+b.sourceAddr, "--target", "imap+plain://"+b.targetAddr)
	got.want(t, exitSkipped, "5 mailboxes (user0@example.org, user1@example.org, user2@example.org and 2 more): ")
	if n := strings.Count(got.out, "not today"); n != 1 {
		t.Errorf("the reason is told %d times:\n%s", n, got.out)
	}
}

func TestSlipsOfTheCommandLineAreTold(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	execute(t, "copyy").want(t, exitUsage, `unknown command "copyy"`, "did you mean: copy")
	execute(t, "cutover", "chekc").want(t, exitUsage, `unknown command "chekc"`, "did you mean: check", "see: mailhaul cutover --help")
	execute(t, "batch", "estimat").want(t, exitUsage, "did you mean: estimate")
	execute(t, "estimate").want(t, exitUsage, "did you mean: batch estimate")
	execute(t, "help", "copyy").want(t, exitUsage, `unknown command "copyy"`, "did you mean: copy")
	execute(t, "help", "csv", "chek").want(t, exitUsage, `unknown command "chek"`)
	execute(t, "help", "csv", "check").want(t, exitDone, "tells every problem at once")
	execute(t, "--version").want(t, exitDone, "mailhaul "+version())
	execute(t, b.addressed("copy", "--skip-bad")...).want(t, exitUsage, "--skip-bad is", "--csv")
	execute(t, b.addressed("copy", "--skip-bad-rows")...).want(t, exitUsage, "--skip-bad is", "--csv")
	execute(t, b.addressed("verify", "--workers", "4")...).want(t, exitUsage, "--workers", "--csv")
}

func TestAPlanOfNothingHasNoTable(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	if got := execute(t, b.addressed("copy", "--dry-run", "--include", "Nowhere")...); strings.Contains(got.out, "goes to") {
		t.Errorf("an empty table:\n%s", got.out)
	}
}

func TestAnEndpointWithoutUserSaysThatTheSignInWasNotTested(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	port := b.sourceAddr[strings.LastIndexByte(b.sourceAddr, ':'):]
	execute(t, "endpoint", "test", "--allow-cleartext", "imap+plain://localhost"+port).want(t, exitDone, "not tested: without a user", "localhost is 127.0.0.1")
}

func TestOfAFullMailboxEveryMessageIsCounted(t *testing.T) {
	full := false
	b := newBench(t, imapfake.Options{}, imapfake.Options{Faults: []imapfake.Rule{{Command: "APPEND",
		Message: func(imapfake.Arrival) bool { return full }, Do: imapfake.Action{Kind: imapfake.Answer, Text: "NO [OVERQUOTA] full"}}}})
	b.deliver("INBOX", 4)
	b.deliver("Archive", 6)
	execute(t, b.addressed("copy")...).want(t, exitDone)
	full = true
	b.deliver("INBOX", 1)
	b.deliver("Archive", 2)
	b.deliver("Work", 5)
	got := execute(t, b.addressed("copy", "--json", "--connections", "1")...)
	var summary struct {
		Mailboxes []struct {
			Messages   struct{ Source, Copied, Present, Skipped, Gone int }
			NotReached int
		}
	}
	if err := json.Unmarshal([]byte(got.out), &summary); err != nil {
		t.Fatalf("%v in %s", err, got.out)
	}
	if m := summary.Mailboxes[0]; m.Messages.Source != 18 || m.Messages.Present != 10 || m.NotReached != 8 {
		t.Errorf("%+v, want 18 = 10 present + 8 not reached", m)
	}
}
