package control

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

func TestALifeOfAMailbox(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	w.batch("pilot", 3)
	const u0 = "U0@example.org" // case does not matter
	_, err := w.StartMailbox(w.ctx(), w.operator, "pilot", u0)
	wants(t, err, Refused, "refused", "start the batch")
	if _, err := w.StartBatch(w.ctx(), w.operator, "pilot"); err != nil {
		t.Fatal(err)
	}
	step := func(ask func() (Mailbox, error), state string) {
		t.Helper()
		for range 2 {
			if m, err := ask(); err != nil || m.State != state {
				t.Fatalf("%s instead of %s: %v", m.State, state, err)
			}
		}
	}
	start := func() (Mailbox, error) { return w.StartMailbox(w.ctx(), w.operator, "pilot", u0) }
	stop := func() (Mailbox, error) { return w.StopMailbox(w.ctx(), w.operator, "pilot", u0) }
	sync := func() (Mailbox, error) { return w.SyncMailbox(w.ctx(), w.operator, "pilot", u0) }
	retry := func() (Mailbox, error) { return w.RetryMailbox(w.ctx(), w.operator, "pilot", u0) }
	remove := func() (Mailbox, error) { return w.DeleteMailbox(w.ctx(), w.operator, "pilot", u0) }

	step(stop, "Stopped")
	if _, err := w.StartBatch(w.ctx(), w.operator, "pilot"); err != nil {
		t.Fatal(err)
	}
	if m, _ := w.Mailbox(w.ctx(), w.viewer, "pilot", u0); m.State != "Stopped" {
		t.Error("starting the batch started a mailbox that was stopped by itself")
	}
	step(start, "Queued")
	_, err = sync()
	wants(t, err, Refused, "refused", "initial copy")
	w.edit("pilot", u0, func(m *migration.MailboxRecord) {
		m.Facts.Failed, m.Faults, m.Due = true, 10, time.Time{}
		m.Trouble = &migration.Trouble{Class: migration.Login, Code: migration.CodeLogin, Reason: "refused"}
	})
	_, err = sync()
	wants(t, err, Refused, "refused", "retry")
	step(retry, "Queued")
	if _, _, m := w.record("pilot", u0); !m.Retry || m.Faults != 0 || m.Trouble != nil || m.Due.IsZero() {
		t.Errorf("%+v", m)
	}
	w.synced("pilot", 1)
	step(sync, "Synced")
	step(stop, "IncrementalStopped")
	step(start, "Synced")
	step(remove, "Removing")
	_, err = start()
	wants(t, err, Refused, "refused", "being removed")
	if _, _, m := w.record("pilot", u0); len(m.SourceSecret)+len(m.TargetSecret) > 0 {
		t.Error("its passwords are there")
	}
	_, err = w.StartMailbox(w.ctx(), w.operator, "pilot", "nobody@example.org")
	wants(t, err, NotFound, "not-found", "nobody@example.org")
	_, err = w.StartMailbox(w.ctx(), w.operator, "nowhere", u0)
	wants(t, err, NotFound, "not-found", "nowhere")
}

