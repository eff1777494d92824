package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

func mailboxNamed(address, batch string) string {
	return fmt.Sprintf("the mailbox %q in the batch %q", migration.SafeText(address), migration.SafeText(batch))
}

func mailboxView(m migration.MailboxRecord, batch string, passwords []string, now time.Time) Mailbox {
	state := m.Facts.State()
	view := Mailbox{
		Batch: batch, Address: m.Address, Row: m.Row, SourceUser: m.SourceUser, TargetUser: m.TargetUser, UserRoot: m.UserRoot, State: string(state), Verbs: []string{}, Passwords: orEmpty(passwords),
		Passes: m.Facts.Passes, Score: string(m.Score()), Skipped: m.Facts.Skipped, Approved: m.Facts.Approved, Minor: m.Minor,
		Trouble: m.Trouble, Progress: m.Progress, Present: m.Progress.Present(), Preflight: m.Preflight, Node: nodeOf(m.Lease), Due: m.Due, Faults: m.Faults,
		Created: m.Created, Started: m.Started, InitialDone: m.InitialDone, LastSynced: m.LastSynced,
		QueuedSeconds: seconds(m.Waited), WorkedSeconds: seconds(m.Worked), StalledSeconds: seconds(m.Stalled), Version: m.Version,
	}
	switch {
	case m.Facts.Running != "":
		view.Waiting = m.Progress.Waiting
		view.Remaining = max(remaining(m.Progress.Bytes, m.Progress.BytesTotal, m.Progress.BytesPerSecond), until(m.Progress.Earliest, now))
	case m.Trouble != nil && !m.Trouble.Until.IsZero():
		view.Waiting = m.Trouble.Reason
		view.Remaining = until(m.Progress.Earliest, now)
		view.Node = ""
	default:
		view.Node = ""
	}
	for _, verb := range migration.MailboxVerbs() {
		if answer, _ := state.Ask(verb); answer == migration.Allowed && (verb != migration.VerbRotate || len(passwords) > 0) {
			view.Verbs = append(view.Verbs, string(verb))
		}
	}
	return view
}

// ownPasswords are the sides at which the mailboxes of a batch sign in with passwords of
// their own.
func ownPasswords(tx Tx, batch int64) (sides []string, err error) {
	b, err := tx.BatchByID(batch)
	if err != nil {
		return nil, err
	}
	e, err := endsOf(tx, b)
	if !e.source.Login.Form.HasAdmin() {
		sides = append(sides, string(SourceSide))
	}
	if !e.target.Login.Form.HasAdmin() {
		sides = append(sides, string(TargetSide))
	}
	return sides, err
}

// Mailboxes gives a page of mailboxes in the order of the migration file.
func (s *Service) Mailboxes(ctx context.Context, actor Actor, query MailboxQuery) (page MailboxPage, err error) {
	if err := permit(actor, MailboxLook); err != nil {
		return MailboxPage{}, err
	}
	filter, limit, err := query.filter()
	if err != nil {
		return MailboxPage{}, err
	}
	err = s.store.View(ctx, "listing mailboxes", func(tx Tx) error {
		names, err := batchNames(tx, query.Batch, &filter)
		if err != nil {
			return err
		}
		records, err := tx.Mailboxes(filter)
		if err != nil {
			return err
		}
		page = MailboxPage{Items: make([]Mailbox, 0, len(records))}
		more := len(records) > limit
		records = records[:min(len(records), limit)]
		if query.byPlace() {
			total, err := tx.CountMailboxes(filter)
			if err != nil {
				return err
			}
			page.Total = &total
		} else if more {
			page.Next = strconv.FormatInt(records[limit-1].ID, 10)
		}
		passwords := map[int64][]string{}
		for _, m := range records {
			if _, known := passwords[m.Batch]; !known {
				if passwords[m.Batch], err = ownPasswords(tx, m.Batch); err != nil {
					return err
				}
			}
			m.Progress.PerFolder = nil
			page.Items = append(page.Items, mailboxView(m, names[m.Batch], passwords[m.Batch], tx.Now()))
		}
		return nil
	})
	return page, problem(batchNamed(query.Batch), err)
}

// byPlace reports whether a page begins at a place and not at a cursor.
func (q MailboxQuery) byPlace() bool { return q.Offset != nil || q.Sort != "" }

