package control

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// HistoryRecord is what was done to a batch or a mailbox of it.
type HistoryRecord struct {
	ID     string         `json:"id"`
	At     time.Time      `json:"at"`
	Actor  string         `json:"actor" doc:"Who; mailhaul is the server itself"`
	Action string         `json:"action"`
	Object string         `json:"object"`
	Detail map[string]any `json:"detail,omitempty" doc:"What belongs to the action"`
}

// HistoryPage is a page of a history, newest first.
type HistoryPage struct {
	Items []HistoryRecord `json:"items"`
	Next  string          `json:"next,omitempty"`
}

// History gives a page of what was done to a batch and its mailboxes, newest first:
// the audit log as far as it is about them, without where it was asked from.
func (s *Service) History(ctx context.Context, actor Actor, batch string, query Page) (page HistoryPage, err error) {
	if err := permit(actor, BatchLook); err != nil {
		return HistoryPage{}, err
	}
	below, limit, err := query.bounds()
	if err != nil {
		return HistoryPage{}, err
	}
	err = s.store.View(ctx, "reading the history of the batch", func(tx Tx) error {
		b, err := tx.Batch(batch)
		if err != nil {
			return err
		}
		// An earlier batch may have had the name.
		records, err := tx.AuditOfBatch(b.Name, b.Created, below, limit+1)
		page = HistoryPage{Items: make([]HistoryRecord, 0, len(records))}
		if len(records) > limit {
			records = records[:limit]
			page.Next = strconv.FormatInt(records[limit-1].ID, 10)
		}
		for _, r := range records {
			page.Items = append(page.Items, historyRecord(r))
		}
		return err
	})
	return page, problem(batchNamed(batch), err)
}

// historyRecord is a record without how its actor reached the server.
func historyRecord(r migration.AuditRecord) HistoryRecord {
	record := HistoryRecord{ID: strconv.FormatInt(r.ID, 10), At: r.At, Actor: r.Actor, Action: r.Action, Object: r.Object}
	if json.Unmarshal([]byte(r.Detail), &record.Detail) == nil {
		delete(record.Detail, "from")
		delete(record.Detail, "token")
	}
	return record
}
