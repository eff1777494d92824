package oracle_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/bench/mailgen"
	"github.com/mailhaul/mailhaul/rigs/dovecotrig"
	"github.com/mailhaul/mailhaul/rigs/oracle"
)

// take reads a mailbox of the rig.
func take(t *testing.T, s *dovecotrig.Server, user string) oracle.Snapshot {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	snapshot, err := oracle.Take(ctx, s.Host, s.Port, user, s.Password)
	if err != nil {
		t.Fatal(err)
	}
	return snapshot
}

// load fills a mailbox of the rig, in order.
func load(t *testing.T, s *dovecotrig.Server, user string, c mailgen.Corpus) {
	t.Helper()
	target := mailgen.Target{Addr: s.Addr(), User: user, Password: s.Password}
	if err := mailgen.Load(t.Context(), target, c, mailgen.LoadOptions{Connections: 1}); err != nil {
		t.Fatal(err)
	}
}

func TestOracleSeesWhatTheGeneratorWrote(t *testing.T) {
	s := dovecotrig.StartT(t, dovecotrig.Options{})
	c := mailgen.Awkward(1, mailgen.AwkwardOptions{Dots: true, Huge: 50 << 20})
	load(t, s, "a", c)
	got := take(t, s, "a")
	if got.Count() != len(c.Messages) {
		t.Errorf("%d messages are seen, %d written", got.Count(), len(c.Messages))
	}
	inFolder := make(map[string][]oracle.Message)
	for _, f := range got.Folders {
		if f.Selectable && (f.UIDValidity == 0 || f.UIDNext == 0) {
			t.Errorf("folder %q has no UIDVALIDITY or UIDNEXT", f.Name)
		}
		if f.Selectable && f.Name != "INBOX" && !f.Subscribed {
			t.Errorf("folder %q is not subscribed", f.Name)
		}
		inFolder[f.Name] = f.Messages
	}
	next := make(map[string]int)
	for i, m := range c.Messages {
		seen := inFolder[m.Folder]
		if next[m.Folder] >= len(seen) {
			t.Fatalf("folder %q has only %d messages", m.Folder, len(seen))
		}
		checkMessage(t, fmt.Sprintf("message %d in %q", i, m.Folder), m, seen[next[m.Folder]])
		next[m.Folder]++
	}
	for _, name := range c.Folders {
		if _, ok := inFolder[name]; !ok {
			t.Errorf("folder %q is not seen", name)
		}
	}
}

// checkMessage compares one message written with the same one seen.
func checkMessage(t *testing.T, name string, m mailgen.Message, seen oracle.Message) {
	t.Helper()
	// Dovecot serves every line end as CRLF, and of CR CR LF too.
	served := bytes.ReplaceAll(m.Body, []byte("\r\r\n"), []byte("\n"))
	served = bytes.ReplaceAll(bytes.ReplaceAll(served, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
	if sum := fmt.Sprintf("%x", sha256.Sum256(served)); sum != seen.SHA256 {
		t.Errorf("%s, %.60q: the hash is %s, want %s (%d bytes, %d seen)", name, m.Body, seen.SHA256, sum, len(served), seen.Size)
	}
	// Dovecot replaces a date in the future by the present.
	if m.Date.Before(time.Now()) && m.Date.Unix() != seen.Date {
		t.Errorf("%s: the date is %s, want %s", name, seen.RawDate, m.Date)
	}
	flags := slices.Clone(m.Flags)
	slices.SortFunc(flags, func(a, b string) int { return cmp.Compare(strings.ToLower(a), strings.ToLower(b)) })
	got := slices.Clone(seen.Flags)
	slices.SortFunc(got, func(a, b string) int { return cmp.Compare(strings.ToLower(a), strings.ToLower(b)) })
	if !slices.Equal(flags, got) {
		t.Errorf("%s: the flags are %v, want %v", name, got, flags)
	}
}

func TestDiffFindsEverySeededFault(t *testing.T) {
	s := dovecotrig.StartT(t, dovecotrig.Options{})
	c := mailgen.Spec{Seed: 4, Messages: 30, Bytes: 300 << 10, Folders: 3}.Corpus()
	load(t, s, "source", c)
	source := take(t, s, "source")
	for name, seed := range map[string]func(*mailgen.Corpus){
		"":          func(*mailgen.Corpus) {},
		"missing":   func(c *mailgen.Corpus) { c.Messages = c.Messages[1:] },
		"too many":  func(c *mailgen.Corpus) { c.Messages = append(c.Messages, c.Messages[3]) },
		"sha256":    func(c *mailgen.Corpus) { c.Messages[0].Body = append([]byte("X-TUID: 1\r\n"), c.Messages[0].Body...) },
		"date":      func(c *mailgen.Corpus) { c.Messages[0].Date = c.Messages[0].Date.Add(time.Second) },
		"flags":     func(c *mailgen.Corpus) { c.Messages[0].Flags = append([]string{"Extra"}, c.Messages[0].Flags...) },
		"folder":    func(c *mailgen.Corpus) { c.Folders = append(c.Folders, "More") },
		"truncated": func(c *mailgen.Corpus) { c.Messages[0].Body = c.Messages[0].Body[:100] },
	} {
		t.Run("seeded "+name, func(t *testing.T) {
			changed := mailgen.Corpus{Folders: slices.Clone(c.Folders), Messages: slices.Clone(c.Messages)}
			seed(&changed)
			user := "target" + strings.ReplaceAll(name, " ", "")
			load(t, s, user, changed)
			lines := oracle.Diff(source, take(t, s, user), oracle.DiffOptions{})
			if (len(lines) > 0) != (name != "") {
				t.Errorf("the differences are %q", lines)
			}
		})
	}
}

func TestDiffOptions(t *testing.T) {
	m := oracle.Message{SHA256: "aa", Flags: []string{`\Seen`}}
	churn := oracle.Message{SHA256: "bb", Churn: true}
	folder := func(name string, messages ...oracle.Message) oracle.Folder {
		return oracle.Folder{Name: name, Selectable: true, Messages: messages}
	}
	a := oracle.Snapshot{Folders: []oracle.Folder{folder("Sent Items", m)}}
	b := oracle.Snapshot{Folders: []oracle.Folder{folder("Sent", oracle.Message{SHA256: "aa"}, churn)}}
	o := oracle.DiffOptions{
		MapFolder: func(string) string { return "Sent" }, Ignore: oracle.IgnoreChurn, IgnoreFlags: true,
	}
	if lines := oracle.Diff(a, b, o); len(lines) > 0 {
		t.Errorf("with all options the differences are %q", lines)
	}
	if lines := oracle.Diff(a, b, oracle.DiffOptions{}); len(lines) != 5 {
		t.Errorf("without options the differences are %q", lines)
	}
}

func TestTakeReportsAWrongPassword(t *testing.T) {
	s := dovecotrig.StartT(t, dovecotrig.Options{})
	if _, err := oracle.Take(t.Context(), s.Host, s.Port, "a", "wrong"); err == nil {
		t.Error("a wrong password is no error")
	}
}
