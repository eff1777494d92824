package control

import (
	"context"
	"fmt"
	"iter"
	"strconv"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Findings gives a page of a mailbox's findings. Who only looks sees no subjects.
func (s *Service) Findings(ctx context.Context, actor Actor, batch, address string, query Page) (page FindingPage, err error) {
	if err := permit(actor, MailboxLook); err != nil {
		return FindingPage{}, err
	}
	after, limit, err := query.bounds()
	if err != nil {
		return FindingPage{}, err
	}
	err = s.store.View(ctx, "listing the findings", func(tx Tx) error {
		_, m, err := findMailbox(tx, batch, address)
		if err != nil {
			return err
		}
		records, err := tx.Findings(m.ID, after, limit+1)
		page = FindingPage{Items: make([]Finding, 0, len(records))}
		if len(records) > limit {
			records = records[:limit]
			page.Next = strconv.FormatInt(records[limit-1].ID, 10)
		}
		for _, f := range records {
			if !actor.SeesSubjects() {
				f.Subject = ""
			}
			page.Items = append(page.Items, Finding{ID: strconv.FormatInt(f.ID, 10), Finding: f.Finding, Lost: f.Lost, ApprovedBy: f.ApprovedBy, ApprovedAt: f.ApprovedAt})
		}
		return err
	})
	return page, problem(mailboxNamed(address, batch), err)
}

// SkippedMessage gives a message that was left out, as the source has it.
func (s *Service) SkippedMessage(ctx context.Context, actor Actor, batch, address, finding string) (SkippedMessage, error) {
	if err := permit(actor, MailboxMessage); err != nil {
		return SkippedMessage{}, err
	}
	m, account, err := s.sourceAccount(ctx, batch, address)
	if err != nil {
		return SkippedMessage{}, err
	}
	var f migration.FindingRecord
	err = s.change(ctx, "noting who reads a message", func(tx Tx) error {
		id, err := strconv.ParseInt(finding, 10, 64)
		if err != nil {
			return migration.ErrNotFound
		}
		if f, err = tx.Finding(id); err == nil && (f.Mailbox != m.ID || f.UID == 0) {
			err = migration.ErrNotFound
		}
		if err != nil {
			return err
		}
		return s.record(tx, actor, MailboxMessage, "mailbox/"+batch+"/"+m.Address, map[string]any{"folder": f.Folder, "uid": f.UID})
	})
	if err != nil {
		return SkippedMessage{}, problem("the message of that finding", err)
	}
	body, err := s.source.Message(ctx, account, f.Folder, f.UID)
	if err != nil {
		return SkippedMessage{}, unreachable(err)
	}
	return SkippedMessage{FileName: fmt.Sprintf("message-%d.eml", f.UID), Body: body}, nil
}

// ReportRows gives a batch and its mailboxes for a report, without secrets. The
// mailboxes are read while they are gone through.
func (s *Service) ReportRows(ctx context.Context, actor Actor, batch string) (b migration.BatchRecord, rows iter.Seq2[migration.MailboxRecord, error], err error) {
	if err := permit(actor, BatchLook); err != nil {
		return b, nil, err
	}
	err = s.store.View(ctx, "reading the batch", func(tx Tx) (err error) {
		b, err = tx.Batch(batch)
		return err
	})
	if err != nil {
		return b, nil, problem(batchNamed(batch), err)
	}
	b.Key = nil
	return b, s.pages(ctx, b.ID), nil
}

// pages goes through the mailboxes of a batch, with a view of the store for each
// page only.
func (s *Service) pages(ctx context.Context, batch int64) iter.Seq2[migration.MailboxRecord, error] {
	return func(yield func(migration.MailboxRecord, error) bool) {
		filter := migration.MailboxFilter{Batch: batch, Limit: maxLimit}
		for {
			var page []migration.MailboxRecord
			err := s.store.View(ctx, "reading mailboxes", func(tx Tx) (err error) {
				page, err = tx.Mailboxes(filter)
				return err
			})
			if err != nil {
				yield(migration.MailboxRecord{}, err)
				return
			}
			for _, m := range page {
				m.SourceSecret, m.TargetSecret = nil, nil
				if filter.After = m.ID; !yield(m, nil) {
					return
				}
			}
			if len(page) < filter.Limit {
				return
			}
		}
	}
}

// FindingRows gives the findings of a mailbox for a report. Who only looks sees no
// subjects.
func (s *Service) FindingRows(ctx context.Context, actor Actor, mailbox int64) iter.Seq2[migration.FindingRecord, error] {
	return func(yield func(migration.FindingRecord, error) bool) {
		if err := permit(actor, MailboxLook); err != nil {
			yield(migration.FindingRecord{}, err)
			return
		}
		for after := int64(0); ; {
			var page []migration.FindingRecord
			err := s.store.View(ctx, "reading findings", func(tx Tx) (err error) {
				page, err = tx.Findings(mailbox, after, maxLimit)
				return err
			})
			if err != nil {
				yield(migration.FindingRecord{}, err)
				return
			}
			for _, f := range page {
				if !actor.SeesSubjects() {
					f.Subject = ""
				}
				if after = f.ID; !yield(f, nil) {
					return
				}
			}
			if len(page) < maxLimit {
				return
			}
		}
	}
}

// Notices gives what was or will be told of a batch, newest first.
func (s *Service) Notices(ctx context.Context, actor Actor, batch string) ([]Notice, error) {
	if err := permit(actor, BatchLook); err != nil {
		return nil, err
	}
	views := []Notice{}
	err := s.store.View(ctx, "listing notices", func(tx Tx) error {
		views = views[:0]
		b, err := tx.Batch(batch)
		if err != nil {
			return err
		}
		notices, err := tx.Notices(b.ID, maxLimit)
		for _, n := range notices {
			views = append(views, Notice{Batch: n.BatchName, Kind: n.Kind, Subject: n.Subject, Recipients: orEmpty(n.Recipients), Created: n.Created, Sent: n.Sent, Tries: n.Tries, Trouble: n.Trouble})
		}
		return err
	})
	return views, problem(batchNamed(batch), err)
}
