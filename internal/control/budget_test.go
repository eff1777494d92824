package control

import (
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

func TestAnEndpointOfGmailHasTheDayBudgetOfGmail(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		spec     EndpointSpec
		down, up int64
	}{
		{EndpointSpec{Name: "gmail", Host: "imap.gmail.com"}, 2_500_000_000, 500_000_000},
		{EndpointSpec{Name: "mine", Host: "imap.gmail.com", BytesPerDayDown: ptr(int64(0)), BytesPerDayUp: ptr(int64(1e9))}, 0, 1_000_000_000},
		{EndpointSpec{Name: "other", Host: "imap.example.org"}, 0, 0},
	} {
		e, err := w.CreateEndpoint(w.ctx(), w.admin, c.spec, true)
		if err != nil || e.BytesPerDayDown != c.down || e.BytesPerDayUp != c.up {
			t.Errorf("%s has %d and %d, %v", c.spec.Name, e.BytesPerDayDown, e.BytesPerDayUp, err)
		}
	}
	e, err := w.SetEndpoint(w.ctx(), w.admin, "gmail", EndpointPatch{BytesPerDayDown: ptr(int64(200_000_000))}, 0, true)
	if err != nil || e.BytesPerDayDown != 200_000_000 || e.BytesPerDayUp != 500_000_000 {
		t.Errorf("%d and %d, %v", e.BytesPerDayDown, e.BytesPerDayUp, err)
	}
}

func TestTheTimeThatIsLeftCountsTheDayBudget(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	w.batch("pilot", 2)
	left := func(address string) (mailbox, batch int64) {
		t.Helper()
		m, err := w.Mailbox(w.ctx(), w.operator, "pilot", address)
		if err != nil {
			t.Fatal(err)
		}
		b, err := w.Batch(w.ctx(), w.operator, "pilot")
		if err != nil {
			t.Fatal(err)
		}
		return m.Remaining, b.Figures.RemainingSeconds
	}
	days := time.Now().Add(3 * 24 * time.Hour)
	const three = 3*24*3600 - 120
	// At 1 kB/s the rest would take 10 s.
	w.edit("pilot", "u0@example.org", func(m *migration.MailboxRecord) {
		m.Facts.Running, m.Progress = migration.InitialPass, migration.MailboxProgress{Bytes: 1000, BytesTotal: 11_000, BytesPerSecond: 1000}
	})
	if mailbox, batch := left("u0@example.org"); mailbox != 10 || batch != 10 {
		t.Errorf("%d s and %d s are left, want 10", mailbox, batch)
	}
	w.edit("pilot", "u0@example.org", func(m *migration.MailboxRecord) { m.Progress.Earliest = days })
	if mailbox, batch := left("u0@example.org"); mailbox < three || batch < three {
		t.Errorf("%d s and %d s are left, want 3 days", mailbox, batch)
	}
	// While it is paused nothing runs, and the end is as far away.
	w.edit("pilot", "u0@example.org", func(m *migration.MailboxRecord) {
		m.Facts.Running = ""
		m.Trouble = &migration.Trouble{Class: migration.Later, Code: migration.CodeDayBudget, Reason: "paused", Until: time.Now().Add(time.Hour)}
	})
	if mailbox, batch := left("u0@example.org"); mailbox < three || batch < three {
		t.Errorf("paused, %d s and %d s are left, want 3 days", mailbox, batch)
	}
	if mailbox, _ := left("u1@example.org"); mailbox != 0 {
		t.Errorf("the other has %d s left", mailbox)
	}
}
