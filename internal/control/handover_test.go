package control

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// handedOver is a world with a batch of six mailboxes of which u0 to u3 were
// synchronised; u3 has no address.
func handedOver(t *testing.T) *world {
	w := newWorld(t)
	w.endpoints()
	w.batch("pilot", 6)
	for _, name := range []string{"u0", "u1", "u2", "u3"} {
		w.edit("pilot", name+"@example.org", func(m *migration.MailboxRecord) { m.LastSynced = time.Now() })
	}
	w.edit("pilot", "u0@example.org", func(m *migration.MailboxRecord) { m.TargetUser = "anna@new.example.org" })
	w.edit("pilot", "u1@example.org", func(m *migration.MailboxRecord) { m.TargetUser = "u1" })
	return w
}

// handoverNotices are who the notices of the batch go to.
func (w *world) handoverNotices() (to []string) {
	w.t.Helper()
	notices, err := w.Notices(w.ctx(), w.viewer, "pilot")
	if err != nil {
		w.t.Fatal(err)
	}
	for _, n := range notices {
		to = append(to, n.Recipients...)
	}
	slices.Sort(to)
	return to
}

func TestHandoversGoToTheNewAddressesOfThoseThatWereSynchronised(t *testing.T) {
	w := handedOver(t)
	mail := HandoverMail{All: true, Contact: "The desk\nroom 7", DryRun: true}
	before := len(w.log())
	plan, err := w.SendHandovers(w.ctx(), w.operator, "pilot", mail)
	want := []HandoverRecipient{{"u0@example.org", "anna@new.example.org"}, {"u1@example.org", "u1@example.org"}, {"u2@example.org", "u2@example.org"}}
	if err != nil || plan.Mails != 3 || !slices.Equal(plan.Recipients, want) || plan.RefusedCount != 3 {
		t.Fatalf("%+v, %v", plan, err)
	}
	if to := w.handoverNotices(); len(to) != 0 || len(w.log()) != before {
		t.Errorf("a dry run has written: %v", to)
	}
	why := map[string]string{}
	for _, m := range plan.Refused {
		why[m.Address] = m.Detail
	}
	if !strings.Contains(why["u3@example.org"], "e-mail address") || !strings.Contains(why["u4@example.org"], "never synchronised") || !strings.Contains(why["u5@example.org"], "never synchronised") {
		t.Errorf("refused: %v", why)
	}
	mail.DryRun = false
	sent, err := w.SendHandovers(w.ctx(), w.operator, "pilot", mail)
	if err != nil || sent.Mails != 3 || !slices.Equal(sent.Recipients, want) {
		t.Fatalf("%+v, %v", sent, err)
	}
	if to := w.handoverNotices(); !slices.Equal(to, []string{"anna@new.example.org", "u1@example.org", "u2@example.org"}) {
		t.Errorf("they go to %v", to)
	}
	if detail := w.detail(); !strings.Contains(detail, `"mails":3`) || !strings.Contains(detail, "The desk") {
		t.Errorf("the audit log says %s", detail)
	}
}

func TestHandoversOfNamedMailboxesGoToEachOnce(t *testing.T) {
	w := handedOver(t)
	mail := HandoverMail{Addresses: []string{"u2@example.org", "U2@example.org", "u4@example.org", "nobody@example.org"}, Contact: "The desk"}
	sent, err := w.SendHandovers(w.ctx(), w.operator, "pilot", mail)
	if err != nil || sent.Mails != 1 || sent.RefusedCount != 2 || !slices.Equal(w.handoverNotices(), []string{"u2@example.org"}) {
		t.Fatalf("%+v, %v: %v", sent, err, w.handoverNotices())
	}
	// None of them is asked for: nothing is done, and nothing is in the audit log.
	before := len(w.log())
	sent, err = w.SendHandovers(w.ctx(), w.operator, "pilot", HandoverMail{Addresses: []string{"u5@example.org"}, Contact: "The desk"})
	if err != nil || sent.Mails != 0 || len(w.log()) != before {
		t.Errorf("%+v, %v", sent, err)
	}
}

func TestHandoversThatMakeNoSenseAreRefused(t *testing.T) {
	w := handedOver(t)
	for detail, mail := range map[string]HandoverMail{
		"addresses or all must say": {Contact: "The desk"},
		"not both":                  {All: true, Addresses: []string{"u0@example.org"}, Contact: "The desk"},
		"contact is missing":        {All: true, Contact: " \n"},
		"at most 10 lines":          {All: true, Contact: strings.Repeat("x\n", 11)},
		"at most 1000 characters":   {All: true, Contact: "x" + strings.Repeat("ж", 1000)},
		"contact must be":           {All: true, Contact: "the \x1b[31mdesk"},
	} {
		_, err := w.SendHandovers(w.ctx(), w.operator, "pilot", mail)
		wants(t, err, Invalid, "invalid", detail)
	}
	_, err := w.SendHandovers(w.ctx(), w.operator, "nothing", HandoverMail{All: true, Contact: "The desk"})
	wants(t, err, NotFound, "not-found", "nothing")
	if _, err := w.SendHandovers(w.ctx(), w.operator, "pilot", HandoverMail{All: true, DryRun: true}); err != nil {
		t.Errorf("a dry run needs no contact: %v", err)
	}
	w.handovers = func(Tx, migration.BatchRecord, HandoverMail) (func(migration.MailboxRecord) (migration.Notice, bool), error) {
		return nil, nil
	}
	_, err = w.SendHandovers(w.ctx(), w.operator, "pilot", HandoverMail{All: true, Contact: "The desk"})
	wants(t, err, Refused, "no-mail-server", "no mail server")
	w.handovers = nil
	_, err = w.SendHandovers(w.ctx(), w.operator, "pilot", HandoverMail{All: true, Contact: "The desk"})
	wants(t, err, Refused, "no-mail-server", "no mail server")
	if to := w.handoverNotices(); len(to) != 0 {
		t.Errorf("%v get one", to)
	}
}

func TestAMailboxThatWasNeverSynchronisedIsNotHandedOver(t *testing.T) {
	w := handedOver(t)
	if err := w.JudgeHandover(w.ctx(), w.viewer, "pilot", "u0@example.org", "The desk"); err != nil {
		t.Error(err)
	}
	wants(t, w.JudgeHandover(w.ctx(), w.viewer, "pilot", "u5@example.org", ""), Refused, "not-synced", "never synchronised")
	wants(t, w.JudgeHandover(w.ctx(), w.viewer, "pilot", "nobody@example.org", ""), NotFound, "not-found", "nobody@example.org")
	wants(t, w.JudgeHandover(w.ctx(), w.viewer, "pilot", "u0@example.org", "\x00"), Invalid, "invalid", "contact")
}
