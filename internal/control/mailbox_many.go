package control

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// MailboxActions asks something of many mailboxes of a batch: of those at the
// addresses, in the states and with the search in their address, whichever are given.
type MailboxActions struct {
	Verb      string   `json:"verb" enum:"start,stop,retry,sync,approve,delete"`
	Addresses []string `json:"addresses,omitempty" maxItems:"5000"`
	States    []string `json:"states,omitempty" maxItems:"20"`
	Search    string   `json:"search,omitempty" maxLength:"320" doc:"Part of the address"`
	NotReady  bool     `json:"notReady,omitempty" doc:"Those that the last preflight found not ready"`
	Reason    string   `json:"reason,omitempty" maxLength:"1000" doc:"Of an approval; goes to the audit log"`
}

// MailboxesActed is what became of it.
type MailboxesActed struct {
	Done         int              `json:"done" doc:"Mailboxes that were asked, or of which it was so already"`
	Refused      []MailboxRefused `json:"refused" doc:"The first of those that refused"`
	RefusedCount int              `json:"refusedCount"`
}

// MailboxRefused is why a mailbox refused.
type MailboxRefused struct {
	Address string `json:"address"`
	Detail  string `json:"detail"`
}

const (
	// shownRefused are told of those that refused.
	shownRefused = 100
	// mailboxesAtOnce are changed in one transaction: others write meanwhile.
	mailboxesAtOnce = 200
)

// refuse notes why a mailbox refused.
func (a *MailboxesActed) refuse(address string, err error) {
	if a.RefusedCount++; len(a.Refused) < shownRefused {
		a.Refused = append(a.Refused, MailboxRefused{address, ProblemOf(err).Error()})
	}
}

// ActOnMailboxes asks for a verb of many mailboxes, of each as if it were asked alone.
// The audit log has one record of it, at the batch, that is written with the first
// mailboxes and has how many were to be asked.
func (s *Service) ActOnMailboxes(ctx context.Context, actor Actor, batch string, actions MailboxActions) (acted MailboxesActed, err error) {
	if err := permit(actor, MailboxAct); err != nil {
		return acted, err
	}
	act, err := actions.act(actor)
	if err != nil {
		return acted, err
	}
	if err := permit(actor, act.action); err != nil {
		return acted, err
	}
	acted.Refused = []MailboxRefused{}
	plan, err := s.planActions(ctx, batch, act, actions, &acted)
	if err != nil {
		return acted, problem(batchNamed(batch), err)
	}
	detail := actions.told(len(plan))
	for part := range slices.Chunk(plan, mailboxesAtOnce) {
		told, failed := s.actOnSome(ctx, actor, batch, act, part, detail, &acted)
		if err = failed; err != nil {
			break
		}
		if told {
			detail = nil
		}
	}
	s.wake()
	if act.verb == migration.VerbDelete {
		err = errors.Join(err, s.scrub(ctx))
	}
	return acted, problem(batchNamed(batch), err)
}

// act is what the verb does.
func (a MailboxActions) act(actor Actor) (act mailboxAct, err error) {
	var c checks
	c.states("states", a.States)
	c.text("reason", a.Reason, maxReason)
	c.that(len(a.Addresses)+len(a.States) > 0 || a.Search != "" || a.NotReady, "addresses", "or states, search or notReady must say which mailboxes")
	switch migration.Verb(a.Verb) {
	case migration.VerbStart:
		act = startingMailbox()
	case migration.VerbStop:
		act = stoppingMailbox()
	case migration.VerbRetry:
		act = retryingMailbox()
	case migration.VerbSync:
		act = syncingMailbox()
	case migration.VerbApprove:
		act = approvingMailbox(actor, a.Reason)
	case migration.VerbDelete:
		act = deletingMailbox()
	default:
		c.that(false, "verb", "must be start, stop, retry, sync, approve or delete")
	}
	return act, c.err()
}

// told is what the audit log is told.
func (a MailboxActions) told(mailboxes int) map[string]any {
	told := map[string]any{"mailboxes": mailboxes}
	for name, value := range map[string]string{"search": a.Search, "reason": a.Reason} {
		if value != "" {
			told[name] = value
		}
	}
	if a.NotReady {
		told["notReady"] = true
	}
	if len(a.States) > 0 {
		told["states"] = a.States
	}
	if len(a.Addresses) > 0 && len(a.Addresses) <= shownAddresses {
		told["addresses"] = a.Addresses
	}
	return told
}

// shownAddresses are told to the audit log one by one.
const shownAddresses = 20