// filter checks a query. The filter takes one mailbox more than the page has.
func (q MailboxQuery) filter() (filter migration.MailboxFilter, limit int, err error) {
	after, limit, err := q.bounds()
	if err != nil {
		return filter, limit, err
	}
	filter = migration.MailboxFilter{Address: q.Search, LeftOut: q.LeftOut, NotReady: q.NotReady, After: after, Limit: limit + 1, Order: migration.MailboxOrder(q.Sort)}
	var c checks
	filter.States = c.states("states", q.States)
	c.that(q.Sort == "" || slices.Contains(migration.MailboxOrders(), filter.Order), "sort", "must be row, address or state, or one of them with a minus before it")
	c.that(!q.byPlace() || q.Cursor == "", "cursor", "has no use with offset or sort")
	if q.Offset != nil {
		c.that(*q.Offset >= 0, "offset", "must not be negative")
		filter.Offset = *q.Offset
	}
	return filter, limit, c.err()
}

// states reads states of mailboxes.
func (c *checks) states(field string, names []string) (states []migration.MailboxState) {
	for _, name := range names {
		c.that(slices.Contains(migration.MailboxStates(), migration.MailboxState(name)), field, "knows no %q", migration.SafeText(name))
		states = append(states, migration.MailboxState(name))
	}
	return states
}

// batchNames gives the names of the batches, and sets the filter to the named one.
func batchNames(tx BatchTx, name string, filter *migration.MailboxFilter) (map[int64]string, error) {
	names, err := tx.BatchNames()
	if err != nil || name == "" {
		return names, err
	}
	for id, other := range names {
		if strings.EqualFold(name, other) {
			filter.Batch = id
			return names, nil
		}
	}
	return nil, migration.ErrNotFound
}

// Mailbox gives a mailbox.
func (s *Service) Mailbox(ctx context.Context, actor Actor, batch, address string) (view Mailbox, err error) {
	if err := permit(actor, MailboxLook); err != nil {
		return Mailbox{}, err
	}
	err = s.store.View(ctx, "reading the mailbox", func(tx Tx) error {
		var filter migration.MailboxFilter
		names, err := batchNames(tx, batch, &filter)
		if err == nil && filter.Batch == 0 {
			err = migration.ErrNotFound // a batch without a name
		}
		if err != nil {
			return problem(batchNamed(batch), err)
		}
		m, err := tx.Mailbox(filter.Batch, address)
		if err != nil {
			return err
		}
		passwords, err := ownPasswords(tx, filter.Batch)
		view = mailboxView(m, names[filter.Batch], passwords, tx.Now())
		return err
	})
	return view, problem(mailboxNamed(address, batch), err)
}

func findMailbox(tx Tx, batch, address string) (migration.BatchRecord, migration.MailboxRecord, error) {
	b, err := tx.Batch(batch)
	if err != nil {
		return b, migration.MailboxRecord{}, problem(batchNamed(batch), err)
	}
	m, err := tx.Mailbox(b.ID, address)
	return b, m, err
}

// mailboxAct is a verb and what it does to a mailbox.
type mailboxAct struct {
	action Action
	verb   migration.Verb
	doing  string
	act    func(tx Tx, b *migration.BatchRecord, m *migration.MailboxRecord, told map[string]any) error
}

// ask asks for the verb and does it, if it is not so already.
func (a mailboxAct) ask(tx Tx, b *migration.BatchRecord, m *migration.MailboxRecord, told map[string]any) (done bool, err error) {
	state := m.Facts.State()
	switch answer, reason := state.Ask(a.verb); answer {
	case migration.Already:
		return false, nil
	case migration.Refused:
		return false, refused(fmt.Sprintf("%s is %s", mailboxNamed(m.Address, b.Name), state), reason)
	}
	err = a.act(tx, b, m, told)
	return err == nil, err
}

// actOnMailbox asks for a verb, does it, and tells the audit log.
func (s *Service) actOnMailbox(ctx context.Context, actor Actor, batch, address string, a mailboxAct) (view Mailbox, err error) {
	if err := permit(actor, a.action); err != nil {
		return Mailbox{}, err
	}
	err = s.change(ctx, a.doing, func(tx Tx) error {
		b, m, err := findMailbox(tx, batch, address)
		if err != nil {
			return err
		}
		passwords, err := ownPasswords(tx, b.ID)
		if err != nil {
			return err
		}
		view = mailboxView(m, b.Name, passwords, tx.Now())
		told := map[string]any{}
		if done, err := a.ask(tx, &b, &m, told); err != nil || !done {
			return err
		}
		if err := s.record(tx, actor, a.action, "mailbox/"+b.Name+"/"+m.Address, told); err != nil {
			return err
		}
		b, m, err = findMailbox(tx, batch, address)
		view = mailboxView(m, b.Name, passwords, tx.Now())
		return err
	})
	if err == nil {
		s.wake()
	}
	return view, problem(mailboxNamed(address, batch), err)
}

