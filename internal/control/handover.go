package control

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// HandoverMail asks for the owners of mailboxes to be mailed their hand-overs.
type HandoverMail struct {
	Addresses []string `json:"addresses,omitempty" maxItems:"5000" doc:"The mailboxes whose owners get theirs"`
	// All must be said: nobody writes to everybody by leaving something out.
	All     bool   `json:"all,omitempty" doc:"All mailboxes that were synchronised, instead of addresses"`
	Contact string `json:"contact,omitempty" maxLength:"1000" doc:"Whom owners ask when something is missing, in at most 10 lines; only a dry run needs none"`
	DryRun  bool   `json:"dryRun,omitempty" doc:"Only say who would get one"`
}

// HandoversMailed says whose hand-overs are mailed.
type HandoversMailed struct {
	Mails        int                 `json:"mails" doc:"Owners who get theirs"`
	Recipients   []HandoverRecipient `json:"recipients" doc:"The first of them"`
	Refused      []MailboxRefused    `json:"refused" doc:"The first of the mailboxes whose owners get none"`
	RefusedCount int                 `json:"refusedCount"`
}

// HandoverRecipient is where the hand-over of a mailbox goes.
type HandoverRecipient struct {
	Mailbox string `json:"mailbox"`
	To      string `json:"to" doc:"The user at the target if that is an address, else the address of the mailbox"`
}

// refuse notes why the owner of a mailbox gets none.
func (h *HandoversMailed) refuse(address, why string) {
	if h.RefusedCount++; len(h.Refused) < shownRefused {
		h.Refused = append(h.Refused, MailboxRefused{address, why})
	}
}

// ComposeHandovers prepares the notices by which hand-overs are mailed. What it gives
// makes that of a mailbox, false where its owner has no address; it gives nil when no
// mail can be sent, which matters to no dry run.
type ComposeHandovers func(tx Tx, batch migration.BatchRecord, mail HandoverMail) (func(migration.MailboxRecord) (migration.Notice, bool), error)

const (
	maxContact      = 1000
	maxContactLines = 10
)

// contact accepts some lines for people.
func (c *checks) contact(field, text string) {
	ok := utf8.RuneCountInString(text) <= maxContact && utf8.ValidString(text)
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for _, line := range lines {
		line = strings.TrimSuffix(line, "\r")
		ok = ok && migration.SafeText(line) == line
	}
	c.that(ok && len(lines) <= maxContactLines, field, "must be at most %d lines, together at most %d characters", maxContactLines, maxContact)
}

// JudgeHandover says what keeps a mailbox from being handed over: no permission, no
// such mailbox, a contact that is none, or that it was never synchronised.
func (s *Service) JudgeHandover(ctx context.Context, actor Actor, batch, address, contact string) error {
	if err := permit(actor, MailboxLook); err != nil {
		return err
	}
	var c checks
	c.contact("contact", contact)
	if err := c.err(); err != nil {
		return err
	}
	return problem(mailboxNamed(address, batch), s.store.View(ctx, "reading the mailbox", func(tx Tx) error {
		_, m, err := findMailbox(tx, batch, address)
		if err == nil && m.LastSynced.IsZero() {
			err = &Problem{Kind: Refused, Code: "not-synced", Detail: "There is no hand-over yet: " + notSynced + ".", Remedy: "Wait for the initial copy."}
		}
		return err
	}))
}

const notSynced = "the mailbox was never synchronised"

// SendHandovers mails hand-overs to the owners of mailboxes, all or none of them. Who
// asks again writes to them again. What became of it is in the notices of the batch.
func (s *Service) SendHandovers(ctx context.Context, actor Actor, batch string, mail HandoverMail) (sent HandoversMailed, err error) {
	if err := permit(actor, BatchHandover); err != nil {
		return sent, err
	}
	var c checks
	c.that(mail.All != (len(mail.Addresses) > 0), "addresses", "or all must say whose owners are to be mailed, not both")
	c.that(mail.DryRun || strings.TrimSpace(mail.Contact) != "", "contact", "is missing: say whom owners ask when something is missing")
	c.contact("contact", mail.Contact)
	if err := c.err(); err != nil {
		return sent, err
	}
	if s.handovers == nil {
		return sent, errNoMail()
	}
	do := s.change
	if mail.DryRun {
		do = s.store.View
	}
	err = do(ctx, "mailing hand-overs", func(tx Tx) error {
		b, err := tx.Batch(batch)
		if err != nil {
			return err
		}
		if sent, err = s.handOver(tx, b, mail); err != nil || mail.DryRun || sent.Mails == 0 {
			return err
		}
		told := map[string]any{"mails": sent.Mails, "contact": mail.Contact}
		if n := len(mail.Addresses); n > 0 && n <= shownAddresses {
			told["addresses"] = mail.Addresses
		}
		return s.record(tx, actor, BatchHandover, "batch/"+b.Name, told)
	})
	return sent, problem(batchNamed(batch), err)
}

// handOver records a notice for each owner, or in a dry run only counts them.
func (s *Service) handOver(tx Tx, b migration.BatchRecord, mail HandoverMail) (sent HandoversMailed, err error) {
	sent = HandoversMailed{Recipients: []HandoverRecipient{}, Refused: []MailboxRefused{}}
	compose, err := s.handovers(tx, b, mail)
	if err != nil {
		return sent, err
	}
	if compose == nil {
		return sent, errNoMail()
	}
	take := func(m migration.MailboxRecord) error {
		if m.LastSynced.IsZero() {
			sent.refuse(m.Address, notSynced)
			return nil
		}
		notice, ok := compose(m)
		if !ok {
			sent.refuse(m.Address, "neither its user at the target nor its own name is an e-mail address")
			return nil
		}
		if sent.Mails++; len(sent.Recipients) < shownRefused {
			sent.Recipients = append(sent.Recipients, HandoverRecipient{m.Address, m.NewAddress()})
		}
		if mail.DryRun {
			return nil
		}
		return tx.Notify(notice)
	}
	if mail.All {
		for m, err := range mailboxesOf(tx, b.ID) {
			if err == nil {
				err = take(m)
			}
			if err != nil {
				return sent, err
			}
		}
		return sent, nil
	}
	for _, address := range firstOfEach(mail.Addresses) {
		m, err := tx.Mailbox(b.ID, address)
		if errors.Is(err, migration.ErrNotFound) {
			sent.refuse(migration.SafeText(address), "there is no such mailbox in the batch")
			continue
		}
		if err == nil {
			err = take(m)
		}
		if err != nil {
			return sent, err
		}
	}
	return sent, nil
}
