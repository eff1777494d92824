package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// shared fills the source with what an administrator sees of two people.
func (b *bench) shared() {
	b.t.Helper()
	for _, folder := range []string{"INBOX", "users/anna", "users/anna/Work", "users/ben/INBOX", "users/ben/Work", "users/annabel"} {
		b.deliver(folder, 3)
	}
}

func TestUserRootsOfOneSignInAreSeparateMailboxes(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	b.shared()
	for _, user := range []string{"anna@example.org", "ben@example.org"} {
		b.target.AddUser(user, testPassword)
	}
	file := b.write("mailboxes.csv", "EmailAddress,UserName,Password,UserRoot,TargetPassword\n"+
		"anna@example.org,anna,"+testPassword+",/users/anna,"+testPassword+"\nben@example.org,anna,"+testPassword+",users/ben,"+testPassword+"\n")
	flags := []string{"--csv", file, "--allow-cleartext", "--ledger", filepath.Join(b.dir, "ledger.db"),
		"--source", "imap+plain://" + b.sourceAddr, "--target", "imap+plain://" + b.targetAddr}
	first := execute(t, append([]string{"copy", "--json"}, flags...)...)
	first.want(t, exitDone)
	if copied, _, source := first.totals(t); copied != 12 || source != 12 {
		t.Errorf("copied %d of %d, want 12 of 12", copied, source)
	}
	for _, user := range []string{"anna@example.org", "ben@example.org"} {
		mailbox := b.target.User(user)
		if got := strings.Join(mailbox.Folders(), " "); got != "INBOX Work" || mailbox.Len("INBOX") != 3 || mailbox.Len("Work") != 3 {
			t.Errorf("%s has the folders %s with %d and %d messages", user, got, mailbox.Len("INBOX"), mailbox.Len("Work"))
		}
	}
	b.from.Deliver("users/ben/Work", []byte("Subject: new\r\n\r\nx\r\n"), time.Unix(1e9, 0))
	again := execute(t, append([]string{"copy", "--json"}, flags...)...)
	if copied, present, _ := again.totals(t); copied != 1 || present != 12 {
		t.Errorf("the second run copied %d and found %d, want 1 and 12", copied, present)
	}
	execute(t, append([]string{"verify"}, flags...)...).want(t, exitDone, "7 messages equal", "6 messages equal")
	if err := b.target.User("ben@example.org").Expunge("INBOX", 1); err != nil {
		t.Fatal(err)
	}
	execute(t, append([]string{"verify"}, flags...)...).want(t, exitDifferences, "+ ben@example.org INBOX uid 1", "1 difference,")
}

func TestTheLedgerTellsRootsApartWithoutNamingThem(t *testing.T) {
	anna := account{user: "anna", endpoint: migration.Endpoint{Host: "h", Port: 993}}
	with := func(root string) string {
		a := anna
		a.root = root
		return a.identity()
	}
	if anna.identity() != "anna@h:993" || with("/") != anna.identity() {
		t.Errorf("without a root: %q and %q", anna.identity(), with("/"))
	}
	if with("/users/anna") != with("users/anna/") || with("users/anna") == with("users/ben") || with("users/anna") == anna.identity() {
		t.Error("roots are confused")
	}
	if strings.Contains(with("users/ben"), "ben") {
		t.Errorf("the root is named: %q", with("users/ben"))
	}
}

func TestAnInboxBelowTheRootLeavesTheRootsOwnMailInAFolder(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	b.shared()
	b.deliver("users/anna/INBOX", 5)
	execute(t, b.addressed("copy", "--source-root", "/users/anna")...).want(t, exitDone, "users/anna", `the messages of this one go to "anna"`)
	if got := strings.Join(b.to.Folders(), " "); got != "INBOX Work anna" || b.to.Len("INBOX") != 5 || b.to.Len("anna") != 3 {
		t.Errorf("the target has %s, %d messages in INBOX and %d in anna", got, b.to.Len("INBOX"), b.to.Len("anna"))
	}
	execute(t, b.addressed("verify", "--source-root", "users/anna")...).want(t, exitDone, "11 messages equal")
}

func TestAMissingRootFailsItsMailboxOnly(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	b.shared()
	execute(t, b.addressed("copy", "--source-root", "/people/anna")...).want(t, exitUsage, `"people/anna"`, `"INBOX", "users"`, "what to do")
	execute(t, b.addressed("copy", "--source-root", "x", "--csv", b.write("x.csv", ""))...).want(t, exitUsage, "UserRoot")
	if _, err := os.Stat(filepath.Join(b.dir, "ledger.db")); err != nil {
		t.Error(err)
	}
	if b.to.Len("INBOX") != 0 {
		t.Error("something was copied")
	}
}
