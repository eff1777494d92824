package crashtest

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// withMail is a Gmail mailbox with n messages that have been copied.
func withMail(t *testing.T, n int, personality imapfake.Personality) *gmail {
	t.Helper()
	g := newGmail(t, personality, imapfake.Dovecot())
	for i := range n {
		g.deliver(i, overlapping(i)...)
	}
	return g
}

// foundCode gives the finding with a code, which has to be there once.
func (g *gmail) foundCode(s mailsync.Summary, code string) migration.Finding {
	g.Helper()
	var found []migration.Finding
	for _, f := range s.Findings {
		if f.Code == code {
			found = append(found, f)
		}
	}
	if len(found) != 1 {
		g.Fatalf("%d findings %s: %+v", len(found), code, s.Findings)
	}
	return found[0]
}

// verify compares every byte.
func (g *gmail) verify() {
	g.Helper()
	sample, err := mailsync.ParseSample("all")
	if err != nil {
		g.Fatal(err)
	}
	found, err := mailsync.Verify(g.Context(), g.job, sample, func(d mailsync.Difference) {
		if d.Symbol != mailsync.Equal {
			g.Error(d)
		}
	})
	if err != nil || found.Equal == 0 {
		g.Errorf("verifying gave %+v, %v", found, err)
	}
}

func TestGmailIsVerifiedMessageByMessage(t *testing.T) {
	g := withMail(t, 300, imapfake.Gmail())
	g.pass(300)
	g.verify()
}

func TestPreviewOfGmailWritesNothing(t *testing.T) {
	g := withMail(t, 100, imapfake.Gmail())
	plan, err := mailsync.Preview(g.Context(), g.job)
	if err != nil || plan.Messages.Source != 100 {
		t.Fatalf("%+v, %v", plan.Messages, err)
	}
	if sets, err := g.job.Ledger.Serials(g.Context()); err != nil || len(sets) > 0 {
		t.Errorf("the ledger has %d sets, %v", len(sets), err)
	}
	g.pass(100)
}

func TestCopiesOfGmailAreOneForEachLabel(t *testing.T) {
	g := withMail(t, 400, imapfake.Gmail())
	g.job.Labels = migration.LabelsCopies
	want, placeless := 0, 0
	for _, l := range g.from.Letters() {
		want += max(len(l.Labels), 1)
		if len(l.Labels) > 0 && !slices.ContainsFunc(l.Labels, func(label string) bool { return label != imapfake.LabelStarred && label != imapfake.LabelImportant }) {
			placeless++
		}
	}
	g.pass(want)
	g.pass(0)
	for _, name := range []string{"INBOX", "Work", "Work/Clients/Acme", "[Gmail]/Starred", "[Gmail]/Sent Mail"} {
		there := strings.NewReplacer("/", ".").Replace(name)
		if here := g.from.Len(name); here == 0 || g.to.Len(there) != here {
			t.Errorf("%s has %d messages and %s %d", name, here, there, g.to.Len(there))
		}
	}
	g.verify()
	// The other way round what is there is recognised, but for what was copied into
	// folders that are no place.
	g.job.Labels = migration.LabelsOne
	g.pass(placeless)
	g.job.Labels = migration.LabelsCopies
	g.pass(0)
}

func TestKeywordsOfGmailAreTheOtherLabels(t *testing.T) {
	g := newGmail(t, imapfake.Gmail(), imapfake.Dovecot())
	g.job.Labels = migration.LabelsKeywords
	id := g.deliver(1, imapfake.LabelInbox, imapfake.LabelImportant, "Work/New York", "Entw&APw-rfe alt")
	g.deliver(2, "Work/New York")
	summary := g.pass(2)
	flags := func(folder string) string {
		g.Helper()
		if g.to.Len(folder) != 1 {
			t.Fatalf("%s holds %d messages", folder, g.to.Len(folder))
		}
		return strings.Join(slices.Sorted(slices.Values(g.to.Messages(folder)[0].Flags)), " ")
	}
	if got := flags("INBOX"); got != `$Important Entw&APw-rfe_alt Work/New_York \Seen` {
		t.Errorf("flags %s", got)
	}
	if got := flags("Work.New York"); got != `` {
		t.Errorf("flags %s", got)
	}
	if f := g.foundCode(summary, migration.CodeLabels); f.Count != 1 || !strings.Contains(f.Reason, "keywords") {
		t.Errorf("%+v", f)
	}
	g.pass(0)
	g.from.Relabel(id, "Private", "Work/New York")
	g.pass(0)
	if got := flags("INBOX"); got != `Private Work/New_York \Seen` {
		t.Errorf("after relabelling, flags %s", got)
	}
	g.verify()
	g.job.Labels = migration.LabelsOne
	g.pass(0)
}

