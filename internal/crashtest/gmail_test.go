package crashtest

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// gmail is a Gmail mailbox, a target and the job between them.
type gmail struct {
	*testing.T
	from, to *imapfake.Mailbox
	source   *fake
	job      mailsync.Job
}

func newGmail(t *testing.T, personality, target imapfake.Personality) *gmail {
	t.Helper()
	from, to := startFake(t, imapfake.Options{Personality: personality}), startFake(t, imapfake.Options{Personality: target})
	g := &gmail{T: t, from: from.AddUser("anna", password), to: to.AddUser("anna", password), source: from}
	for i, name := range g.from.Folders() { // no folder numbers as another does
		if err := g.from.SetUIDNext(name, migration.UID(1000*i+7)); err != nil {
			t.Fatal(err)
		}
	}
	g.job = jobFor(optionsFor(from.addr, "anna"), optionsFor(to.addr, "anna"), ledgerOf(t, openStore(t), "anna"))
	return g
}

// deliver puts the n-th message, of which each is different, into the mailbox.
func (g *gmail) deliver(n int, labels ...string) uint64 {
	raw := fmt.Appendf(nil, "Message-Id: <%d@example.org>\r\nSubject: %d\r\n\r\nletter %d %s\r\n", n, n, n, strings.Repeat("x", n%700))
	return g.from.DeliverLabelled(raw, time.Unix(1_500_000_000+int64(n/3), 0), labels, []string{`\Seen`}[:n%2]...)
}

// overlapping are the labels of the n-th message: none, one or several, with user
// labels below each other, and some in Spam and Trash.
func overlapping(n int) []string {
	if n%41 == 0 {
		return []string{imapfake.LabelSpam}
	}
	if n%43 == 0 {
		return []string{imapfake.LabelTrash}
	}
	var labels []string
	for every, label := range map[int]string{
		3: imapfake.LabelInbox, 5: "Work", 7: "Work/Clients/Acme", 4: imapfake.LabelImportant, 11: imapfake.LabelStarred, 13: "Entw&APw-rfe alt", 2: imapfake.LabelSent,
	} {
		if n%every == 0 {
			labels = append(labels, label)
		}
	}
	if n%17 == 0 {
		labels = append(labels, imapfake.LabelDraft)
	}
	return labels
}

// sums are the digests of all messages of the target, sorted, with their folder.
func (g *gmail) sums(withFolder bool) []string {
	var out []string
	for _, name := range g.to.Folders() {
		for _, m := range g.to.Messages(name) {
			text := fmt.Sprintf("%x %v", m.Sum, slices.Sorted(slices.Values(m.Flags)))
			if withFolder {
				text += " " + name
			}
			out = append(out, text)
		}
	}
	slices.Sort(out)
	return out
}

// expectOnce expects each message of the source once at the target, with its flags,
// and nothing else.
func (g *gmail) expectOnce() {
	g.Helper()
	var want []string
	for _, l := range g.from.Letters() {
		want = append(want, fmt.Sprintf("%x %v", l.Sum, slices.Sorted(slices.Values(l.Flags))))
	}
	slices.Sort(want)
	if got := g.sums(false); !slices.Equal(got, want) {
		g.Fatalf("the target holds %d messages that are not the %d of the source, each once", len(got), len(want))
	}
}

// pass makes a pass that has to copy so many messages.
func (g *gmail) pass(copied int) mailsync.Summary {
	g.Helper()
	summary := mustRun(g, g.job)
	if summary.Messages.Copied != copied {
		g.Errorf("a pass copied %d messages, want %d: %+v", summary.Messages.Copied, copied, summary.Messages)
	}
	return summary
}

func TestEachMessageOfGmailIsCopiedOnce(t *testing.T) {
	const many = 5000
	g := newGmail(t, imapfake.Gmail(), imapfake.Dovecot())
	for n := range many {
		g.deliver(n, overlapping(n)...)
	}
	g.deliver(many, imapfake.LabelChat)
	summary := g.pass(many + 1)
	g.expectOnce()
	if summary.Messages.Source != many+1 {
		t.Errorf("%d messages at the source", summary.Messages.Source)
	}
	before := g.sums(true)
	commands := g.source.Counts().Commands
	g.pass(0)
	if now := g.source.Counts().Commands; now["UID FETCH"] != commands["UID FETCH"] || now["EXAMINE"] != commands["EXAMINE"] {
		t.Errorf("a pass over what has not changed looked into a folder: %v, before %v", now, commands)
	}
	// Archived, labelled, unlabelled, thrown away, brought back: it stays the copy it is.
	for n, l := range g.from.Letters() {
		switch n % 6 {
		case 0:
			g.from.Relabel(l.ID, "New label")
		case 1:
			g.from.Relabel(l.ID)
		case 2:
			g.from.Relabel(l.ID, imapfake.LabelTrash)
		case 3:
			g.from.Relabel(l.ID, append(slices.Clone(l.Labels), "Work/Other")...)
		case 4:
			g.from.Relabel(l.ID, imapfake.LabelTrash)
			g.from.Relabel(l.ID, imapfake.LabelInbox)
		}
	}
	g.pass(0)
	if after := sumsOnly(g.sums(true)); !slices.Equal(after, sumsOnly(before)) {
		t.Error("relabelling has moved copies")
	}
	g.pass(0)
	g.deliver(many+1, "New label", "Work")
	g.pass(1)
	g.pass(0)
}

// sumsOnly leaves out the flags.
func sumsOnly(sums []string) []string {
	var out []string
	for _, s := range sums {
		sum, _, _ := strings.Cut(s, " ")
		out = append(out, sum+s[strings.LastIndexByte(s, ']'):])
	}
	return out
}

func TestMessagesOfGmailGoToTheFirstOfTheirLabels(t *testing.T) {
	for _, language := range []string{"en", "de", "fr", "en-GB"} {
		t.Run(language, func(t *testing.T) {
			g := newGmail(t, imapfake.GmailIn(language), imapfake.Dovecot())
			for use, name := range map[string]string{`\Sent`: "Sent", `\Drafts`: "Drafts", `\Trash`: "Trash", `\Junk`: "Junk", `\Archive`: "Archive"} {
				g.to.Create(name)
				if err := g.to.SetSpecialUse(name, use); err != nil {
					t.Fatal(err)
				}
			}
			want := map[[sha256.Size]byte]string{}
			places := []struct{ labels, folder string }{
				{"", "Archive"}, {`\Inbox Work`, "INBOX"}, {`Work Work/Deep/Down \Sent`, "Work.Deep.Down"}, {`B A \Sent`, "A"}, {`\Sent \Important`, "Sent"},
				{`\Draft \Inbox`, "Drafts"}, {`\Important \Starred`, "Archive"}, {`\Spam`, "Junk"}, {`\Trash`, "Trash"},
			}
			for n, place := range places {
				g.deliver(n, strings.Fields(place.labels)...)
				want[g.from.Letters()[n].Sum] = place.folder
			}
			summary := g.pass(len(places))
			for _, name := range g.to.Folders() {
				for _, m := range g.to.Messages(name) {
					if want[m.Sum] != name {
						t.Errorf("a message is in %s, want %s", name, want[m.Sum])
					}
				}
			}
			g.expectOnce()
			i := slices.IndexFunc(summary.Findings, func(f migration.Finding) bool { return f.Code == migration.CodeLabels })
			if i < 0 || summary.Findings[i].Count != 4 || !strings.Contains(summary.Findings[i].Reason, "Work (2)") {
				t.Errorf("findings %+v", summary.Findings)
			}
		})
	}
}
