package fidelitytest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/bench/mailgen"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/rigs/oracle"
)

// box is what a mailbox holds by the rules: folders by name with "/" between levels,
// with whether they are subscribed to, and messages.
type box struct {
	folders  map[string]bool
	messages []mailgen.Message
}

// events are what has to be told of a copy: how many messages the target refuses and
// alters, in more than verify takes for the same, and which folders it renames.
type events struct {
	refused, altered, repaired int
	renamed                    []string
}

// filled is the box of a system into which a corpus was put by a client that gives no
// folder another name.
func filled(s system, c mailgen.Corpus) box {
	b := box{folders: map[string]bool{}}
	for _, folder := range c.Folders {
		if !s.refusesName(folder) {
			b.folders[s.place(folder)] = folder != "INBOX"
		}
	}
	for _, m := range c.Messages {
		if kept, refused := s.put(m); !refused && !s.refusesName(m.Folder) {
			kept.Folder = s.place(m.Folder)
			b.messages = append(b.messages, kept)
		}
	}
	s.complete(b)
	return b
}

// complete adds what the server does by itself.
func (s system) complete(b box) {
	for folder := range b.folders {
		if folder == "INBOX" && s.subscribesINBOX || folder != "INBOX" && s.subscribesNew {
			b.folders[folder] = true
		}
	}
	if !s.makesLevels {
		return
	}
	for _, folder := range slices.Collect(maps.Keys(b.folders)) {
		for i, r := range folder {
			if _, there := b.folders[folder[:i]]; r == '/' && !there {
				b.folders[folder[:i]] = false
			}
		}
	}
}

// copied is the box of a system to which that of another was copied, with what has to
// be told.
func copied(source system, from box, s system) (box, events) {
	to, told := box{folders: map[string]bool{}}, events{}
	for folder, subscribed := range from.folders {
		if s.refusesName(folder) {
			told.renamed = append(told.renamed, source.raw(folder))
		}
		to.folders[s.place(s.plainName(folder))] = subscribed
	}
	for _, m := range from.messages {
		kept, refused := s.put(m)
		mended, helps := m, false
		if refused {
			mended, helps = s.mended(m)
		}
		switch {
		case helps:
			kept = mended
			told.repaired++
		case refused:
			told.refused++
			continue
		case plain(kept.Body) != plain(m.Body) || !kept.Date.Equal(m.Date):
			told.altered++
		}
		kept.Folder = s.place(s.plainName(m.Folder))
		to.messages = append(to.messages, kept)
	}
	s.complete(to)
	return to, told
}

// plain is what verify compares of a message: without regard to line ends, to those at
// the end, and to NUL.
func plain(body []byte) string {
	text := strings.ReplaceAll(strings.ReplaceAll(string(body), "\r\n", "\n"), "\x00", "\x80")
	return strings.TrimRight(text, "\n")
}

// snapshot is a box as the oracle should see it.
func (b box) snapshot(s system) oracle.Snapshot {
	inFolder := map[string][]oracle.Message{}
	for _, m := range b.messages {
		inFolder[m.Folder] = append(inFolder[m.Folder], oracle.Message{
			SHA256: fmt.Sprintf("%x", sha256.Sum256(m.Body)), Size: int64(len(m.Body)), Date: m.Date.Unix(), Flags: m.Flags,
		})
	}
	var shot oracle.Snapshot
	for folder, subscribed := range b.folders {
		shot.Folders = append(shot.Folders, oracle.Folder{Name: s.raw(folder), Selectable: true, Subscribed: subscribed, Messages: inFolder[folder]})
	}
	return shot
}

// begun is before any date that a server puts instead of one in the future.
var begun = time.Now().Add(-time.Minute)

// wantBox fails the test for each difference between a mailbox and its box.
func wantBox(t *testing.T, what string, s system, want box, got oracle.Snapshot, o oracle.DiffOptions) {
	t.Helper()
	for _, f := range got.Folders {
		for i := range f.Messages {
			if date := f.Messages[i].Date; date >= begun.Unix() && date <= time.Now().Unix() {
				f.Messages[i].Date = 0 // as present makes it
			}
		}
	}
	for _, line := range oracle.Diff(want.snapshot(s), got, o) {
		t.Errorf("%s: %s", what, line)
	}
}