func TestALabelThatIsNotShownIsTold(t *testing.T) {
	g := newGmail(t, imapfake.Gmail(), imapfake.Dovecot())
	g.deliver(1, "Hidden")
	g.deliver(2, "Hidden", imapfake.LabelInbox)
	g.from.Hide("Hidden", true)
	summary := g.pass(2)
	g.expectOnce()
	if f := g.foundCode(summary, migration.CodeLabels); f.Count != 2 || !strings.Contains(f.Reason, "Hidden (2)") {
		t.Errorf("%+v", f)
	}
	g.from.Hide("Hidden", false)
	g.pass(0)
}

func TestGmailWithoutAllMailIsRefusedWithARemedy(t *testing.T) {
	g := withMail(t, 50, imapfake.GmailIn("de"))
	g.from.Hide("[Google Mail]/Alle Nachrichten", true)
	_, err := run(g.job)
	fault := migration.FaultOf(err)
	if fault == nil || fault.Class != migration.OneMailbox || fault.Code != migration.CodeLabels || !strings.Contains(fault.Remedy, "Show in IMAP") && !strings.Contains(fault.Remedy, "show in IMAP") {
		t.Fatalf("%v", err)
	}
	g.job.Labels = migration.LabelsCopies
	summary := mustRun(t, g.job)
	if f := g.foundCode(summary, migration.CodeLabels); !strings.Contains(f.Reason, "without a label is not copied") {
		t.Errorf("%+v", f)
	}
	g.from.Hide("[Google Mail]/Alle Nachrichten", false)
	g.job.Labels = ""
	mustRun(t, g.job)
}

func TestTheLimitOfGmailIsNoticed(t *testing.T) {
	limit := imapfake.Gmail()
	limit.Limits.FolderMessages = 1000
	t.Run("mail that is cut off is refused", func(t *testing.T) {
		g := newGmail(t, limit, imapfake.Dovecot())
		for n := range 1100 {
			g.deliver(n, "Old")
		}
		for n := range 1000 {
			g.deliver(1100+n, imapfake.LabelInbox)
		}
		_, err := run(g.job)
		fault := migration.FaultOf(err)
		if fault == nil || fault.Code != migration.CodeFolderLimit || !strings.Contains(fault.Remedy, "Folder size limits") || !strings.Contains(err.Error(), `"Old"`) {
			t.Fatalf("%v", err)
		}
		if g.to.Len("INBOX") > 0 {
			t.Error("something was copied")
		}
	})
	t.Run("a mailbox that may be whole is told of", func(t *testing.T) {
		g := newGmail(t, limit, imapfake.Dovecot())
		for n := range 1000 {
			g.deliver(n, []string{"A", imapfake.LabelInbox}[n%2])
		}
		summary := g.pass(1000)
		if f := g.foundCode(summary, migration.CodeFolderLimit); f.Folder != "[Gmail]/All Mail" || !strings.Contains(f.Remedy, "Folder size limits") {
			t.Errorf("%+v", f)
		}
		g.expectOnce()
	})
}

func TestRulesChooseAmongTheLabelsOfGmail(t *testing.T) {
	g := newGmail(t, imapfake.Gmail(), imapfake.Dovecot())
	rule, err := migration.ParseFolderRule("Newsletters")
	if err != nil {
		t.Fatal(err)
	}
	g.job.Exclude = []migration.FolderRule{rule}
	g.deliver(1, "Newsletters")
	g.deliver(2, "Newsletters", "Work")
	g.deliver(3)
	g.pass(2)
	if g.to.Len("Work") != 1 || g.to.Len("Newsletters") != 0 {
		t.Errorf("Work holds %d", g.to.Len("Work"))
	}
	g.pass(0)
	g.job.Exclude = nil
	g.pass(1)
	g.expectOnce()
}

