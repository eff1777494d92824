package control

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

func batchNamed(name string) string { return fmt.Sprintf("the batch %q", migration.SafeText(name)) }

func lower(address string) string { return strings.ToLower(address) }

// errAlready: what was asked for is so already.
var errAlready = errors.New("it is so already")

// ask asks whether a verb is allowed in the state of a batch.
func ask(b migration.BatchRecord, now time.Time, verb migration.Verb) error {
	state := b.Facts(now).State()
	answer, reason := state.Ask(verb)
	switch answer {
	case migration.Allowed:
		return nil
	case migration.Already:
		return errAlready
	default:
		return refused(fmt.Sprintf("%s is %s", batchNamed(b.Name), state), reason)
	}
}

// Batches gives all batches by name.
func (s *Service) Batches(ctx context.Context, actor Actor) ([]Batch, error) {
	if err := permit(actor, BatchLook); err != nil {
		return nil, err
	}
	views := []Batch{}
	err := s.store.View(ctx, "listing the batches", func(tx Tx) error {
		views = views[:0]
		return eachBatch(tx, func(_ migration.BatchRecord, view Batch) { views = append(views, view) })
	})
	return views, err
}

// eachBatch goes through all batches by name.
func eachBatch(tx Tx, each func(b migration.BatchRecord, view Batch)) error {
	endpoints, err := tx.Endpoints()
	if err != nil {
		return err
	}
	names := map[int64]string{}
	for _, e := range endpoints {
		names[e.ID] = e.Name
	}
	records, err := tx.Batches()
	for _, b := range records {
		each(b, batchView(b, names[b.Source], names[b.Target], tx.Now()))
	}
	return err
}

// Batch gives a batch with the sums over its mailboxes.
func (s *Service) Batch(ctx context.Context, actor Actor, name string) (view Batch, err error) {
	if err := permit(actor, BatchLook); err != nil {
		return Batch{}, err
	}
	err = s.store.View(ctx, "reading the batch", func(tx Tx) error {
		b, err := tx.Batch(name)
		if err != nil {
			return err
		}
		e, err := endsOf(tx, b)
		if err != nil {
			return err
		}
		view = batchView(b, e.source.Name, e.target.Name, tx.Now())
		if view.CompletionWaits, err = CompletionWaits(tx, b); err != nil {
			return err
		}
		view.States, err = statesOf(tx, b.ID)
		if err != nil {
			return err
		}
		view.Figures, err = figuresOf(tx, b, tx.Now())
		return err
	})
	return view, problem(batchNamed(name), err)
}

// showBatch reads a batch for a view.
func showBatch(tx Tx, name string) (Batch, error) {
	b, err := tx.Batch(name)
	if err != nil {
		return Batch{}, err
	}
	e, err := endsOf(tx, b)
	return batchView(b, e.source.Name, e.target.Name, tx.Now()), err
}

