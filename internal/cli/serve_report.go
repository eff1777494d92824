package cli

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/mailhaul/mailhaul/internal/api"
	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/notify"
	"github.com/mailhaul/mailhaul/internal/report"
	"github.com/mailhaul/mailhaul/internal/store"
)

// notices are those of the store, as a node sends them.
type notices struct {
	store *store.Store
	node  string
}

var _ notify.Store = notices{}

// Take gives the first due notice.
func (s notices) Take(ctx context.Context, within time.Duration) (n migration.Notice, found bool, err error) {
	err = s.store.Change(ctx, "taking a notice", func(tx *store.Tx) (err error) {
		n, err = tx.TakeNotice(s.node, within)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return n, false, nil
	}
	return n, err == nil, err
}

// Sent notes that a notice was sent.
func (s notices) Sent(ctx context.Context, id int64) error {
	return s.store.Change(ctx, "noting that a notice was sent", func(tx *store.Tx) error { return tx.NoticeSent(id) })
}

// Failed notes that a notice was not sent.
func (s notices) Failed(ctx context.Context, id int64, trouble string, again time.Time) error {
	return s.store.Change(ctx, "noting that a notice was not sent", func(tx *store.Tx) error { return tx.NoticeFailed(id, trouble, again) })
}

// operatorsOf finds operators in a transaction.
type operatorsOf interface {
	Operator(name string) (migration.Operator, error)
}

// composing makes the notices of an event for who created the batch, if there is
// such an operator still, and those the batch names.
func composing(composer notify.Composer, tx operatorsOf, event notify.Event) ([]migration.Notice, error) {
	creator, err := tx.Operator(event.Batch.CreatedBy)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	return composer.Compose(event, creator.Email), nil
}

// reports makes reports of batches from the store, a page of mailboxes at a time.
type reports struct{ store *store.Store }

var (
	_ notify.Reports = reports{}
	_ api.Reports    = reports{}
)

// How many rows are read at a time.
const (
	reportMailboxes = 500
	reportFindings  = 1000
)

// Report gives the report of the batch of that number; false when there is none.
func (r reports) Report(ctx context.Context, batch int64) (report.Batch, bool, error) {
	return r.of(ctx, func(tx *store.Tx) (migration.BatchRecord, error) { return tx.BatchByID(batch) })
}

// ReportOf gives the report of the batch of that name; false when there is none.
func (r reports) ReportOf(ctx context.Context, name string) (report.Batch, bool, error) {
	return r.of(ctx, func(tx *store.Tx) (migration.BatchRecord, error) { return tx.Batch(name) })
}

func (r reports) of(ctx context.Context, find func(*store.Tx) (migration.BatchRecord, error)) (b report.Batch, found bool, err error) {
	err = r.store.View(ctx, "reading a batch", func(tx *store.Tx) error {
		record, err := find(tx)
		if err != nil {
			return err
		}
		source, err := tx.EndpointByID(record.Source)
		if err != nil {
			return err
		}
		target, err := tx.EndpointByID(record.Target)
		b = report.Batch{BatchRecord: record, Source: source.Host, Target: target.Host, At: tx.Now(), Mailboxes: r.mailboxes(ctx, record.ID, bothEnds{source, target})}
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return b, false, nil
	}
	return b, err == nil, err
}

// Handover gives that of a mailbox of the batch of that number; false when there is
// none.
func (r reports) Handover(ctx context.Context, batch int64, address string) (report.Handover, bool, error) {
	return r.handover(ctx, address, func(tx *store.Tx) (migration.BatchRecord, error) { return tx.BatchByID(batch) })
}

// HandoverOf gives that of a mailbox of the batch of that name; false when there is
// none.
func (r reports) HandoverOf(ctx context.Context, batch, address string) (report.Handover, bool, error) {
	return r.handover(ctx, address, func(tx *store.Tx) (migration.BatchRecord, error) { return tx.Batch(batch) })
}

func (r reports) handover(ctx context.Context, address string, find func(*store.Tx) (migration.BatchRecord, error)) (h report.Handover, found bool, err error) {
	err = r.store.View(ctx, "reading a mailbox", func(tx *store.Tx) error {
		batch, err := find(tx)
		if err != nil {
			return err
		}
		m, err := tx.Mailbox(batch.ID, address)
		if err != nil {
			return err
		}
		source, err := tx.EndpointByID(batch.Source)
		if err != nil {
			return err
		}
		target, err := tx.EndpointByID(batch.Target)
		h = report.Batch{BatchRecord: batch}.Handover(r.mailbox(ctx, m, bothEnds{source, target}))
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return h, false, nil
	}
	return h, err == nil, err
}

// bothEnds are the endpoints of a batch.
type bothEnds struct{ source, target migration.EndpointRecord }

// mailboxes goes through those of a batch. One that changes meanwhile is reported
// as it is when its page is read.
func (r reports) mailboxes(ctx context.Context, batch int64, ends bothEnds) iter.Seq2[report.BatchMailbox, error] {
	records := paged(ctx, r.store, "reading the mailboxes of a batch", func(tx *store.Tx, after int64) ([]migration.MailboxRecord, error) {
		return tx.Mailboxes(migration.MailboxFilter{Batch: batch, After: after, Limit: reportMailboxes})
	}, func(m migration.MailboxRecord) int64 { return m.ID })
	return func(yield func(report.BatchMailbox, error) bool) {
		for m, err := range records {
			if !yield(r.mailbox(ctx, m, ends), err) {
				return
			}
		}
	}
}

// mailbox is what is reported of one. Its folders are only read when they are asked for.
func (r reports) mailbox(ctx context.Context, m migration.MailboxRecord, ends bothEnds) report.BatchMailbox {
	row := report.BatchMailbox{MailboxRecord: m, Folders: func() ([]report.Folder, error) { return r.folders(ctx, m, ends) }}
	if m.Facts.Skipped > 0 || m.Minor > 0 {
		row.Findings = r.findings(ctx, m.ID)
	}
	return row
}

func (r reports) folders(ctx context.Context, m migration.MailboxRecord, ends bothEnds) ([]report.Folder, error) {
	known, err := ledgers(r).Folders(ctx, control.Account{Endpoint: ends.source.Endpoint, User: m.SourceUser, Root: m.UserRoot}, control.Account{Endpoint: ends.target.Endpoint, User: m.TargetUser})
	folders := make([]report.Folder, 0, len(known))
	for _, f := range known {
		folders = append(folders, report.Folder{Source: f.Source, Target: f.Target, SourceMessages: f.SourceMessages, Copied: f.Copied, Skipped: f.Skipped})
	}
	return folders, err
}

func (r reports) findings(ctx context.Context, mailbox int64) iter.Seq2[migration.FindingRecord, error] {
	return paged(ctx, r.store, "reading the findings of a mailbox", func(tx *store.Tx, after int64) ([]migration.FindingRecord, error) {
		return tx.Findings(mailbox, after, reportFindings)
	}, func(f migration.FindingRecord) int64 { return f.ID })
}

// paged goes through rows page by page, each after the last number of the one
// before.
func paged[T any](ctx context.Context, s *store.Store, doing string, page func(*store.Tx, int64) ([]T, error), id func(T) int64) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for after := int64(0); ; {
			var rows []T
			err := s.View(ctx, doing, func(tx *store.Tx) (err error) {
				rows, err = page(tx, after)
				return err
			})
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, row := range rows {
				if !yield(row, nil) {
					return
				}
				after = id(row)
			}
			if len(rows) == 0 {
				return
			}
		}
	}
}
