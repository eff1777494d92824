package hostiletest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/cli"
	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/rigs/effort"
)

// The passwords of the two sides. Their characters make all their forms differ.
const (
	sourcePassword = `S0urce"c4nary\+/=&%é`
	targetPassword = `T4rget"c4nary\+/=&%ü`
)

var secrets = []canary{
	newCanary("source password", sourcePassword), newCanary("target password", targetPassword),
	newCanary("quoted source password", quoted(sourcePassword)), newCanary("quoted target password", quoted(targetPassword)),
}

// quoted is a text within an IMAP quoted string.
func quoted(text string) string { return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) }

// echo is what a server says that repeats what it was told, in many forms.
func echo(password string) string {
	plain := "\x00anna\x00" + password
	line := `LOGIN "anna" "` + quoted(password) + `"`
	return strings.Join([]string{
		line, password, base64.StdEncoding.EncodeToString([]byte(plain)), base64.StdEncoding.EncodeToString([]byte("1" + line)), base64.StdEncoding.EncodeToString([]byte("22" + line)),
		base64.URLEncoding.EncodeToString([]byte(password)), hex.EncodeToString([]byte(password)), url.QueryEscape(password), url.PathEscape(password),
	}, " ")
}

// split is the password with a character that is dropped where texts are shown.
func split(password string) string { return password[:6] + "\uFEFF" + password[6:] }

// stage is a source and a target that echo, and a folder for what the program
// writes.
type stage struct {
	t              *testing.T
	source, target *imapfake.Server
	dir            string
	from, to       string
	scanned        int
	artefacts      []string
	// patience is how long a command may try again; zero is 3 s.
	patience time.Duration
}

