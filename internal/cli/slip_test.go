package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailhaul/mailhaul/internal/imapfake"
)

func TestNamesThatLeaveNothingAreAnError(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	b.deliver("INBOX", 1)
	for _, command := range [][]string{{"copy"}, {"copy", "--dry-run"}, {"verify"}} {
		args := append(b.addressed(command[0], command[1:]...), "--include", "Inbux", "--exclude", "Spam")
		execute(t, args...).want(t, exitUsage, "no folder is left by --include Inbux --exclude Spam", "--dry-run without --include")
	}
}

func TestOfAFileNamesThatLeaveNothingAreAFinding(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	flags := b.fleet()
	b.source.User("third@example.org").Create("Work")
	reports := filepath.Join(b.dir, "report")
	execute(t, append([]string{"copy", "--include", "Work", "--report", reports}, flags...)...).
		want(t, exitLogin, "first@example.org", "[folder-rules]", `level=WARN msg="no folder is left by --include Work" mailbox=first@example.org`)
	rows, err := os.ReadFile(filepath.Join(reports, "MigrationErrors.csv"))
	if err != nil || !strings.Contains(string(rows), "first@example.org,") || strings.Contains(string(rows), "third@example.org,") {
		t.Errorf("the mailbox without the folder has no row, or the other one has: %s (%v)", rows, err)
	}
	good := b.write("good.csv", "EmailAddress,UserName,Password,TargetPassword\nfirst@example.org,first@example.org,"+testPassword+","+testPassword+"\n")
	for _, verb := range []string{"copy", "verify"} {
		execute(t, append(append([]string{verb}, flags...), "--csv", good, "--include", "Inbux")...).want(t, exitUsage, "no folder is left")
	}
}

func TestANameThatMatchesNothingBesideOthersIsAWarning(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	b.deliver("INBOX", 1)
	got := execute(t, b.addressed("copy", "--verify", "all", "--include", "Inbox", "--include", "Workshop")...)
	if strings.Count(got.err, "level=WARN") != 1 {
		t.Errorf("it is not told once: %s", got.err)
	}
	got.want(t, exitDone, "level=WARN", "include=Workshop")
	if strings.Contains(got.err, "include=Inbox") {
		t.Errorf("a rule that matches is warned of: %s", got.err)
	}
	execute(t, b.addressed("verify", "--exclude", "Spam")...).want(t, exitDone, "level=WARN", "exclude=Spam")
}

func TestARuleOfAFileIsWarnedOfOnceAndOnlyIfNoMailboxHasTheFolder(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	flags := b.fleet()
	b.source.User("third@example.org").Create("Work")
	for _, verb := range []string{"copy", "verify"} {
		got := execute(t, append([]string{verb, "--exclude", "Work", "--exclude", "Spam"}, flags...)...)
		if strings.Count(got.err, "exclude=Spam") != 1 || strings.Contains(got.err, "exclude=Work") {
			t.Errorf("%s: %s", verb, got.err)
		}
	}
}

func TestANewLedgerIsTold(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	b.deliver("INBOX", 3)
	ledger := filepath.Join(b.dir, "ledger.db")
	execute(t, b.addressed("copy")...).want(t, exitDone, "new ledger "+ledger+"\n")
	if again := execute(t, b.addressed("copy")...); strings.Contains(again.err, "ledger") {
		t.Errorf("an old ledger is told: %s", again.err)
	}
}

func TestWhatOnlyLooksMakesNoLedger(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	b.deliver("INBOX", 3)
	execute(t, b.addressed("copy")...).want(t, exitDone)
	other := filepath.Join(b.dir, "other", "ledger.db")
	t.Setenv("TMPDIR", t.TempDir())
	execute(t, append(b.addressed("verify"), "--ledger", other)...).want(t, exitDone, "no ledger "+other+": ", "3 messages equal", "0 differences")
	execute(t, append(b.addressed("copy", "--dry-run"), "--ledger", other)...).want(t, exitDone, "no ledger "+other+": ")
	for _, directory := range []string{filepath.Dir(other), os.TempDir()} {
		if left, _ := os.ReadDir(directory); len(left) > 0 {
			t.Errorf("%s was left in %s", left[0].Name(), directory)
		}
	}
}

func TestAnotherKeyThanThePinnedOneIsAWarning(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	address, _ := b.secured()
	pin := strings.Repeat("A", 43) + "="
	test := execute(t, "endpoint", "test", "--pin", pin, "imaps://"+address)
	test.want(t, exitConnection, "Somebody may be between", "; its pin is ", "trust the new one: --pin ")
	if _, seen, _ := strings.Cut(test.out, "its pin is "); len(seen) < len(pin) || seen[:44] == pin {
		t.Errorf("the pin seen is not told: %s", test.out)
	}
	execute(t, b.addressed("copy", "--target", "imaps://anna@"+address, "--target-pin", pin)...).want(t, exitConnection, "trust the new one: --target-pin ")
	execute(t, b.addressed("copy", "--target", "imaps://anna@"+address)...).want(t, exitConnection, "with --target-ca FILE.", "its key: --target-pin ")
}

func TestADurationWithoutUnitIsToldByExample(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	for _, settle := range []string{"5", "soon", "-5s"} {
		execute(t, b.addressed("copy", "--settle", settle)...).want(t, exitUsage, "--settle", "want a duration such as 5s")
	}
}

func TestAPlanHasATotalAndStraightColumns(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	for folder, n := range map[string]int{"INBOX": 3, "下書き": 2, "Entwu\u0308rfe": 1} {
		b.deliver(folder, n)
	}
	got := execute(t, b.addressed("copy", "--dry-run")...)
	got.want(t, exitDone, "1 mailbox  3 folders")
	lines := strings.Split(strings.TrimSpace(got.out), "\n")
	for _, line := range lines {
		if columns(line) != columns(lines[0]) {
			t.Errorf("the lines do not end in one column:\n%s", got.out)
		}
	}
	if total := strings.Fields(lines[len(lines)-1]); total[4] != "6" || total[5] != "6" {
		t.Errorf("the total is not 6 of 6: %q", lines[len(lines)-1])
	}
}

func TestColumnsOfLettersAreThoseOfATerminal(t *testing.T) {
	for text, want := range map[string]int{"": 0, "INBOX": 5, "下書き": 6, "u\u0308": 1, "ü": 1, "📁": 2, "ＡＢ": 4, "a\u200db": 2} {
		if got := columns(text); got != want {
			t.Errorf("%q takes %d columns, want %d", text, got, want)
		}
	}
}