// Where both ends have one sign-in for all mailboxes there is nothing to rotate, and it
// is not offered.
func TestAMailboxWithoutPasswordsIsNotOfferedNewOnes(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	w.batch("pilot", 1)
	for _, name := range []string{"all", "every"} {
		spec := EndpointSpec{Name: name, Host: "imap." + name + ".example", Login: string(migration.LoginMaster), AdminUser: "root", AdminPassword: sourceCanary}
		if _, err := w.CreateEndpoint(w.ctx(), w.admin, spec, true); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.create(BatchSpec{Name: "both", Source: "all", Target: "every"}, "EmailAddress\nanna@example.org\n"); err != nil {
		t.Fatal(err)
	}
	for batch, want := range map[string]string{"pilot": "[source target]", "both": "[]"} {
		page, err := w.Mailboxes(w.ctx(), w.operator, MailboxQuery{Batch: batch})
		if err != nil {
			t.Fatal(err)
		}
		m, err := w.Mailbox(w.ctx(), w.operator, batch, page.Items[0].Address)
		if err != nil {
			t.Fatal(err)
		}
		for _, view := range []Mailbox{m, page.Items[0]} {
			if got := fmt.Sprint(view.Passwords); got != want || slices.Contains(view.Verbs, "rotate") != (want != "[]") {
				t.Errorf("%s: %s, %v", batch, got, view.Verbs)
			}
		}
	}
	_, err := w.RotateMailbox(w.ctx(), w.operator, "both", "anna@example.org", Passwords{Source: "new"})
	wants(t, err, Refused, "refused", "no password of its own")
}

func TestANewPasswordLetsARefusedMailboxGoOn(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	w.batch("pilot", 1)
	if _, err := w.StartBatch(w.ctx(), w.operator, "pilot"); err != nil {
		t.Fatal(err)
	}
	w.edit("pilot", "u0@example.org", func(m *migration.MailboxRecord) {
		m.Facts.Failed, m.Due, m.Trouble = true, time.Time{}, &migration.Trouble{Class: migration.Login}
	})
	_, err := w.RotateMailbox(w.ctx(), w.operator, "pilot", "u0@example.org", Passwords{})
	wants(t, err, Invalid, "invalid", "must be given")
	_, err = w.RotateMailbox(w.ctx(), w.operator, "pilot", "u0@example.org", Passwords{Source: "x\r\nA LOGIN"})
	wants(t, err, Invalid, "invalid", "line breaks")
	m, err := w.RotateMailbox(w.ctx(), w.operator, "pilot", "u0@example.org", Passwords{Source: "new", Target: "newer"})
	if err != nil || m.State != "Queued" || m.Due.IsZero() {
		t.Errorf("%+v %v", m, err)
	}
	e, b, record := w.record("pilot", "u0@example.org")
	for side, want := range map[Side]string{SourceSide: "new", TargetSide: "newer"} {
		end := e.source
		if side == TargetSide {
			end = e.target
		}
		if account, err := OpenAccount(w.keys, end, b, record, side); err != nil || account.Password.Reveal() != want {
			t.Errorf("%s: %v", side, err)
		}
	}
}

func TestALostKeyIsMendedByNewPasswords(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	w.batch("pilot", 2)
	w.serve(key(t, 9)) // not Prepare, which tells the wrong key
	w.root, _ = w.keys.NewDataKey()
	m, err := w.RotateMailbox(w.ctx(), w.operator, "pilot", "u0@example.org", Passwords{Source: "new"})
	if err != nil || m.State != "Corrupted" {
		t.Errorf("the target's password is lost too: %s %v", m.State, err)
	}
	m, err = w.RotateMailbox(w.ctx(), w.operator, "pilot", "u0@example.org", Passwords{Target: "newer"})
	if err != nil || m.State != "Queued" {
		t.Errorf("%s %v", m.State, err)
	}
	if other, _ := w.Mailbox(w.ctx(), w.viewer, "pilot", "u1@example.org"); other.State != "Corrupted" {
		t.Errorf("the other one is %s", other.State)
	}
}

func TestMailboxesComeInPages(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	w.batch("pilot", 25)
	var seen []string
	query := MailboxQuery{Batch: "pilot", Page: Page{Limit: 10}}
	for pages := 0; ; pages++ {
		page, err := w.Mailboxes(w.ctx(), w.viewer, query)
		if err != nil || pages > 3 {
			t.Fatal(err)
		}
		for _, m := range page.Items {
			seen = append(seen, m.Address)
		}
		secretFree(t, page)
		if query.Cursor = page.Next; query.Cursor == "" {
			break
		}
	}
	if len(seen) != 25 || seen[24] != "u24@example.org" {
		t.Errorf("%d, the last is %s", len(seen), seen[len(seen)-1])
	}
	page, err := w.Mailboxes(w.ctx(), w.viewer, MailboxQuery{Search: "U1", States: []string{"Queued"}})
	if err != nil || len(page.Items) != 11 || page.Items[0].Batch != "pilot" {
		t.Errorf("%d %v", len(page.Items), err)
	}
	for _, bad := range []MailboxQuery{{Page: Page{Cursor: "x"}}, {Page: Page{Limit: 1001}}, {States: []string{"Sleeping"}}} {
		_, err := w.Mailboxes(w.ctx(), w.viewer, bad)
		wants(t, err, Invalid, "invalid", "")
	}
	_, err = w.Mailboxes(w.ctx(), w.viewer, MailboxQuery{Batch: "nowhere"})
	wants(t, err, NotFound, "not-found", "nowhere")
	if n, err := w.Statistics(w.ctx(), w.viewer); err != nil || n["Queued"] != 25 {
		t.Errorf("%v %v", n, err)
	}
}

func TestWhoOnlyLooksSeesNoSubjects(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	w.batch("pilot", 1)
	w.finding("pilot", "u0@example.org", "the takeover")
	for actor, sees := range map[string]bool{"viewer": false, "operator": true} {
		who := w.operator
		if actor == "viewer" {
			who = w.viewer
		}
		page, err := w.Findings(w.ctx(), who, "pilot", "u0@example.org", Page{})
		if err != nil || strings.Contains(page.Items[0].Subject, "takeover") != sees {
			t.Errorf("%s: %+v %v", actor, page, err)
		}
		_, b, m := w.record("pilot", "u0@example.org")
		for f, err := range w.FindingRows(w.ctx(), who, m.ID) {
			if err != nil || strings.Contains(f.Subject, "takeover") != sees {
				t.Errorf("%s in %s: %+v %v", actor, b.Name, f, err)
			}
		}
	}
}

func TestASkippedMessageIsReadAndThatIsLogged(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	w.batch("pilot", 2)
	w.finding("pilot", "u0@example.org", "big")
	page, _ := w.Findings(w.ctx(), w.operator, "pilot", "u0@example.org", Page{})
	id := page.Items[0].ID
	message, err := w.SkippedMessage(w.ctx(), w.operator, "pilot", "u0@example.org", id)
	if err != nil {
		t.Fatal(err)
	}
	defer message.Body.Close()
	if text, _ := io.ReadAll(message.Body); message.FileName != "message-7.eml" || !strings.HasPrefix(string(text), "Subject: INBOX 7") {
		t.Errorf("%s %q", message.FileName, text)
	}
	if last := w.log(); last[len(last)-1] != "olga mailbox.message mailbox/pilot/u0@example.org" {
		t.Errorf("%s", last[len(last)-1])
	}
	for _, bad := range []string{"x", "999", "-1"} {
		_, err = w.SkippedMessage(w.ctx(), w.operator, "pilot", "u0@example.org", bad)
		wants(t, err, NotFound, "not-found", "")
	}
	_, err = w.SkippedMessage(w.ctx(), w.operator, "pilot", "u1@example.org", id)
	wants(t, err, NotFound, "not-found", "")
}

func TestRowsOfAReportHoldNoSecrets(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	w.batch("pilot", 1200)
	b, all, err := w.ReportRows(w.ctx(), w.viewer, "pilot")
	if err != nil || len(b.Key) > 0 {
		t.Fatal(err)
	}
	n := 0
	for m, err := range all {
		if err != nil || len(m.SourceSecret)+len(m.TargetSecret) > 0 {
			t.Fatalf("%s: %v", m.Address, err)
		}
		if want := fmt.Sprintf("u%d@example.org", n); m.Address != want {
			t.Fatalf("%s instead of %s", m.Address, want)
		}
		n++
	}
	if n != 1200 {
		t.Errorf("%d rows", n)
	}
}
