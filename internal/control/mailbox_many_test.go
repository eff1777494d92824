package control

import (
	"strings"
	"testing"

	"github.com/mailhaul/mailhaul/internal/migration"
)

func TestManyMailboxesAreAskedAsEachAlone(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	w.batch("pilot", 450) // more than are asked in one transaction
	ask := func(actions MailboxActions) MailboxesActed {
		t.Helper()
		acted, err := w.ActOnMailboxes(w.ctx(), w.operator, "pilot", actions)
		if err != nil {
			t.Fatal(err)
		}
		return acted
	}
	states := func() map[string]int {
		t.Helper()
		b, err := w.Batch(w.ctx(), w.viewer, "pilot")
		if err != nil {
			t.Fatal(err)
		}
		return b.States
	}
	if acted := ask(MailboxActions{Verb: "start", Addresses: []string{"u1@example.org"}}); acted.Done != 0 || acted.RefusedCount != 1 || !strings.Contains(acted.Refused[0].Detail, "it was not started yet") {
		t.Errorf("of a batch that does not run: %+v", acted)
	}
	if _, err := w.StartBatch(w.ctx(), w.operator, "pilot"); err != nil {
		t.Fatal(err)
	}
	before := len(w.log())
	if acted := ask(MailboxActions{Verb: "stop", States: []string{"Queued"}}); acted.Done != 450 || acted.RefusedCount != 0 || acted.Refused == nil || states()["Stopped"] != 450 {
		t.Errorf("%+v, %v", acted, states())
	}
	if acted := ask(MailboxActions{Verb: "stop", Search: "@example"}); acted.Done != 450 {
		t.Errorf("once more: %+v", acted)
	}
	if acted := ask(MailboxActions{Verb: "sync", Search: "@example"}); acted.Done != 0 || acted.RefusedCount != 450 || len(acted.Refused) != 100 || acted.Refused[0].Address != "u0@example.org" ||
		acted.Refused[0].Detail != "it is Stopped: only a mailbox with its initial copy that is not stopped can be synchronised" {
		t.Errorf("%d, %d, %+v", acted.Done, acted.RefusedCount, acted.Refused[0])
	}
	if acted := ask(MailboxActions{Verb: "start", Addresses: []string{"U7@example.org", "u7@example.org", "nobody@example.org", "u8@example.org"}, Search: "7@", States: []string{"Stopped"}}); acted.Done != 1 ||
		acted.RefusedCount != 1 || acted.Refused[0].Address != "nobody@example.org" || states()["Queued"] != 1 {
		t.Errorf("%+v, %v", acted, states())
	}
	if acted := ask(MailboxActions{Verb: "delete", Search: "u44"}); acted.Done != 11 || states()["Removing"] != 11 {
		t.Errorf("%+v, %v", acted, states())
	}
	if _, _, m := w.record("pilot", "u44@example.org"); len(m.SourceSecret)+len(m.TargetSecret) > 0 {
		t.Error("a mailbox that was deleted has its passwords")
	}
	page, err := w.AuditRecords(w.ctx(), w.admin, Page{Limit: len(w.log()) - before})
	if err != nil || len(page.Items) != 3 || !strings.Contains(page.Items[2].Detail, `"mailboxes":450`) || !strings.Contains(page.Items[1].Detail, `"mailboxes":1`) {
		t.Errorf("the audit log has %+v, %v", page.Items, err)
	}
}

func TestApprovalsAndRetriesOfManyMailboxes(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	w.batch("pilot", 3)
	if _, err := w.StartBatch(w.ctx(), w.operator, "pilot"); err != nil {
		t.Fatal(err)
	}
	w.synced("pilot", 2)
	acted, err := w.ActOnMailboxes(w.ctx(), w.operator, "pilot", MailboxActions{Verb: "approve", Search: "u", Reason: "old spam"})
	if err != nil || acted.Done != 2 || acted.RefusedCount != 1 {
		t.Errorf("%+v, %v", acted, err)
	}
	w.edit("pilot", "u0@example.org", func(m *migration.MailboxRecord) { m.Facts.Failed = true })
	if acted, err = w.ActOnMailboxes(w.ctx(), w.operator, "pilot", MailboxActions{Verb: "retry", States: []string{"IncrementalFailed"}}); err != nil || acted.Done != 1 {
		t.Errorf("%+v, %v", acted, err)
	}
	if _, _, m := w.record("pilot", "u0@example.org"); !m.Retry || m.Facts.Failed {
		t.Errorf("%+v", m)
	}
}

func TestNonsenseIsAskedOfNoMailbox(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	w.batch("pilot", 1)
	for text, actions := range map[string]MailboxActions{
		"must say which":   {Verb: "delete"},
		"must be start":    {Verb: "complete", Search: "u"},
		"knows no":         {Verb: "stop", States: []string{"Asleep"}},
		"must be one line": {Verb: "approve", Search: "u", Reason: "a\nb"},
	} {
		_, err := w.ActOnMailboxes(w.ctx(), w.operator, "pilot", actions)
		wants(t, err, Invalid, "invalid", text)
	}
	_, err := w.ActOnMailboxes(w.ctx(), w.operator, "nothing", MailboxActions{Verb: "stop", Search: "u"})
	wants(t, err, NotFound, "not-found", "nothing")
}

func TestThoseThatAreNotReadyAreListedCountedAndAsked(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	w.batch("pilot", 6)
	for i, result := range []migration.PreflightResult{{OK: true}, {OK: true, Warnings: []migration.Finding{{}}}, {}, {}} {
		w.edit("pilot", []string{"u0@example.org", "u1@example.org", "u2@example.org", "u3@example.org"}[i], func(m *migration.MailboxRecord) { m.Preflight = &result })
	}
	w.edit("pilot", "u4@example.org", func(m *migration.MailboxRecord) { m.Trial, m.Preflight = true, &migration.PreflightResult{} })
	b, err := w.Batch(w.ctx(), w.viewer, "pilot")
	if f := b.Figures; err != nil || f.Ready != 1 || f.Noted != 1 || f.NotReady != 2 || f.Trying != 1 {
		t.Fatalf("%+v, %v", f, err)
	}
	nothing := 0
	page, err := w.Mailboxes(w.ctx(), w.viewer, MailboxQuery{Batch: "pilot", NotReady: true, Offset: &nothing})
	if err != nil || len(page.Items) != 2 || *page.Total != 2 || page.Items[0].Address != "u2@example.org" || page.Items[1].Address != "u3@example.org" {
		t.Errorf("%+v, %v", page, err)
	}
	acted, err := w.ActOnMailboxes(w.ctx(), w.operator, "pilot", MailboxActions{Verb: "delete", NotReady: true})
	if err != nil || acted.Done != 2 || acted.RefusedCount != 0 {
		t.Errorf("%+v, %v", acted, err)
	}
	acted, err = w.ActOnMailboxes(w.ctx(), w.operator, "pilot", MailboxActions{Verb: "delete", NotReady: true, Addresses: []string{"u0@example.org", "u4@example.org"}})
	if err != nil || acted.Done != 0 {
		t.Errorf("of those that are ready or still tried: %+v, %v", acted, err)
	}
}
