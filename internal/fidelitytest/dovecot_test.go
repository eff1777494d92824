package fidelitytest

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

	"github.com/mailhaul/mailhaul/bench/mailgen"
	"github.com/mailhaul/mailhaul/internal/cli"
	"github.com/mailhaul/mailhaul/rigs/dovecotrig"
	"github.com/mailhaul/mailhaul/rigs/oracle"
)

// pair is a source and a target Dovecot with one user.
type pair struct {
	t              *testing.T
	source, target *dovecotrig.Server
	dir            string
}

const user = "anna@example.org"

func newPair(t *testing.T, source, target dovecotrig.Options) *pair {
	t.Helper()
	if os.Getenv("MAILHAUL_NO_RIGS") == "1" || testing.Short() {
		t.Skip("needs Dovecot; runs with make test")
	}
	if missing := oracle.Missing(); missing != "" {
		t.Skip(missing)
	}
	p := &pair{t: t, source: dovecotrig.StartT(t, source), target: dovecotrig.StartT(t, target), dir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(p.dir, "password"), []byte(dovecotrig.DefaultPassword+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.dir, "source.pem"), p.source.CAPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.dir, "target.pem"), p.target.CAPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *pair) load(corpus mailgen.Corpus) {
	p.t.Helper()
	target := mailgen.Target{Addr: p.source.Addr(), User: user, Password: dovecotrig.DefaultPassword}
	if err := mailgen.Load(p.t.Context(), target, corpus, mailgen.LoadOptions{Connections: 1}); err != nil {
		p.t.Fatal(err)
	}
}

// run executes a command over verified TLS and returns what it printed.
func (p *pair) run(verb string, more ...string) string {
	p.t.Helper()
	password, name := filepath.Join(p.dir, "password"), strings.ReplaceAll(user, "@", "%40")
	args := append([]string{verb, "--ledger", filepath.Join(p.dir, "ledger.db"),
		"--source", fmt.Sprintf("imaps://%s@localhost:%d", name, p.source.TLSPort), "--source-ca", filepath.Join(p.dir, "source.pem"),
		"--target", fmt.Sprintf("imap://%s@localhost:%d", name, p.target.Port), "--target-ca", filepath.Join(p.dir, "target.pem"),
		"--source-password-file", password, "--target-password-file", password}, more...)
	ctx, cancel := context.WithTimeout(p.t.Context(), 2*time.Minute)
	defer cancel()
	var out, errs bytes.Buffer
	if status := cli.Run(ctx, args, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &errs}); status != 0 {
		p.t.Fatalf("%s ended with %d\n%s\n%s", verb, status, out.String(), errs.String())
	}
	return out.String()
}

func (p *pair) snapshot(server *dovecotrig.Server) oracle.Snapshot {
	p.t.Helper()
	snapshot, err := oracle.Take(p.t.Context(), server.Host, server.Port, user, dovecotrig.DefaultPassword)
	if err != nil {
		p.t.Fatal(err)
	}
	return snapshot
}

// wantEqual lets the oracle compare both sides.
func (p *pair) wantEqual(options oracle.DiffOptions) {
	p.t.Helper()
	for _, line := range oracle.Diff(p.snapshot(p.source), p.snapshot(p.target), options) {
		p.t.Error(line)
	}
}

func (p *pair) copied(output string) int {
	p.t.Helper()
	var summary struct {
		Total struct {
			Messages struct{ Source, Copied int }
			Findings []json.RawMessage
		}
	}
	if err := json.Unmarshal([]byte(output), &summary); err != nil {
		p.t.Fatal(err)
	}
	for _, finding := range summary.Total.Findings {
		p.t.Logf("finding: %s", finding)
	}
	return summary.Total.Messages.Copied
}

func TestAwkwardMailArrivesBitForBit(t *testing.T) {
	p := newPair(t, dovecotrig.Options{}, dovecotrig.Options{})
	corpus := mailgen.Awkward(7, mailgen.AwkwardOptions{NUL: true, Huge: 50 << 20, Dots: true})
	p.load(corpus)
	if got := p.copied(p.run("copy", "--json")); got != len(corpus.Messages) {
		t.Errorf("copied %d messages, want %d", got, len(corpus.Messages))
	}
	p.wantEqual(oracle.DiffOptions{})
	if got := p.copied(p.run("copy", "--json")); got != 0 {
		t.Errorf("the second run copied %d messages, want 0", got)
	}
	p.run("verify")
}

func TestEveryStorageFormatIsTheSame(t *testing.T) {
	for _, format := range []string{dovecotrig.Maildir, dovecotrig.Sdbox} {
		t.Run(format, func(t *testing.T) {
			p := newPair(t, dovecotrig.Options{Format: format}, dovecotrig.Options{Format: format})
			p.load(mailgen.Awkward(8, mailgen.AwkwardOptions{}))
			p.run("copy")
			p.wantEqual(oracle.DiffOptions{})
		})
	}
}

func TestPrefixAndSeparatorAreTranslated(t *testing.T) {
	p := newPair(t, dovecotrig.Options{}, dovecotrig.Options{Separator: ".", Prefix: "INBOX."})
	corpus := mailgen.Corpus{Folders: []string{"INBOX", "Work", "Work/2026", "Work/2026/Q1"}}
	for i, folder := range corpus.Folders {
		corpus.Messages = append(corpus.Messages, mailgen.Message{Folder: folder, Date: time.Unix(int64(1e9+i), 0), Body: []byte("Subject: x\r\n\r\nx\r\n")})
	}
	p.load(corpus)
	p.run("copy")
	p.wantEqual(oracle.DiffOptions{MapFolder: func(name string) string {
		if name == "INBOX" {
			return name
		}
		return "INBOX." + strings.ReplaceAll(name, "/", ".")
	}})
}

func TestAPlainTargetGetsTheSame(t *testing.T) {
	plain := dovecotrig.Options{Hide: []string{"MULTIAPPEND", "LITERAL+", "LIST-STATUS", "LIST-EXTENDED", "CONDSTORE", "QRESYNC", "ENABLE", "SPECIAL-USE", "NAMESPACE", "ID", "SASL-IR"}}
	p := newPair(t, plain, plain)
	corpus := mailgen.Awkward(9, mailgen.AwkwardOptions{})
	p.load(corpus)
	if got := p.copied(p.run("copy", "--json")); got != len(corpus.Messages) {
		t.Errorf("copied %d messages, want %d", got, len(corpus.Messages))
	}
	p.wantEqual(oracle.DiffOptions{})
	if got := p.copied(p.run("copy", "--json")); got != 0 {
		t.Errorf("the second run copied %d messages, want 0", got)
	}
}