// goingOn is the act of a verb that makes a mailbox due.
func goingOn(action Action, verb migration.Verb, doing string, retry bool) mailboxAct {
	return mailboxAct{action, verb, doing, func(tx Tx, b *migration.BatchRecord, m *migration.MailboxRecord, _ map[string]any) error {
		if err := runs(*b); err != nil {
			return err
		}
		m.Retry = m.Retry || retry
		goOn(m, tx.Now())
		return tx.SaveMailbox(m)
	}}
}

func startingMailbox() mailboxAct {
	return goingOn(MailboxStart, migration.VerbStart, "starting the mailbox", false)
}

func retryingMailbox() mailboxAct {
	return goingOn(MailboxRetry, migration.VerbRetry, "trying the mailbox again", true)
}

func syncingMailbox() mailboxAct {
	return goingOn(MailboxSync, migration.VerbSync, "synchronising the mailbox", false)
}

func stoppingMailbox() mailboxAct {
	return mailboxAct{MailboxStop, migration.VerbStop, "stopping the mailbox", func(tx Tx, _ *migration.BatchRecord, m *migration.MailboxRecord, _ map[string]any) error {
		m.Facts.Intent = migration.Halt
		return tx.SaveMailbox(m)
	}}
}

func deletingMailbox() mailboxAct {
	return mailboxAct{MailboxDelete, migration.VerbDelete, "deleting the mailbox", func(tx Tx, b *migration.BatchRecord, m *migration.MailboxRecord, _ map[string]any) error {
		if err := handOver(tx, b.Name, m.Address); err != nil {
			return err
		}
		m.Facts.Intent = migration.Remove
		m.SourceSecret, m.TargetSecret, m.Due = nil, nil, time.Time{}
		return tx.SaveMailbox(m)
	}}
}

// approvingMailbox is in the name of an operator. Of many mailboxes the findings are
// added up.
func approvingMailbox(actor Actor, reason string) mailboxAct {
	return mailboxAct{MailboxApprove, migration.VerbApprove, "approving the findings", func(tx Tx, b *migration.BatchRecord, m *migration.MailboxRecord, told map[string]any) error {
		var c checks
		c.text("reason", reason, maxReason)
		if err := c.err(); err != nil {
			return err
		}
		n, err := tx.Approve(b.ID, m.ID, actor.Name)
		told["findings"], told["reason"] = n, reason
		return err
	}}
}

// StartMailbox goes on with a mailbox that was stopped, or tries one again that has
// failed.
func (s *Service) StartMailbox(ctx context.Context, actor Actor, batch, address string) (Mailbox, error) {
	return s.actOnMailbox(ctx, actor, batch, address, startingMailbox())
}

// RetryMailbox does the same, and tries messages again that were left out. A folder
// that was rebuilt, and is a finding, is then taken as it is.
func (s *Service) RetryMailbox(ctx context.Context, actor Actor, batch, address string) (Mailbox, error) {
	return s.actOnMailbox(ctx, actor, batch, address, retryingMailbox())
}

// runs refuses to start a mailbox of a batch that does not run.
func runs(b migration.BatchRecord) error {
	switch b.Intent {
	case migration.Hold:
		return refused(batchNamed(b.Name), "it was not started yet; start the batch")
	case migration.Halt:
		return refused(batchNamed(b.Name), "it is stopped; start the batch")
	}
	return nil
}

// goOn makes a mailbox due.
func goOn(m *migration.MailboxRecord, now time.Time) {
	m.Facts.Intent, m.Facts.Failed = migration.Run, false
	m.Faults, m.Trouble = 0, nil
	m.Due = now
	if m.Facts.Running == "" {
		m.Since = now
	}
}

// StopMailbox stops the pass of a mailbox, and lets none begin.
func (s *Service) StopMailbox(ctx context.Context, actor Actor, batch, address string) (Mailbox, error) {
	return s.actOnMailbox(ctx, actor, batch, address, stoppingMailbox())
}

// SyncMailbox makes a pass due now.
func (s *Service) SyncMailbox(ctx context.Context, actor Actor, batch, address string) (Mailbox, error) {
	return s.actOnMailbox(ctx, actor, batch, address, syncingMailbox())
}

// ApproveMailbox accepts the findings of a mailbox in the name of the operator.
func (s *Service) ApproveMailbox(ctx context.Context, actor Actor, batch, address, reason string) (Mailbox, error) {
	return s.actOnMailbox(ctx, actor, batch, address, approvingMailbox(actor, reason))
}

