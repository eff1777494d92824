package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailhaul/mailhaul/internal/imapfake"
)

// printedCommands are the commands of mailhaul in what was printed, as words.
func printedCommands(out string) (commands [][]string) {
	for line := range strings.Lines(out) {
		if words := shellWords(strings.ReplaceAll(strings.TrimSpace(line), "'", `"`)); len(words) > 1 && words[0] == "mailhaul" {
			commands = append(commands, words[1:])
		}
	}
	return commands
}

func TestATranslatedCommandLineCopies(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	b.deliver("INBOX", 3)
	b.deliver("Junk Mail", 2)
	_, sourcePort, _ := strings.Cut(b.sourceAddr, ":")
	_, targetPort, _ := strings.Cut(b.targetAddr, ":")
	password := filepath.Join(b.dir, "password")
	script := b.write("sync.sh", "#!/bin/sh\nimapsync --host1 127.0.0.1 --port1 "+sourcePort+" --user1 anna --passfile1 "+password+" --nossl1 --notls1 \\\n"+
		"  --host2 127.0.0.1 --port2 "+targetPort+" --user2 anna --passfile2 "+password+" --nossl2 --notls2 \\\n  --exclude '^Junk Mail$' --delete2 --automap\n")
	out := execute(t, "imapsync", "translate", script)
	out.want(t, exitDone, "# no counterpart: --delete2: mailhaul deletes nothing", "# always so: --automap")
	commands := printedCommands(out.out)
	if len(commands) != 1 {
		t.Fatalf("want one command:\n%s", out.out)
	}
	copied, _, source := execute(t, append(commands[0], "--ledger", filepath.Join(b.dir, "ledger.db"), "--json")...).totals(t)
	if copied != 3 || source != 3 {
		t.Errorf("%d of %d copied, want 3 of the INBOX", copied, source)
	}
}

func TestOptionsOfImapsyncAreTranslated(t *testing.T) {
	execute(t, "imapsync", "translate", "--", "--host1", "a.example.org", "--user1", "anna", "--password1", testPassword, "--host2", "b.example.org", "--user2", "anna").
		want(t, exitDone, "mailhaul copy --source 'imaps://anna@a.example.org' --source-password-file source-password --target 'imaps://anna@b.example.org'\n", "--password1: the password is not repeated")
	execute(t, "imapsync", "translate", "--json", "--", "--host1", "a.example.org").want(t, exitDone, `"endpoint"`, `"notes"`)
	execute(t, "imapsync", "translate", "--", "--user1", "anna").want(t, exitUsage, "--host1 and --host2 are missing")
	execute(t, "imapsync", "translate").want(t, exitUsage, "want the file of a script")
	execute(t, "imapsync", "translate", "a", "b").want(t, exitUsage, "want the file of a script")
	execute(t, "imapsync", "translate", "no-such-file").want(t, exitUsage, "no-such-file")
}

func TestAListOfImapsyncThatStopsHalfWayCanBeRepeated(t *testing.T) {
	dir := t.TempDir()
	list, out := filepath.Join(dir, "list"), filepath.Join(dir, "out")
	if err := os.WriteFile(list, []byte("one;anna@example.org;p;new;anna;p\ntwo;ben@example.org;p;new;ben;p\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	first, second := filepath.Join(out, "one-to-new.csv"), filepath.Join(out, "two-to-new.csv")
	if err := os.MkdirAll(second, 0o700); err != nil {
		t.Fatal(err)
	}
	execute(t, "imapsync", "list", list, "--out", out).want(t, exitUsage, "two-to-new.csv is there already")
	if _, err := os.Stat(first); !os.IsNotExist(err) {
		t.Errorf("%s is left: %v", first, err)
	}
	if err := os.Remove(second); err != nil {
		t.Fatalf("what was there is gone: %v", err)
	}
	execute(t, "imapsync", "list", list, "--out", out).want(t, exitDone, "one-to-new.csv", "two-to-new.csv")
}

func TestNoPartOfAPasswordWithASemicolonComesOutOfAList(t *testing.T) {
	dir := t.TempDir()
	list, out := filepath.Join(dir, "list"), filepath.Join(dir, "out")
	bad := "old.example.org;ben;TOP;SECRET;new.example.org;ben@example.org;pw2;\nold.example.org;eve;TOP;new.example.org;eve@example.org;\"SECRET;x\";\n"
	if err := os.WriteFile(list, []byte(bad+"old.example.org;anna;p1;new.example.org;anna@example.org;p2;\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused := execute(t, "imapsync", "list", list, "--out", out)
	refused.want(t, exitUsage, "line 1: has more than the fields", "line 2: has more than the fields", "nothing was written")
	skipped := execute(t, "imapsync", "list", list, "--out", out, "--skip-bad-rows")
	skipped.want(t, exitDone, "1 mailbox, 0 errors")
	written, err := filepath.Glob(filepath.Join(out, "*"))
	if err != nil || len(written) != 1 {
		t.Fatalf("%v, %v, want one file", written, err)
	}
	file, err := os.ReadFile(written[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{refused.out, refused.err, skipped.out, skipped.err, string(file)} {
		for _, part := range []string{"TOP", "SECRET", "ben", "eve", "pw2"} {
			if strings.Contains(text, part) {
				t.Errorf("%s comes out in\n%s", part, text)
			}
		}
	}
}

func TestAListOfImapsyncBecomesAFileThatCopies(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	b.deliver("INBOX", 2)
	list := b.write("file.txt", "# users\n127.0.0.1;anna;"+testPassword+";127.0.0.2;anna;"+testPassword+";\n")
	out := filepath.Join(b.dir, "out")
	execute(t, "imapsync", "list", list, "--out", out).want(t, exitUsage, "file.txt line 2: neither user is an e-mail address", "nothing was written")
	if _, err := os.Stat(out); err == nil {
		t.Error("something was written for a bad list")
	}
	printed := execute(t, "imapsync", "list", list, "--out", out, "--domain", "example.org")
	printed.want(t, exitDone, "1 mailbox, 0 errors", "mailhaul endpoint create 127.0.0.1 imaps://127.0.0.1\n")
	file := filepath.Join(out, "127.0.0.1-to-127.0.0.2.csv")
	for path, mode := range map[string]os.FileMode{out: 0o700, file: 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v, want %o", path, info, err, mode)
		}
	}
	execute(t, "imapsync", "list", list, "--out", out, "--domain", "example.org").want(t, exitUsage, "is there already")
	execute(t, "csv", "check", file).want(t, exitDone, "1 mailbox, 0 errors")
	copied, _, _ := execute(t, "copy", "--csv", file, "--allow-cleartext", "--ledger", filepath.Join(b.dir, "ledger.db"), "--json",
		"--source", "imap+plain://"+b.sourceAddr, "--target", "imap+plain://"+b.targetAddr).totals(t)
	if copied != 2 {
		t.Errorf("%d copied, want 2", copied)
	}
	for _, command := range printedCommands(printed.out) {
		found, rest, err := newRootCommand(Streams{}).Find(command)
		if err != nil || found.ParseFlags(rest) != nil || found.ValidateArgs(found.Flags().Args()) != nil {
			t.Errorf("%v cannot be typed", command)
		}
	}
}