// TestEachSystemToEachKeepsAllButItsRules copies awkward mail between every two
// systems. What arrives differs by the target's rules only, and each message and
// folder that a rule is about is told: what is refused by copy, what is altered by
// verify.
func TestEachSystemToEachKeepsAllButItsRules(t *testing.T) {
	needRigs(t)
	corpus := mailgen.Awkward(3, mailgen.AwkwardOptions{NUL: true})
	for i := range corpus.Messages {
		corpus.Messages[i].NUL = false // sent as the product does, in a plain literal
	}
	systems := []system{dovecot, cyrus, courier}
	hosts, boxes := make([]*host, len(systems)), make([]box, len(systems))
	var starting sync.WaitGroup
	for i, s := range systems {
		hosts[i] = startHost(t, s)
		starting.Go(func() {
			if _, err := mailgen.Fill(t.Context(), hosts[i].mailTarget(user), corpus); err != nil {
				t.Errorf("fill %s: %v", s.name, err)
			}
		})
	}
	starting.Wait()
	for i, s := range systems {
		boxes[i] = filled(s, corpus)
		wantBox(t, "filled "+s.name, s, boxes[i], hosts[i].snapshot(t, user), oracle.DiffOptions{})
	}
	for i, from := range systems {
		for j, to := range systems {
			t.Run(from.name+" to "+to.name, func(t *testing.T) {
				t.Parallel()
				want, told := copied(from, boxes[i], to)
				p := &pair{t: t, source: hosts[i], target: hosts[j], targetUser: "from-" + from.name, dir: t.TempDir()}
				copyByRules(p, len(boxes[i].messages), told)
				wantBox(t, to.name, to, want, p.target.snapshot(t, p.targetUser), oracle.DiffOptions{IgnoreSubscriptions: to.forgetsSubscriptions})
				verifyByRules(p, told)
			})
		}
	}
}

// copyByRules copies twice and checks what is told.
func copyByRules(p *pair, messages int, told events) {
	p.t.Helper()
	status := 0
	if told.refused > 0 {
		status = 3
	}
	first := p.summary(p.runTo(status, "copy", "--json"))
	n := first.Total.Messages
	if n.Source != messages || n.Copied != messages-told.refused || n.Skipped != told.refused || n.Present+n.Gone != 0 {
		p.t.Errorf("the counts are %+v; %d messages are there and %d refused", n, messages, told.refused)
	}
	refused, repaired, renamed := 0, 0, []string{}
	for _, f := range first.Mailboxes[0].Findings {
		switch f.Code {
		case migration.CodeRejected:
			if refused += max(1, f.Count); f.UID == 0 || f.Reason == "" {
				p.t.Errorf("the finding does not name the message or the reason: %+v", f)
			}
		case migration.CodeRepaired:
			repaired++
		case migration.CodeFolderRenamed:
			renamed = append(renamed, f.Folder)
		default:
			p.t.Errorf("an unexpected finding: %+v", f)
		}
	}
	slices.Sort(renamed)
	slices.Sort(told.renamed)
	if refused != told.refused || !slices.Equal(renamed, told.renamed) {
		p.t.Errorf("findings tell of %d refused messages and the folders %q, want %d and %q", refused, renamed, told.refused, told.renamed)
	}
	if repaired != told.repaired {
		p.t.Errorf("findings tell of %d repaired messages, want %d", repaired, told.repaired)
	}
	again := p.summary(p.runTo(status, "copy", "--json"))
	if n := again.Total.Messages; n.Copied != 0 || n.Skipped != told.refused {
		p.t.Errorf("the second run has %+v", n)
	}
}

// verifyByRules checks what verify tells.
func verifyByRules(p *pair, told events) {
	p.t.Helper()
	status := 0
	if told.refused+told.altered > 0 {
		status = 6
	}
	var result struct {
		Mailboxes []struct {
			Lines []struct{ Symbol, Folder, Reason string }
		}
	}
	if err := json.Unmarshal([]byte(p.runTo(status, "verify", "--json")), &result); err != nil {
		p.t.Fatal(err)
	}
	symbols := map[string]int{}
	for _, line := range result.Mailboxes[0].Lines {
		if symbols[line.Symbol]++; line.Symbol != "=" {
			p.t.Logf("%s %s: %s", line.Symbol, line.Folder, line.Reason)
		}
	}
	if symbols["+"] != told.refused || symbols["*"] != told.altered || symbols["-"]+symbols["!"] != 0 {
		p.t.Errorf("verify tells %v, want %d messages missing and %d altered", symbols, told.refused, told.altered)
	}
}