func newStage(t *testing.T, source, target []imapfake.Rule) *stage {
	t.Helper()
	s := &stage{t: t, source: imapfake.New(imapfake.Options{Faults: source}), target: imapfake.New(imapfake.Options{Faults: target}), dir: t.TempDir()}
	t.Cleanup(s.source.Close)
	t.Cleanup(s.target.Close)
	mailbox := s.source.AddUser("anna", sourcePassword)
	s.target.AddUser("anna", targetPassword)
	for i := range 5 {
		mailbox.Deliver("INBOX", fmt.Appendf(nil, "Subject: %d\r\n\r\nhello\r\n", i), time.Unix(1_700_000_000, 0))
		mailbox.Deliver("Sent", fmt.Appendf(nil, "Subject: sent %d\r\n\r\nhello\r\n", i), time.Unix(1_700_000_000, 0))
	}
	var err error
	if s.from, err = s.source.Listen(); err == nil {
		s.to, err = s.target.Listen()
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// secretFile puts a secret where the program may read it and nobody scans.
func (s *stage) secretFile(text string) string {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), "given")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// copying is the command line of a copy that writes all it can.
func (s *stage) copying(more ...string) []string {
	return append([]string{"copy", "--allow-cleartext", "--source", "imap+plain://anna@" + s.from, "--target", "imap+plain://anna@" + s.to,
		"--source-password-file", s.secretFile(sourcePassword + "\n"), "--target-password-file", s.secretFile(targetPassword + "\n"),
		"--ledger", filepath.Join(s.dir, "ledger.db"), "--trace", filepath.Join(s.dir, "trace"), "--report", filepath.Join(s.dir, "report")}, more...)
}

// run runs a command for as long as it is interesting, and scans all it wrote.
func (s *stage) run(args ...string) (out string) {
	s.t.Helper()
	patience := s.patience
	if patience == 0 {
		patience = 3 * time.Second
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	var stdout, stderr bytes.Buffer
	status := cli.Run(ctx, args, cli.Streams{In: strings.NewReader(""), Out: &stdout, Err: &stderr})
	s.scan("stdout", stdout.Bytes())
	s.scan("stderr", stderr.Bytes())
	s.scan("exit status", fmt.Appendf(nil, "%d", status))
	s.scanFiles()
	return stdout.String() + stderr.String()
}

func (s *stage) scan(name string, data []byte) {
	s.t.Helper()
	s.scanned += absent(s.t, name, data, secrets...)
	s.artefacts = append(s.artefacts, name)
}

func (s *stage) scanFiles() {
	s.t.Helper()
	err := filepath.WalkDir(s.dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(s.dir, path)
		s.scan(name, data)
		return err
	})
	if err != nil {
		s.t.Error(err)
	}
}

// told says what was scanned, and fails when it was suspiciously little.
func (s *stage) told(names ...string) {
	s.t.Helper()
	for _, name := range names {
		if !strings.Contains("\n"+strings.Join(s.artefacts, "\n")+"\n", "\n"+name+"\n") {
			s.t.Errorf("%s was not scanned, only %q", name, s.artefacts)
		}
	}
	s.t.Logf("%d artefacts, %d bytes", len(s.artefacts), s.scanned)
}

func TestSuccessShowsNoPassword(t *testing.T) {
	s := newStage(t, nil, nil)
	if out := s.run(s.copying("--verify", "all")...); !strings.Contains(out, "verified 10 messages") {
		t.Error(out)
	}
	s.run(s.copying("--json")...)
	s.run(s.copying("--dry-run", "--json")...)
	verifying := s.copying()
	verifying[0] = "verify"
	verifying = verifying[:len(verifying)-2]
	s.run(append(verifying, "--json")...)
	s.told("stdout", "stderr", "trace", "ledger.db", "ledger.db.lock", "report/report.html", "report/MigrationStatistics.csv")
}

// An answer of a server that was told a secret and repeats it.
type repetition struct {
	before string
	kind   imapfake.Kind
}

func (r repetition) rules(command, password string) []imapfake.Rule {
	text := r.before + echo(password) + " " + split(password)
	if r.kind == imapfake.SendBefore {
		text += "\r\n"
	}
	return []imapfake.Rule{{Command: command, Do: imapfake.Action{Kind: r.kind, Text: text}}}
}

var repetitions = []repetition{
	{"NO ", imapfake.Answer}, {"* NO [ALERT] ", imapfake.SendBefore}, {"BAD [ALERT] ", imapfake.Answer}, {"NO [OVERQUOTA] ", imapfake.Answer},
	{"BYE ", imapfake.Answer}, {"* BYE ", imapfake.SendBefore}, {"OK ", imapfake.AnswerAfter},
}

func TestEchoingServerIsNotQuoted(t *testing.T) {
	for i, command := range []string{"APPEND", "AUTHENTICATE", "GREETING", "UID FETCH", "ID", "NAMESPACE", "LIST", "STATUS", "EXAMINE", "SELECT", "CREATE", "SUBSCRIBE", "UID STORE", "LOGOUT"} {
		some := repetitions
		if i > 1 {
			some = some[:2]
		}
		for _, r := range some {
			t.Run(command+" "+r.before, func(t *testing.T) { r.play(t, command, 300*time.Millisecond) })
		}
	}
}

func TestLongEchoingServerIsNotQuoted(t *testing.T) {
	effort.NeedLong(t)
	for _, command := range []string{"GREETING", "CAPABILITY", "AUTHENTICATE", "ID", "NAMESPACE", "LIST", "STATUS", "EXAMINE", "SELECT", "CREATE", "SUBSCRIBE", "UID FETCH", "UID SEARCH", "UID STORE", "APPEND", "LOGOUT"} {
		for _, r := range repetitions {
			t.Run(command+" "+r.before, func(t *testing.T) { r.play(t, command, 5*time.Second) })
		}
	}
}

// play has the source repeat its password, and then the target.
func (r repetition) play(t *testing.T, command string, patience time.Duration) {
	t.Parallel()
	s := newStage(t, r.rules(command, sourcePassword), nil)
	s.patience = patience
	s.run(s.copying()...)
	s = newStage(t, nil, r.rules(command, targetPassword))
	s.patience = patience
	s.run(s.copying("--json")...)
	s.run("endpoint", "test", "--json", "--allow-cleartext", "--password-file", s.secretFile(targetPassword), "imap+plain://anna@"+s.to)
}

func TestFailedConnectionsShowNoPassword(t *testing.T) {
	s := newStage(t, nil, nil)
	source, target := s.secretFile(sourcePassword), s.secretFile(targetPassword)
	for _, address := range []string{"imaps://anna@" + s.from, "imap://anna@" + s.from, "imap+plain://anna@127.0.0.1:1", "imaps://anna@does-not-exist.invalid", "imap+plain://nobody@" + s.from} {
		s.run("copy", "--allow-cleartext", "--source", address, "--target", "imap+plain://anna@"+s.to, "--source-password-file", source, "--target-password-file", target,
			"--ledger", filepath.Join(s.dir, "ledger.db"), "--trace", filepath.Join(s.dir, "trace"), "--report", filepath.Join(s.dir, "report"))
		s.run("endpoint", "test", "--allow-cleartext", "--password-file", source, address)
	}
	s.told("stdout", "stderr", "trace")
}

func TestSecretsOutOfPlaceAreNotRepeated(t *testing.T) {
	s := newStage(t, nil, nil)
	escaped := url.PathEscape(sourcePassword)
	for _, args := range [][]string{
		{"copy", "--source", "imaps://anna:" + escaped + "@" + s.from, "--target", "imaps://anna@" + s.to},
		{"copy", "--source", "imaps://anna:" + sourcePassword + "@" + s.from, "--target", "imaps://anna@" + s.to},
		{"endpoint", "test", "imaps://anna:" + escaped + "@" + s.from},
		{"copy", "--password=" + sourcePassword},
		{"copy", "--source-password", sourcePassword},
		{"copy", "--source-password-file", s.secretFile("\n" + sourcePassword)},
	} {
		s.run(args...)
	}
}

// A password may be in any column, because columns are shifted in haste.
func TestMigrationFileIsNotQuoted(t *testing.T) {
	s := newStage(t, nil, nil)
	cell := `"` + strings.ReplaceAll(sourcePassword, `"`, `""`) + `"`
	files := map[string]string{
		"good":         "EmailAddress,UserName,Password,TargetPassword,TargetUserName\nanna@example.org,anna," + cell + `,"` + strings.ReplaceAll(targetPassword, `"`, `""`) + "\",anna\n",
		"no header":    "anna@example.org,anna," + cell + "\n",
		"semicolons":   "EmailAddress;UserName;Password\nanna@example.org;anna;" + sourcePassword + "\n",
		"bare quotes":  "EmailAddress,UserName,Password\nanna@example.org,anna," + sourcePassword + "\n",
		"open quote":   "EmailAddress,UserName,Password\nanna@example.org,anna,\"" + sourcePassword + "\n",
		"too many":     "EmailAddress,UserName,Password\nanna@example.org,anna," + cell + "," + cell + "\n",
		"too few":      "EmailAddress,UserName,Password\n" + cell + "\n",
		"spaces":       "EmailAddress,UserName,Password\nanna@example.org,anna,\" " + strings.ReplaceAll(sourcePassword, `"`, `""`) + " \"\n",
		"line break":   "EmailAddress,UserName,Password\nanna@example.org,anna,\"" + strings.ReplaceAll(sourcePassword, `"`, `""`) + "\r\nx\"\n",
		"control":      "EmailAddress,UserName,Password\nanna@example.org,anna,\"" + strings.ReplaceAll(sourcePassword, `"`, `""`) + "\x1b\"\n",
		"as address":   "EmailAddress,UserName,Password\n" + cell + ",anna,x\n",
		"as user":      "EmailAddress,UserName,Password,UserRoot\nanna@example.org," + cell + ",x,/..\n",
		"as user root": "EmailAddress,UserName,Password,UserRoot\nanna@example.org,anna,x," + cell + "\n",
		"twice":        "EmailAddress,UserName,Password\nanna@example.org,anna," + cell + "\nanna@example.org,anna," + cell + "\n",
		"utf-16":       "\xff\xfe" + string(secrets[0].forms["utf-16le"]),
		"json":         `{"password": "` + string(secrets[0].forms["json"]) + `"}`,
		"long":         "EmailAddress,UserName,Password\nanna@example.org,anna," + strings.Repeat(sourcePassword, 1000) + "\n",
	}
	for name, text := range files {
		path := s.secretFile(text)
		for _, more := range [][]string{{}, {"--json"}, {"--errors", filepath.Join(s.dir, name+".errors.csv")}} {
			s.run(append([]string{"csv", "check", path}, more...)...)
		}
		s.run("copy", "--csv", path, "--skip-bad", "--allow-cleartext", "--source", "imap+plain://"+s.from, "--target", "imap+plain://"+s.to, "--target-password-file", s.secretFile(targetPassword),
			"--ledger", filepath.Join(s.dir, "ledger.db"), "--trace", filepath.Join(s.dir, "trace"), "--report", filepath.Join(s.dir, "report"), "--json")
	}
	s.told("trace", "ledger.db", "report/MigrationErrors.csv", "open quote.errors.csv")
}

func TestEveryFormEncodesJSON(t *testing.T) {
	text, err := json.Marshal(sourcePassword)
	if err != nil || !bytes.Contains(text, secrets[0].forms["json"]) {
		t.Error(string(text), err)
	}
}
