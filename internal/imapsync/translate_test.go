package imapsync

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the table of docs/imapsync.md")

var noon = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)

// line is a translation as one text.
func line(t Translation) string {
	var lines []string
	for _, words := range t.Commands {
		lines = append(lines, strings.Join(words, " "))
	}
	return strings.Join(lines, "\n")
}

func translate(t *testing.T, words ...string) Translation {
	t.Helper()
	translation, err := Translate(words, noon)
	if err != nil {
		t.Fatal(err)
	}
	return translation
}

var twoHosts = []string{"--host1", "old.example.org", "--user1", "anna", "--host2", "new.example.org", "--user2", "anna@example.org"}

func TestCommandLinesBecomeCommands(t *testing.T) {
	for _, test := range []struct{ from, to string }{
		{"", "mailhaul copy --source imaps://anna@old.example.org --target imaps://anna@example.org@new.example.org"},
		{"--passfile1 p1 --passfile2=p2 --automap", "mailhaul copy --source imaps://anna@old.example.org --source-password-file p1 --target imaps://anna@example.org@new.example.org --target-password-file p2"},
		{"--port1 143 --port2 1993 --ssl2", "mailhaul copy --source imap://anna@old.example.org --target imaps://anna@example.org@new.example.org:1993"},
		{"--tls1 --tls2 --port2 1143", "mailhaul copy --source imap://anna@old.example.org --target imap://anna@example.org@new.example.org:1143"},
		{"--no-ssl1 --notls1", "mailhaul copy --source imap+plain://anna@old.example.org:143 --target imaps://anna@example.org@new.example.org --allow-cleartext"},
		{`--exclude ^Trash$|\[Gmail\]/Spam --folder INBOX --folderrec Work --dry`, "mailhaul copy --source imaps://anna@old.example.org --target imaps://anna@example.org@new.example.org --include INBOX --include Work --exclude Trash --exclude [Gmail]/Spam --dry-run"},
		{"--exclude (Junk|Trash) --compress1 --logdir x --debugimap", "mailhaul copy --source imaps://anna@old.example.org --source-compress --target imaps://anna@example.org@new.example.org --exclude Junk --exclude Trash --report report --trace mailhaul.trace"},
		{"--subfolder1 users/anna --exitwhenover 2_500_000", "mailhaul copy --source imaps://anna@old.example.org --target imaps://anna@example.org@new.example.org --source-root users/anna --source-day-budget 2500000,0"},
		{"--justlogin --passfile2 p2", "mailhaul endpoint test imaps://anna@old.example.org\nmailhaul endpoint test imaps://anna@example.org@new.example.org --password-file p2"},
		{"--authuser1 cyrus --passfile1 admin --maxage 30", `mailhaul endpoint create old imaps://old.example.org --login authzid --admin-user cyrus --admin-password-file admin
mailhaul endpoint create new imaps://new.example.org
mailhaul batch create mailboxes.csv --source old --target new --received-from 2026-07-02T12:00:00Z
mailhaul batch preflight mailboxes
mailhaul batch start mailboxes`},
		{"--authuser1 root --proxyauth1 --maxbytespersecond 20_000 --dry", `mailhaul endpoint create old imaps://old.example.org --login proxyauth --admin-user root --admin-password-file source-password --bytes-per-second 20000
mailhaul endpoint create new imaps://new.example.org
mailhaul batch create mailboxes.csv --source old --target new
mailhaul batch preflight mailboxes`},
	} {
		got := line(translate(t, append(slices.Clone(twoHosts), strings.Fields(test.from)...)...))
		if got != test.to {
			t.Errorf("%s\n got %s\nwant %s", test.from, got, test.to)
		}
	}
}

// Every option with a counterpart changes the commands, or says what it becomes; every
// other is told with its reason.
func TestEveryOptionHasAnEffectOrIsTold(t *testing.T) {
	for name, s := range spellings() {
		seen := false
		for _, base := range [][]string{twoHosts, append(slices.Clone(twoHosts), "--port1", "143", "--port2", "143"), append(slices.Clone(twoHosts), "--nossl1", "--nossl2"), append(slices.Clone(twoHosts), "--authuser1", "root", "--authuser2", "root")} {
			words := append(slices.Clone(base), "--"+name)
			if s.option.Value {
				words = append(words, "7")
			}
			before, after := translate(t, base...), translate(t, words...)
			seen = seen || !reflect.DeepEqual(before, after)
			if s.option.Fate == Becomes {
				continue
			}
			if !slices.Contains(after.Notes, Note{"--" + s.name(), s.option.Fate, s.option.Text}) {
				t.Errorf("--%s is not told", name)
			}
		}
		if !seen {
			t.Errorf("--%s has no effect", name)
		}
	}
}

func TestOptionsAreFoundAsImapsyncFindsThem(t *testing.T) {
	known := spellings()
	for name, want := range map[string]string{"HOST1": "host1", "no-delete1": "", "maxmess": "maxmessagespersecond", "delete": "delete", "justc": "justconnect", "hostess": "", "no-expunge1": "noexpunge1", "": ""} {
		s, found := find(known, name)
		if found != (want != "") || found && s.name() != want {
			t.Errorf("%q is %q, want %q", name, s.name(), want)
		}
	}
}