func batchView(b migration.BatchRecord, source, target string, now time.Time) Batch {
	o := b.Options
	view := Batch{
		Name: b.Name, State: string(b.Facts(now).State()), Source: source, Target: target, Exclude: orEmpty(o.Exclude), Include: orEmpty(o.Include),
		ReceivedFrom: o.ReceivedFrom, ReceivedBefore: o.ReceivedBefore, Labels: string(cmp.Or(o.Labels, migration.LabelsOne)), Notify: orEmpty(o.Notify), StartAfter: o.StartAfter, CompleteAfter: o.CompleteAfter,
		IntervalSeconds: seconds(o.Interval), ReportIntervalSeconds: seconds(o.ReportInterval), Counts: b.Counts, Verbs: []string{},
		Wiped: len(b.Key) == 0, Created: b.Created, CreatedBy: b.CreatedBy, Started: b.Started, InitialDone: b.InitialDone,
		LastSynced: b.LastSynced, Completed: b.Completed, NextReport: b.NextReport, Version: b.Version,
	}
	if !b.InitialDone.IsZero() {
		view.InitialSeconds = seconds(b.InitialDone.Sub(b.Started))
	}
	for _, verb := range migration.BatchVerbs() {
		if answer, _ := migration.BatchState(view.State).Ask(verb); answer == migration.Allowed {
			view.Verbs = append(view.Verbs, string(verb))
		}
	}
	return view
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// statesOf counts mailboxes by state.
func statesOf(tx Tx, batch int64) (map[string]int, error) {
	counts, err := tx.CountStates(batch)
	return statesView(counts), err
}

func statesView(counts map[migration.MailboxState]int) map[string]int {
	states := map[string]int{}
	for state, n := range counts {
		states[string(state)] = n
	}
	return states
}

// Statistics counts the mailboxes of all batches by state.
func (s *Service) Statistics(ctx context.Context, actor Actor) (states map[string]int, err error) {
	if err := permit(actor, BatchLook); err != nil {
		return nil, err
	}
	err = s.store.View(ctx, "counting the mailboxes", func(tx Tx) (err error) {
		states, err = statesOf(tx, 0)
		return err
	})
	return states, err
}

// figuresOf sums up the mailboxes of a batch.
func figuresOf(tx BatchTx, b migration.BatchRecord, now time.Time) (*Figures, error) {
	f, err := tx.Figures(b.ID)
	return figuresView(b.Intent == migration.Run, f, now), err
}

func figuresView(running bool, f migration.BatchFigures, now time.Time) *Figures {
	if !running {
		f.Due = time.Time{} // its mailboxes wait for the batch
	}
	return &Figures{
		Score: string(f.Score), Messages: f.Messages, Moved: f.Moved, MovedBytes: f.MovedBytes, Skipped: f.Skipped, Approved: f.Approved,
		Present: f.Present, Ready: f.Ready, Noted: f.Noted, NotReady: f.NotReady, Trying: f.Trying,
		BytesPerSecond: f.BytesPerSecond, MessagesPerSecond: f.MessagesPerSecond, PassMessages: f.PassMessages, PassMessagesTotal: f.PassMessagesTotal,
		PassBytes: f.PassBytes, PassBytesTotal: f.PassBytesTotal, RemainingSeconds: max(remaining(f.PassBytes, f.PassBytesTotal, f.BytesPerSecond), until(f.Earliest, now)), Due: f.Due,
	}
}

// remaining is how long the rest takes, 0 when that is not known.
func remaining(done, total, rate int64) int64 {
	if rate <= 0 || total <= done {
		return 0
	}
	return (total - done + rate - 1) / rate
}

// until is how long it is to a moment, 0 when that is past or none.
func until(then, now time.Time) int64 {
	if !then.After(now) {
		return 0
	}
	return seconds(then.Sub(now) + time.Second - 1)
}

// begin makes a batch run.
func begin(b *migration.BatchRecord, now time.Time) {
	b.Intent = migration.Run
	if b.Started.IsZero() {
		b.Started = now
	}
	b.NextReport = nextReport(*b, now)
}

// nextReport is when the first report of a running batch is due.
func nextReport(b migration.BatchRecord, now time.Time) time.Time {
	if b.Options.ReportInterval == 0 {
		return time.Time{}
	}
	if b.Options.StartAfter.After(now) {
		now = b.Options.StartAfter
	}
	return now.Add(b.Options.ReportInterval)
}

// firstDue is when a new mailbox of the batch is due.
func firstDue(b migration.BatchRecord, now time.Time) time.Time {
	if b.Intent == migration.Run {
		return now
	}
	return time.Time{}
}

// batchAct is a verb and what it does to a batch. It may leave the record as it is.
type batchAct struct {
	action Action
	verb   migration.Verb
	doing  string
	act    func(tx Tx, b *migration.BatchRecord, told map[string]any) error
}

// actOnBatch asks for a verb, does it, and tells the audit log.
func (s *Service) actOnBatch(ctx context.Context, actor Actor, name string, version int64, a batchAct) (view Batch, err error) {
	if err := permit(actor, a.action); err != nil {
		return Batch{}, err
	}
	err = s.changeVersion(ctx, a.doing, version, func(tx Tx) error {
		b, err := tx.Batch(name)
		if err != nil {
			return err
		}
		if version != 0 && b.Version != version {
			return migration.ErrChanged
		}
		switch err := ask(b, tx.Now(), a.verb); {
		case errors.Is(err, errAlready):
			view, err = showBatch(tx, name)
			return err
		case err != nil:
			return err
		}
		told := map[string]any{}
		if err := a.act(tx, &b, told); err != nil {
			return err
		}
		if err := tx.SaveBatch(&b); err != nil {
			return err
		}
		if err := s.record(tx, actor, a.action, "batch/"+b.Name, told); err != nil {
			return err
		}
		view, err = showBatch(tx, name)
		return err
	})
	if err == nil {
		s.wake()
	}
	return view, problem(batchNamed(name), err)
}

// SetBatch changes a batch if it still has the version; 0 is any. A shorter interval counts
// from now on: what would be due later is due within it.
func (s *Service) SetBatch(ctx context.Context, actor Actor, name string, patch BatchPatch, version int64) (Batch, error) {
	return s.actOnBatch(ctx, actor, name, version, batchAct{BatchSet, migration.VerbEdit, "changing the batch", func(tx Tx, b *migration.BatchRecord, told map[string]any) error {
		var c checks
		o := &b.Options
		before := o.Interval
		if patch.Notify != nil {
			c.recipients("notify", *patch.Notify)
			o.Notify, told["notify"] = *patch.Notify, *patch.Notify
		}
		if patch.StartAfter != nil {
			c.that(b.Counts.Begun == 0, "startAfter", "has no use any more: it has started")
			o.StartAfter, told["startAfter"] = timeOf(patch.StartAfter), timeOf(patch.StartAfter)
		}
		if patch.CompleteAfter != nil {
			c.that(b.Intent != migration.Finish, "completeAfter", "has no use any more: it is being completed")
			o.CompleteAfter, told["completeAfter"] = timeOf(patch.CompleteAfter), timeOf(patch.CompleteAfter)
			c.completion(o.CompleteAfter, tx.Now())
		}
		if patch.IntervalSeconds != nil {
			o.Interval, told["intervalSeconds"] = c.interval(patch.IntervalSeconds), *patch.IntervalSeconds
		}
		if patch.ReportIntervalSeconds != nil {
			o.ReportInterval, told["reportIntervalSeconds"] = c.reportInterval(patch.ReportIntervalSeconds), *patch.ReportIntervalSeconds
			if b.Intent == migration.Run {
				b.NextReport = nextReport(*b, tx.Now())
			}
		}
		c.schedule(*o)
		if err := c.err(); err != nil || o.Interval >= before {
			return err
		}
		_, err := tx.BringForward(b.ID, o.Interval)
		return err
	}})
}

// StartBatch starts a batch, or goes on with one that was stopped, and tries
// mailboxes again that have failed. One that waits for its time begins now.
func (s *Service) StartBatch(ctx context.Context, actor Actor, name string) (Batch, error) {
	return s.actOnBatch(ctx, actor, name, 0, batchAct{BatchStart, migration.VerbStart, "starting the batch", func(tx Tx, b *migration.BatchRecord, told map[string]any) error {
		if b.Facts(tx.Now()).State() == migration.BatchWaiting {
			b.Options.StartAfter = time.Time{}
		}
		if b.Intent != migration.Finish && b.Intent != migration.Run {
			begin(b, tx.Now())
		}
		n, err := tx.StartMailboxes(b.ID)
		told["mailboxes"] = n
		return err
	}})
}

// StopBatch stops all passes of a batch, and lets none begin.
func (s *Service) StopBatch(ctx context.Context, actor Actor, name string) (Batch, error) {
	return s.actOnBatch(ctx, actor, name, 0, batchAct{BatchStop, migration.VerbStop, "stopping the batch", func(_ Tx, b *migration.BatchRecord, _ map[string]any) error {
		b.Intent, b.NextReport = migration.Halt, time.Time{}
		return nil
	}})
}

// SyncBatch makes a pass due now for every mailbox that has its initial copy.
func (s *Service) SyncBatch(ctx context.Context, actor Actor, name string) (Batch, error) {
	return s.actOnBatch(ctx, actor, name, 0, batchAct{BatchSync, migration.VerbSync, "synchronising the batch", func(tx Tx, b *migration.BatchRecord, told map[string]any) error {
		n, err := tx.SyncMailboxes(b.ID)
		told["mailboxes"] = n
		return err
	}})
}

// CompleteBatch gives every mailbox its final pass; when all have had it, the
// scheduler wipes the passwords. Messages that were left out must be approved
// first: the score is then Investigate or Poor.
func (s *Service) CompleteBatch(ctx context.Context, actor Actor, name string) (Batch, error) {
	return s.actOnBatch(ctx, actor, name, 0, batchAct{BatchComplete, migration.VerbComplete, "completing the batch", func(tx Tx, b *migration.BatchRecord, told map[string]any) error {
		if n := b.Counts.Troubled; n > 0 {
			verb := "mailboxes have"
			if n == 1 {
				verb = "mailbox has"
			}
			return &Problem{Kind: Refused, Code: "needs-approval", Detail: fmt.Sprintf("%d %s messages that were left out.", n, verb),
				Remedy: "Look at the findings, mend what can be mended and synchronise, or approve them."}
		}
		b.Intent, b.Options.CompleteAfter = migration.Finish, time.Time{}
		n, err := tx.FinishMailboxes(b.ID)
		told["mailboxes"] = n
		return err
	}})
}

const maxReason = 500

// ApproveBatch accepts all findings of a batch in the name of the operator.
func (s *Service) ApproveBatch(ctx context.Context, actor Actor, name, reason string) (Batch, error) {
	return s.actOnBatch(ctx, actor, name, 0, batchAct{BatchApprove, migration.VerbApprove, "approving the findings", func(tx Tx, b *migration.BatchRecord, told map[string]any) error {
		var c checks
		c.text("reason", reason, maxReason)
		if err := c.err(); err != nil {
			return err
		}
		n, err := tx.Approve(b.ID, 0, actor.Name)
		told["findings"], told["reason"] = n, reason
		return err
	}})
}

// PreflightBatch signs in to both ends of every mailbox that no pass is under way
// for, and copies nothing.
func (s *Service) PreflightBatch(ctx context.Context, actor Actor, name string) (Batch, error) {
	return s.actOnBatch(ctx, actor, name, 0, batchAct{BatchPreflight, migration.VerbPreflight, "trying the batch", func(tx Tx, b *migration.BatchRecord, told map[string]any) error {
		n, err := tx.TryMailboxes(b.ID)
		told["mailboxes"] = n
		return err
	}})
}

// DeleteBatch stops a batch and destroys its passwords; the scheduler removes its
// records when nothing of it runs. What was copied stays, and so do the ledgers,
// unless they are to be forgotten: then a new batch would copy everything again.
func (s *Service) DeleteBatch(ctx context.Context, actor Actor, name string, forget bool) (Batch, error) {
	view, err := s.actOnBatch(ctx, actor, name, 0, batchAct{BatchDelete, migration.VerbDelete, "deleting the batch", func(tx Tx, b *migration.BatchRecord, told map[string]any) error {
		b.Intent, b.NextReport, b.Options.Forget = migration.Remove, time.Time{}, forget
		b.Key = nil
		told["mailboxes"], told["forget"] = b.Counts.Total, forget
		if err := HandOver(tx, *b); err != nil {
			return err
		}
		return tx.WipeSecrets(b.ID)
	}})
	if err == nil {
		err = s.scrub(ctx)
	}
	return view, err
}

// PreviewFolders says what rules would take of a mailbox's folders. It asks the
// source.
func (s *Service) PreviewFolders(ctx context.Context, actor Actor, batch, address string, rules FolderRules) ([]FolderHit, error) {
	if err := permit(actor, BatchPreview); err != nil {
		return nil, err
	}
	var c checks
	exclude, include := c.rules("exclude", rules.Exclude), c.rules("include", rules.Include)
	if err := c.err(); err != nil {
		return nil, err
	}
	_, account, err := s.sourceAccount(ctx, batch, address)
	if err != nil {
		return nil, err
	}
	hits, err := s.source.Folders(ctx, account, exclude, include)
	if err != nil {
		return nil, unreachable(err)
	}
	return orEmpty(hits), nil
}
