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
		for _, base := range [][]string{twoHosts, append(slices.Clone(twoHosts), "--port1", "143", "--port2", "143"), append(slices.Clone(twoHosts), "--nossl1", "--nossl2"), append(slices.Clone(twoHosts), "--authuser1", "root", "--authuser2", "root")} {
			words := append(slices.Clone(base), "--"+name)
			if s.option.Value {
				words = append(words, "7")
			}
			before, after := translate(t, base...), translate(t, words...)
			if reflect.DeepEqual(before, after) && !isSo(s, before) {
				t.Errorf("--%s has no effect behind %v", name, base)
			}
			if s.option.Fate != Becomes && !slices.Contains(after.Notes, Note{"--" + s.name(), s.option.Fate, s.option.Text}) {
				t.Errorf("--%s is not told", name)
			}
		}
	}
}

// isSo reports whether the protection that an option asks for is that of both servers
// already.
func isSo(s spelling, t Translation) bool {
	scheme := map[string]string{"ssl": " imaps://", "tls": " imap://", "nossl": " imap://", "notls": " imaps://"}[s.option.Name]
	return scheme != "" && strings.Count(line(t), scheme) == 2
}

// told reports whether a note of the fate tells of the option with the words.
func told(t Translation, option string, fate Fate, words string) bool {
	return slices.ContainsFunc(t.Notes, func(n Note) bool {
		return n.Option == option && n.Fate == fate && strings.Contains(n.Text, words)
	})
}

func TestWhatABatchDoesNotDoIsTold(t *testing.T) {
	batch := translate(t, append(slices.Clone(twoHosts), strings.Fields("--authuser1 root --logdir a --logfile b --debugimap --compress2 --passfile2 p --proxyauth2")...)...)
	for option, words := range map[string]string{"--logdir": "only copy", "--logfile": "only copy", "--debugimap": "only copy", "--compress2": "only copy", "--passfile2": "TargetPassword", "--proxyauth2": "--authuser2"} {
		if !told(batch, option, Without, words) {
			t.Errorf("%s is not told: %+v", option, batch.Notes)
		}
	}
	if told(batch, "--passfile1", Without, "") || told(batch, "--proxyauth1", Without, "") {
		t.Errorf("more is told than there is: %+v", batch.Notes)
	}
	office := translate(t, append(slices.Clone(twoHosts), "--office2", "--authuser2", "root", "--passfile2", "p")...)
	for _, option := range []string{"--authuser2", "--passfile2"} {
		if !told(office, option, Without, "application") {
			t.Errorf("%s for Office 365 is not told: %+v", option, office.Notes)
		}
	}
	if starttls := translate(t, append(slices.Clone(twoHosts), "--tls1", "--notls1")...); !told(starttls, "--notls1", Without, "STARTTLS") {
		t.Errorf("--notls1 is not told: %+v", starttls.Notes)
	}
}

func TestAMissingHostIsTold(t *testing.T) {
	translation := translate(t, "--host2", "new.example.org", "--user2", "anna", "--exclude", "Trash")
	if !told(translation, "--host1", Without, "every other option") || told(translation, "--host2", Without, "") {
		t.Errorf("notes: %+v", translation.Notes)
	}
	admin := translate(t, append(slices.Clone(twoHosts), "--justlogin", "--authuser1", "root", "--passfile1", "p")...)
	if !told(admin, "--authuser1", Without, "--admin-user") || strings.Contains(line(admin), "--password-file") {
		t.Errorf("the administrator's password is the user's in %s: %+v", line(admin), admin.Notes)
	}
}

