package fidelitytest

import (
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/bench/mailgen"
	"github.com/mailhaul/mailhaul/rigs/dovecotrig"
	"github.com/mailhaul/mailhaul/rigs/effort"
	"github.com/mailhaul/mailhaul/rigs/oracle"
)

// newPair is a source and a target Dovecot with one user.
func newPair(t *testing.T, source, target dovecotrig.Options) *pair {
	t.Helper()
	needRigs(t)
	return &pair{t: t, dir: t.TempDir(), source: &host{Mail: dovecotrig.StartT(t, source).Mail}, target: &host{Mail: dovecotrig.StartT(t, target).Mail}}
}

func (p *pair) load(corpus mailgen.Corpus) {
	p.t.Helper()
	if err := mailgen.Load(p.t.Context(), p.source.mailTarget(user), corpus, mailgen.LoadOptions{Connections: 1}); err != nil {
		p.t.Fatal(err)
	}
}

// run executes a command that has to go well.
func (p *pair) run(verb string, more ...string) string { return p.runTo(0, verb, more...) }

// wantEqual lets the oracle compare both sides.
func (p *pair) wantEqual(options oracle.DiffOptions) {
	p.t.Helper()
	for _, line := range oracle.Diff(p.source.snapshot(p.t, user), p.target.snapshot(p.t, user), options) {
		p.t.Error(line)
	}
}

func (p *pair) copied(output string) int { return p.summary(output).Total.Messages.Copied }

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
	effort.LeaveToLong(t)
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