// A password is nowhere in a translation, however it was given or misspelt.
func TestNoPasswordIsRepeated(t *testing.T) {
	const password = "Pa55-Wort"
	for _, words := range [][]string{
		{"--password1", password}, {"--password2=" + password}, {"-password1", password}, {"--passwort1", password}, {"--pass-w-1=" + password}, {password},
		{"--oauthaccesstoken1", password}, {"--oauthdirect2=" + password}, {"--showpasswords", password}, {"--p" + password + "!", "x"}, {"--maxage", password}, {"--password1", password, "--authuser1", "root"},
		{"--password1", password, "--maxage", "3"},
	} {
		all, err := json.Marshal(translate(t, append(slices.Clone(twoHosts), words...)...))
		if err != nil || strings.Contains(string(all), password) {
			t.Errorf("%v: %v, %s", words, err, all)
		}
	}
	if _, err := Translate([]string{"--password1", password}, noon); err == nil || strings.Contains(err.Error(), password) {
		t.Errorf("without hosts: %v", err)
	}
}

func TestScriptsAreReadAsShellsDo(t *testing.T) {
	script := "#!/bin/sh\n# imapsync --host1 not.this\nset -e; perl ./imapsync --host1 'old one' \\\n  --user1 \"a\\\"b\" --host2 new && echo done\r\n" +
		"C:/tools/imapsync.exe --host1 x ^\r\n --host2 y --exclude 'a b'\n"
	got := commandLines(script)
	want := [][]string{{"--host1", "old one", "--user1", `a"b`, "--host2", "new"}, {"--host1", "x", "--host2", "y", "--exclude", "a b"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := Script("echo hello", noon); err == nil {
		t.Error("a script without imapsync is taken")
	}
}

func TestRegularExpressionsAreTakenWhereTheyAreNames(t *testing.T) {
	for expression, want := range map[string][]string{
		"Trash": {"Trash"}, "^INBOX.Trash$": {"INBOX.Trash"}, "A|^B$": {"A", "B"}, `^\[Gmail\]/All Mail$`: {`[Gmail]/All Mail`}, "^(A|B)$": {"A", "B"},
		"^Trash.*": nil, `\w+`: nil, "": nil, "A|": nil, `A\`: nil, "[ab]": nil, "(A)|(B)": nil,
	} {
		if got, plain := plainNames(expression); plain != (want != nil) || plain && !slices.Equal(got, want) {
			t.Errorf("%q: %q %v, want %q", expression, got, plain, want)
		}
	}
}

func TestListsBecomeMigrationFiles(t *testing.T) {
	list, err := ReadList(strings.NewReader("\ufeff# a comment\n\nold;anna;p,1;new;anna@example.org;\"q\"2;\r\nother;ben@example.org;x;new;ben;y;--dry;\nOLD;eve;a\\b;new;eve;c;\n"), ListOptions{Domain: "example.org"})
	if err != nil || len(list.Pairs) != 2 || list.Refused != 0 {
		t.Fatalf("%v, %+v", err, list)
	}
	want := []string{
		"EmailAddress,UserName,Password,TargetUserName,TargetPassword\nanna@example.org,anna,\"p,1\",anna@example.org,\"\"\"q\"\"2\"\neve@example.org,eve,a\\b,eve,c\n",
		"EmailAddress,UserName,Password,TargetUserName,TargetPassword\nben@example.org,ben@example.org,x,ben,y\n",
	}
	for i, pair := range list.Pairs {
		if got := string(pair.MigrationFile()); got != want[i] {
			t.Errorf("pair %d:\n%s\nwant\n%s", i, got, want[i])
		}
	}
	if len(list.Troubles) != 2 || list.Troubles[0].Line != 4 || list.Troubles[1].Line != 5 {
		t.Errorf("troubles: %+v", list.Troubles)
	}
	if shown := fmt.Sprintf("%+v %v", list, list.Troubles); strings.Contains(shown, "p,1") || strings.Contains(shown, `a\b`) {
		t.Errorf("a password shows in %s", shown)
	}
}

func TestListsWithoutServersTakeThoseThatAreGiven(t *testing.T) {
	const text = "anna@example.org;p1;anna@example.com;p2\n"
	if list, err := ReadList(strings.NewReader(text), ListOptions{}); err != nil || list.Refused != 1 {
		t.Errorf("without servers: %v, %+v", err, list)
	}
	list, err := ReadList(strings.NewReader(text), ListOptions{SourceHost: "old", TargetHost: "new"})
	if err != nil || len(list.Pairs) != 1 || list.Pairs[0].Entries[0].Address != "anna@example.com" {
		t.Errorf("%v, %+v", err, list)
	}
}

func TestBadLinesAreAllTold(t *testing.T) {
	list, err := ReadList(strings.NewReader("a;b\n;u;p;h;u;p\nh;;p;h;u;p\nh;u;p;h/x;u@example.org;p\nh;u;p;h;u;p\n"), ListOptions{})
	if err != nil || list.Refused != 5 || len(list.Pairs) != 0 {
		t.Errorf("%v, %+v", err, list)
	}
	if _, err := ReadList(strings.NewReader(strings.Repeat("x", MaxListLine+1)), ListOptions{}); err == nil {
		t.Error("a line without an end is taken")
	}
	if _, err := ReadList(strings.NewReader(strings.Repeat("# "+strings.Repeat("x", 1000)+"\n", MaxListBytes/1000)), ListOptions{}); err == nil {
		t.Error("a list without an end is taken")
	}
}

const page = "../../docs/imapsync.md"

// TestOptionsAreDocumented holds the table of docs/imapsync.md to the options. Write it
// anew with: go test ./internal/imapsync -run OptionsAreDocumented -update
func TestOptionsAreDocumented(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- options -->\n", "<!-- end -->\n"
	before, rest, found := strings.Cut(string(text), begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no place for the options", page)
	}
	want := before + begin + OptionsTable() + end + after
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if string(text) != want {
		t.Errorf("%s has other options than the code; write it anew with: go test ./internal/imapsync -run OptionsAreDocumented -update", page)
	}
}