func TestTokensBecomeEndpointsOfTheirServiceAlone(t *testing.T) {
	for host, want := range map[string]string{"imap.fastmail.com": "", "gmail.com.example.org": "", "mygmail.com": "", "office365.com": "", "IMAP.gmail.com": " --type gmail ", "imap.googlemail.com": " --type gmail ", "outlook.office365.com": " --type office365 ", "Outlook.Office.com": " --type office365 "} {
		translation := translate(t, "--host1", host, "--user1", "anna@example.org", "--oauthaccesstoken1", "t", "--host2", "new.example.org", "--user2", "anna", "--maxage", "3")
		if got := translation.Commands[0]; want == "" && got[len(got)-1] != "imaps://"+host || !strings.Contains(strings.Join(got, " "), want) {
			t.Errorf("%s: %q, want%s", host, got, want)
		}
		if told(translation, "--host1", Without, "Office 365 and Google alone") != (want == "") {
			t.Errorf("%s: notes %+v", host, translation.Notes)
		}
		if header, _, _ := strings.Cut(translation.FileText, "\n"); slices.Contains(strings.Split(header, ","), "Password") != (want == "") {
			t.Errorf("%s: file %q", host, translation.FileText)
		}
	}
	alone := translate(t, append(slices.Clone(twoHosts), "--oauthdirect1", "t")...)
	if !strings.HasPrefix(line(alone), "mailhaul copy ") {
		t.Errorf("a token that nothing is done with becomes %s", line(alone))
	}
}