// RotateMailbox gives a mailbox new passwords. One that was Corrupted, or could not
// sign in, goes on with them.
func (s *Service) RotateMailbox(ctx context.Context, actor Actor, batch, address string, passwords Passwords) (Mailbox, error) {
	view, err := s.actOnMailbox(ctx, actor, batch, address, mailboxAct{MailboxRotate, migration.VerbRotate, "rotating the password", func(tx Tx, b *migration.BatchRecord, m *migration.MailboxRecord, told map[string]any) error {
		if err := s.rotate(tx, b, m, passwords); err != nil {
			return err
		}
		told["source"], told["target"] = passwords.Source != "", passwords.Target != ""
		refusedThere := m.Facts.Failed && m.Trouble != nil && m.Trouble.Class == migration.Login
		if !m.Facts.Broken && refusedThere && m.Facts.Intent == migration.Run {
			goOn(m, tx.Now())
		}
		return tx.SaveMailbox(m)
	}})
	if err == nil {
		err = s.scrub(ctx)
	}
	return view, err
}

// rotate seals new passwords. A batch whose key is lost gets a new one; its other
// mailboxes wait for theirs.
func (s *Service) rotate(tx Tx, b *migration.BatchRecord, m *migration.MailboxRecord, passwords Passwords) error {
	e, err := endsOf(tx, *b)
	if err != nil {
		return err
	}
	if e.source.Login.Form.HasAdmin() && e.target.Login.Form.HasAdmin() {
		return &Problem{Kind: Refused, Code: "refused", Detail: mailboxNamed(m.Address, b.Name) + ": it has no password of its own; both endpoints have one sign-in for all mailboxes.",
			Remedy: "Give the endpoint whose credential has changed the new one."}
	}
	var c checks
	c.that(passwords.Source != "" || passwords.Target != "", "sourcePassword", "or targetPassword must be given")
	c.that(passwords.Source == "" || !e.source.Login.Form.HasAdmin(), "sourcePassword", "has no use: the endpoint %q signs in as an administrator", e.source.Name)
	c.that(passwords.Target == "" || !e.target.Login.Form.HasAdmin(), "targetPassword", "has no use: the endpoint %q signs in as an administrator", e.target.Name)
	c.password("sourcePassword", passwords.Source)
	c.password("targetPassword", passwords.Target)
	if err := c.err(); err != nil {
		return err
	}
	key, err := s.keys.UnwrapKey(b.Key)
	if err != nil {
		key, b.Key = s.keys.NewDataKey()
		if err := tx.SaveBatch(b); err != nil {
			return err
		}
		if err := s.settle(tx, *b); err != nil {
			return err
		}
		// The record was settled with the others.
		if *m, err = tx.Mailbox(b.ID, m.Address); err != nil {
			return err
		}
	}
	if passwords.Source != "" {
		m.SourceSecret = secretOf(key, passwords.Source.Text(), e.source, b.Name, m.Address, SourceSide)
	}
	if passwords.Target != "" {
		m.TargetSecret = secretOf(key, passwords.Target.Text(), e.target, b.Name, m.Address, TargetSide)
	}
	m.Facts.Broken = !s.opens(e.source, e.target, *b, *m)
	return nil
}

// DeleteMailbox stops a mailbox and destroys its passwords; the scheduler removes
// its record when nothing of it runs. What was copied and its ledger stay.
func (s *Service) DeleteMailbox(ctx context.Context, actor Actor, batch, address string) (Mailbox, error) {
	view, err := s.actOnMailbox(ctx, actor, batch, address, deletingMailbox())
	if err == nil {
		err = s.scrub(ctx)
	}
	return view, err
}

// sourceAccount opens the source of a mailbox.
func (s *Service) sourceAccount(ctx context.Context, batch, address string) (m migration.MailboxRecord, account Account, err error) {
	if s.source == nil {
		return m, account, errNoSource()
	}
	err = s.store.View(ctx, "reading the mailbox", func(tx Tx) error {
		b, found, err := findMailbox(tx, batch, address)
		if err != nil {
			return err
		}
		m = found
		e, err := tx.EndpointByID(b.Source)
		if err != nil {
			return err
		}
		account, err = OpenAccount(s.keys, e, b, m, SourceSide)
		if err != nil {
			return refused(mailboxNamed(m.Address, b.Name), err.Error())
		}
		return nil
	})
	return m, account, problem(mailboxNamed(address, batch), err)
}

func errNoSource() error {
	return &Problem{Kind: Unavailable, Code: "no-source", Detail: "Sources can't be read here."}
}

// unreachable puts what a server did into words.
func unreachable(err error) error {
	p := &Problem{Kind: Unavailable, Code: migration.CodeOf(err), Detail: err.Error()}
	if fault := migration.FaultOf(err); fault != nil {
		p.Remedy = fault.Remedy
	}
	if errors.Is(err, migration.ErrNotFound) {
		p.Kind, p.Code = NotFound, "not-found"
	}
	return p
}

// nodeOf is the name of the node that has a lease, without that of its process.
func nodeOf(l migration.Lease) string {
	if at := strings.LastIndexByte(l.Node, '#'); at >= 0 {
		return l.Node[:at]
	}
	return l.Node
}