func TestGmailMayBeRebuiltAndItsLabelsRenamed(t *testing.T) {
	g := withMail(t, 400, imapfake.Gmail())
	g.pass(400)
	if err := g.from.Rename("Work", "Office"); err != nil {
		t.Fatal(err)
	}
	if summary := g.pass(0); summary.Messages.Source != 400 {
		t.Errorf("%+v", summary.Messages)
	}
	for n, l := range g.from.Letters() {
		if n%3 == 0 && !slices.Contains(l.Labels, imapfake.LabelStarred) {
			g.from.Relabel(l.ID, "Elsewhere")
		}
	}
	if err := g.from.SetUIDValidity("[Gmail]/All Mail", 1_800_000_000); err != nil {
		t.Fatal(err)
	}
	g.pass(0)
	g.deliver(400, "Elsewhere")
	g.pass(1)
	g.expectOnce()
}

// TestGmailIsCutInTheMiddle cuts all lines again and again, and stops passes.
func TestGmailIsCutInTheMiddle(t *testing.T) {
	g := withMail(t, 600, imapfake.Gmail())
	for round := range 6 {
		at := 90 * (round + 1)
		there := func() int {
			n := 0
			for _, name := range g.to.Folders() {
				n += g.to.Len(name)
			}
			return n
		}
		err := stopWhen(t, g.job, func() bool {
			if there() < at {
				return false
			}
			if round%2 == 0 {
				g.source.Disconnect(true)
			}
			return true
		})
		if err == nil && there() < 600 {
			t.Fatal("the pass was not stopped")
		}
		for n, l := range g.from.Letters() {
			if n%5 == round%5 {
				g.from.Relabel(l.ID, fmt.Sprintf("Round %d", round), imapfake.LabelInbox)
			}
		}
	}
	mustRun(t, g.job)
	g.expectOnce()
	g.pass(0)
}

// TestGmailSurvivesKills kills the client at a step, relabels what it has begun to
// copy, and goes on.
func TestGmailSurvivesKills(t *testing.T) {
	stride := int64(7)
	source, target := startFake(t, imapfake.Options{Personality: imapfake.Gmail()}), startFake(t, imapfake.Options{Personality: imapfake.Dovecot()})
	dir := t.TempDir()
	for step := int64(1); ; step += stride {
		user := userName(int(step))
		g := &gmail{T: t, from: source.AddUser(user, password), to: target.AddUser(user, password)}
		for n := range 40 {
			g.deliver(n, overlapping(n)...)
		}
		plan := victimPlan{Source: source.addr, Target: target.addr, User: user, Ledger: filepath.Join(dir, user+".db"), Step: step, After: step%2 == 0}
		_, killed, err := play(plan)
		if err != nil {
			t.Fatal(err)
		}
		for n, l := range g.from.Letters() {
			if n%3 == 0 && !slices.Contains(l.Labels, imapfake.LabelSpam) && !slices.Contains(l.Labels, imapfake.LabelTrash) {
				g.from.Relabel(l.ID, []string{"Moved", "Work"}[:n%2+1]...)
			}
		}
		if _, err := whole(plan); err != nil {
			t.Fatalf("going on after step %d: %v", step, err)
		}
		if again, err := whole(plan); err != nil || again.Copied > 0 {
			t.Fatalf("after step %d one more pass copied %d: %v", step, again.Copied, err)
		}
		g.expectOnce()
		if !killed {
			t.Logf("killed every %d steps of %d", stride, step)
			return
		}
	}
}

func TestChoicesOfGmailAreItsPlaces(t *testing.T) {
	g := withMail(t, 10, imapfake.Gmail())
	session, err := g.job.Source(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	all, err := session.Folders(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	choices, err := mailsync.Choices(t.Context(), all, session.Profile(), mailsync.Job{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range choices {
		if c.Folder.Use == "Flagged" || c.Folder.Use == "Important" {
			t.Errorf("%s is a place", c.Folder.Name)
		}
	}
}
