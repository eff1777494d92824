package notify

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// handoverOf is the notice for a mailbox.
func handoverOf(t *testing.T, m migration.MailboxRecord, at time.Time) migration.Notice {
	t.Helper()
	event := eventOf(Handover, migration.BatchSynced, migration.BatchCounts{Total: 1})
	event.At = at
	n, ok := Composer{Mail: true}.ComposeHandovers(event, "The IT desk\nroom 7")(m)
	if !ok {
		t.Fatalf("none for %+v", m)
	}
	return n
}

func TestAHandoverIsOneOfItsMailboxAndOfWhenItIsAskedFor(t *testing.T) {
	anna := migration.MailboxRecord{ID: 1, Address: "anna@example.org", TargetUser: "shared@example.org", SourceSecret: []byte("sealed-source")}
	ben := migration.MailboxRecord{ID: 2, Address: "ben@example.org", TargetUser: "shared@example.org"}
	first, again := handoverOf(t, anna, happened), handoverOf(t, anna, happened)
	if first.Mark != again.Mark {
		t.Errorf("asked once: %q and %q", first.Mark, again.Mark)
	}
	if other := handoverOf(t, ben, happened); other.Mark == first.Mark || other.Recipients[0] != first.Recipients[0] {
		t.Errorf("two mailboxes of one address: %+v", other)
	}
	if later := handoverOf(t, anna, happened.Add(time.Microsecond)); later.Mark == first.Mark {
		t.Errorf("asked again: %q", later.Mark)
	}
	if strings.Contains(string(first.Body), "sealed") {
		t.Error("the notice keeps a password")
	}
	event := eventOf(Handover, migration.BatchSynced, migration.BatchCounts{})
	if _, ok := (Composer{Mail: true}).ComposeHandovers(event, "")(migration.MailboxRecord{Address: "anna", TargetUser: "DOMAIN/admin/anna"}); ok {
		t.Error("a mail to nobody is composed")
	}
	if (Composer{Webhook: true}).ComposeHandovers(event, "") != nil {
		t.Error("one is composed without a mail server")
	}
}

func TestAHandoverIsMailedToItsOwnerAlone(t *testing.T) {
	server := startSMTP(t, smtpdOptions{Mode: "starttls", User: "mailhaul", Password: mailPassword})
	s, err := New(Options{Reports: oneReport{}, Mail: always(server.signedIn(migration.StartTLS))})
	if err != nil {
		t.Fatal(err)
	}
	n := handoverOf(t, migration.MailboxRecord{ID: 1, Address: "anna@example.org", TargetUser: "anna@new.example.org"}, happened)
	if err := s.deliver(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	mails := server.taken(t)
	if len(mails) != 1 || strings.Join(mails[0].To, " ") != "anna@new.example.org" {
		t.Fatalf("got %+v", mails)
	}
	m := mails[0]
	if from := m.mail.Header.Get("From"); !strings.Contains(from, "Mail migration") || m.mail.Header.Get("Subject") != "Your new mailbox: please have a look" || m.mail.Header.Get("Auto-Submitted") != "auto-generated" {
		t.Errorf("got %q", m.mail.Header)
	}
	if len(m.parts) != 2 {
		t.Errorf("%d parts", len(m.parts))
	}
	for _, part := range []string{"text/plain", "text/html"} {
		for _, text := range []string{"anna@example.org", "The IT desk", "room 7", "What to do now"} {
			if !strings.Contains(m.parts[part], text) {
				t.Errorf("%s lacks %q: %s", part, text, m.parts[part])
			}
		}
		for _, text := range []string{"sealed", mailPassword, "mailhaul"} {
			if strings.Contains(m.parts[part], text) {
				t.Errorf("%s has %q", part, text)
			}
		}
	}
}

func TestTheHandoverOfAMailboxThatIsGoneIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, server, seen := &desk{}, &scripted{}, &outcomes{}
		d.put(handoverOf(t, migration.MailboxRecord{ID: 1, Address: gone}, happened))
		ctx, cancel := context.WithCancel(t.Context())
		s := sending(t, d, server, seen)
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		time.Sleep(time.Hour)
		cancel()
		<-done
		if n := d.notices[0]; !n.Due.IsZero() || !n.Sent.IsZero() || n.Tries != 1 || !strings.Contains(n.Trouble, "not in its batch any more") {
			t.Errorf("got %+v", n)
		}
		if len(seen.list) != 1 || seen.list[0] != "handover given-up" || strings.Contains(strings.Join(server.heard, "\n"), "DATA") {
			t.Errorf("got %v, heard %v", seen.list, server.heard)
		}
	})
}