// planActions finds the mailboxes that are to be asked, and counts those that refuse
// or are so already.
func (s *Service) planActions(ctx context.Context, batch string, act mailboxAct, actions MailboxActions, acted *MailboxesActed) (plan []string, err error) {
	consider := func(b migration.BatchRecord, m migration.MailboxRecord) {
		state := m.Facts.State()
		switch answer, reason := state.Ask(act.verb); answer {
		case migration.Allowed:
			plan = append(plan, m.Address)
		case migration.Already:
			acted.Done++
		default:
			acted.refuse(m.Address, refused("it is "+string(state), reason))
		}
	}
	if len(actions.Addresses) > 0 {
		err = s.eachNamed(ctx, batch, actions, acted, consider)
	} else {
		err = s.eachChosen(ctx, batch, actions, consider)
	}
	return plan, err
}

// eachNamed goes through the mailboxes whose addresses are given.
func (s *Service) eachNamed(ctx context.Context, batch string, actions MailboxActions, acted *MailboxesActed, consider func(migration.BatchRecord, migration.MailboxRecord)) error {
	for part := range slices.Chunk(firstOfEach(actions.Addresses), maxLimit) {
		var b migration.BatchRecord
		found := map[string]migration.MailboxRecord{}
		err := s.store.View(ctx, "reading mailboxes", func(tx Tx) (err error) {
			if b, err = tx.Batch(batch); err != nil {
				return err
			}
			for _, address := range part {
				m, err := tx.Mailbox(b.ID, address)
				if err == nil {
					found[address] = m
				} else if !errors.Is(err, migration.ErrNotFound) {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, address := range part {
			if m, there := found[address]; !there {
				acted.refuse(migration.SafeText(address), problem(mailboxNamed(address, b.Name), migration.ErrNotFound))
			} else if actions.takes(m) {
				consider(b, m)
			}
		}
	}
	return nil
}

// firstOfEach leaves out addresses that are there already, in whatever case.
func firstOfEach(addresses []string) []string {
	seen := map[string]bool{}
	return slices.DeleteFunc(slices.Clone(addresses), func(address string) bool {
		again := seen[lower(address)]
		seen[lower(address)] = true
		return again
	})
}

// takes reports whether a mailbox whose address is given is in the states, too.
func (a MailboxActions) takes(m migration.MailboxRecord) bool {
	fits := a.Search == "" || strings.Contains(lower(m.Address), lower(a.Search))
	fits = fits && (!a.NotReady || m.Readiness() == migration.NotReady && !m.Trying())
	return fits && (len(a.States) == 0 || slices.Contains(a.States, string(m.Facts.State())))
}

// eachChosen goes through the mailboxes in the states and with the search.
func (s *Service) eachChosen(ctx context.Context, batch string, actions MailboxActions, consider func(migration.BatchRecord, migration.MailboxRecord)) error {
	filter := migration.MailboxFilter{Address: actions.Search, NotReady: actions.NotReady, Limit: maxLimit}
	for _, state := range actions.States {
		filter.States = append(filter.States, migration.MailboxState(state))
	}
	for {
		var page []migration.MailboxRecord
		var b migration.BatchRecord
		err := s.store.View(ctx, "reading mailboxes", func(tx Tx) (err error) {
			if b, err = tx.Batch(batch); err != nil {
				return err
			}
			filter.Batch = b.ID
			page, err = tx.Mailboxes(filter)
			return err
		})
		if err != nil {
			return err
		}
		for _, m := range page {
			filter.After = m.ID
			consider(b, m)
		}
		if len(page) < filter.Limit {
			return nil
		}
	}
}

// actOnSome asks some of the mailboxes in one transaction, and tells the audit log if
// it is to be told and anything was done.
func (s *Service) actOnSome(ctx context.Context, actor Actor, batch string, act mailboxAct, addresses []string, detail map[string]any, acted *MailboxesActed) (told bool, err error) {
	before := *acted
	err = s.change(ctx, act.doing, func(tx Tx) error {
		*acted, told = before, false
		b, err := tx.Batch(batch)
		if err != nil {
			return err
		}
		did := false
		for _, address := range addresses {
			m, err := tx.Mailbox(b.ID, address)
			done := false
			if err == nil {
				done, err = act.ask(tx, &b, &m, map[string]any{})
			}
			if errors.Is(err, migration.ErrNotFound) {
				err = problem(mailboxNamed(address, b.Name), err)
			}
			switch {
			case ProblemOf(err) != nil:
				acted.refuse(address, err)
				continue
			case err != nil:
				return err
			}
			acted.Done++
			did = did || done
		}
		if !did || detail == nil {
			return nil
		}
		told = true
		return s.record(tx, actor, act.action, "batch/"+b.Name, maps.Clone(detail))
	})
	return told, err
}