// What a comment of the printed script repeats is on one line and cannot become a command.
func TestNotesAreOneLine(t *testing.T) {
	translation := translate(t, "--host1", "old.example.org\nrm -r x", "--host2", "new.example.org", "--user1", "a\nb", "--user2", "c", "--exclude", "a\nb.*", "--nossl1", "--notls1", "--nossl2", "--notls2")
	for _, note := range translation.Notes {
		if strings.ContainsAny(note.Option+note.Text, "\r\n") {
			t.Errorf("%q", note)
		}
	}
	for _, host := range []string{"old.example.org rm", "new.example.org"} {
		if !told(translation, "", Without, "the line to "+host) {
			t.Errorf("the line to %s is not told: %+v", host, translation.Notes)
		}
	}
	if got := translation.Commands[0]; strings.Count(strings.Join(got, " "), "--allow-cleartext") != 1 {
		t.Errorf("got %q", got)
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

// No two calls name the same file, endpoint or batch.
func TestEachCallOfAScriptHasNamesOfItsOwn(t *testing.T) {
	script := `imapsync --host1 a --user1 anna --password1 x --host2 b --user2 anna --password2 x --logdir d --debug
imapsync --host1 a --user1 ben --password1 y --host2 b --user2 ben --password2 y --logdir d --debug
imapsync --host1 c --user1 cleo --authuser1 root --password1 z --host2 d --user2 cleo
imapsync --host1 e --user1 dora --authuser1 root --password1 z --office2 --user2 dora
imapsync --office1 --user1 eve --office2 --user2 eve
`
	all, err := Script(script, noon)
	if err != nil || len(all) != 5 {
		t.Fatalf("%v, %+v", err, all)
	}
	want := []string{
		"mailhaul copy --source imaps://anna@a --source-password-file source-password-1 --target imaps://anna@b --target-password-file target-password-1 --report report-1 --trace mailhaul-1.trace",
		"mailhaul copy --source imaps://ben@a --source-password-file source-password-2 --target imaps://ben@b --target-password-file target-password-2 --report report-2 --trace mailhaul-2.trace",
		`mailhaul endpoint create old-3 imaps://c --login authzid --admin-user root --admin-password-file source-password-3
mailhaul endpoint create new-3 imaps://d
mailhaul batch create mailboxes-3.csv --source old-3 --target new-3
mailhaul batch preflight mailboxes-3
mailhaul batch start mailboxes-3`,
		`mailhaul endpoint create old-4 imaps://e --login authzid --admin-user root --admin-password-file source-password-4
mailhaul endpoint create new-4 --type office365 --tenant TENANT --client-id ID --client-secret-file target-client-secret-4
mailhaul batch create mailboxes-4.csv --source old-4 --target new-4
mailhaul batch preflight mailboxes-4
mailhaul batch start mailboxes-4`,
		`mailhaul endpoint create old-5 --type office365 --tenant TENANT --client-id ID --client-secret-file source-client-secret-5
mailhaul endpoint create new-5 --type office365 --tenant TENANT --client-id ID --client-secret-file target-client-secret-5
mailhaul batch create mailboxes-5.csv --source old-5 --target new-5
mailhaul batch preflight mailboxes-5
mailhaul batch start mailboxes-5`,
	}
	for i, translation := range all {
		if got := line(translation); got != want[i] {
			t.Errorf("call %d:\n got %s\nwant %s", i+1, got, want[i])
		}
	}
	if all[2].FileName != "mailboxes-3.csv" || all[3].FileName != "mailboxes-4.csv" {
		t.Errorf("files %q and %q", all[2].FileName, all[3].FileName)
	}
}

func TestBatchFilesOfWindowsAreRead(t *testing.T) {
	script := "@REM Moves Anna's mailbox with imapsync --host1 not.this\r\n@ECHO OFF\r\n  rem don't run this twice\r\nREM\r\n" +
		`.\imapsync.exe --host1 old --user1 anna --passfile1 C:\secrets\p1 ^` + "\r\n" + `  --host2 new --user2 anna --passfile2 "\\nas\my secrets\p2" --logdir ..\.log` + "\r\n@PAUSE\r\n"
	want := [][]string{{"--host1", "old", "--user1", "anna", "--passfile1", `C:\secrets\p1`, "--host2", "new", "--user2", "anna", "--passfile2", `\\nas\my secrets\p2`, "--logdir", `..\.log`}}
	if got := commandLines(script); !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAMentionOfImapsyncIsNoCallInAScript(t *testing.T) {
	all, err := Script("command -v imapsync || exit 1\nwhich imapsync\necho \"Start\" imapsync -- now\nimapsync --host1 old --user1 anna --host2 new --user2 anna\n", noon)
	if err != nil || len(all) != 1 {
		t.Errorf("%v, %+v, want one call", err, all)
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
	list, err := ReadList(strings.NewReader("\ufeff# a comment\n\nold;anna;p,1;new;anna@example.org;\"q\"2;\r\nother;ben@example.org;x;new;ben;y\nOLD;eve;a\\b;new;eve;c;\n"), ListOptions{Domain: "example.org"})
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
	if len(list.Troubles) != 1 || list.Troubles[0].Line != 5 {
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

// A semicolon in a password moves the fields behind it: nothing of such a line is used or
// shown, in whichever form it is.
func TestALineWithTooManyFieldsIsRefusedAsAWhole(t *testing.T) {
	hosts := ListOptions{SourceHost: "old", TargetHost: "new", Domain: "example.org"}
	for _, test := range []struct {
		line    string
		options ListOptions
	}{
		{"old.example.org;ben;TOP;SECRET;new.example.org;ben@example.org;pw2;", ListOptions{}},
		{"old.example.org;ben;TOP;SECRET;new.example.org;ben@example.org;pw2", ListOptions{}},
		{`old.example.org;ben;TOP;new.example.org;ben@example.org;"SECRET;x";`, ListOptions{}},
		{"old.example.org;ben;TOP;new.example.org;ben@example.org;SECRET;;", ListOptions{}},
		{"old.example.org;ben;TOP;new.example.org;ben@example.org;SECRET; --dry;", ListOptions{}},
		{"ben;TOP;SECRET;ben@example.org;pw2", hosts},
		{"ben;TOP;SECRET;ben@example.org;p;w2", hosts},
		{"ben;TOP;ben@example.org;SECRET;;", hosts},
	} {
		list, err := ReadList(strings.NewReader(test.line+"\n"), test.options)
		if err != nil || list.Refused != 1 || len(list.Pairs) != 0 || len(list.Troubles) != 1 || !strings.Contains(list.Troubles[0].Text, `may hold a ";"`) {
			t.Errorf("%s: %v, %+v", test.line, err, list)
			continue
		}
		for part := range strings.SplitSeq(test.line, ";") {
			if part = strings.TrimSpace(part); part != "" && slices.Contains(strings.Fields(list.Troubles[0].Text), part) || strings.Contains(list.Troubles[0].Text, "SECRET") {
				t.Errorf("%s: %q is told in %q", test.line, part, list.Troubles[0].Text)
			}
		}
	}
	for _, line := range []string{"old;ben;p;new;ben@example.org;", "old;ben;p;new;ben@example.org;p2", "old;ben;p;new;ben@example.org;p2; "} {
		if list, err := ReadList(strings.NewReader(line), ListOptions{}); err != nil || len(list.Pairs) != 1 || len(list.Troubles) != 0 {
			t.Errorf("%s: %v, %+v", line, err, list)
		}
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
