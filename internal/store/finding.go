package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/mailhaul/mailhaul/internal/migration"
)

const findingColumns = "id, mailbox, body, lost, approved_by, approved_at"

func scanFinding(row scanner) (f FindingRecord, err error) {
	err = row.Scan(&f.ID, &f.Mailbox, packed{&f.Finding}, &f.Lost, &f.ApprovedBy, moment{&f.ApprovedAt})
	return f, err
}

// markOf is what a finding is known by from pass to pass: what it is about, not how
// it is worded.
func markOf(f FindingRecord) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d", f.Code, f.Folder, f.UID))
	return hex.EncodeToString(sum[:16])
}

// messages is how many messages a finding stands for.
func messages(f migration.Finding) int { return max(f.Count, 1) }

// SaveFindings replaces the findings of a mailbox. What was approved stays so, if
// it stands for no more messages than then. It gives how many messages are
// approved now.
func (tx *Tx) SaveFindings(mailbox int64, findings []FindingRecord) (approved int, err error) {
	before, err := tx.approvals(mailbox)
	if err != nil {
		return 0, err
	}
	if _, err := tx.exec("DELETE FROM finding WHERE mailbox = $1", mailbox); err != nil {
		return 0, err
	}
	seen := map[string]int{}
	for _, f := range findings {
		mark := markOf(f)
		if seen[mark]++; seen[mark] > 1 {
			mark = fmt.Sprintf("%s-%d", mark, seen[mark])
		}
		if old, known := before[mark]; known && messages(f.Finding) <= messages(old.Finding) {
			f.ApprovedBy, f.ApprovedAt = old.ApprovedBy, old.ApprovedAt
		}
		if f.ApprovedBy != "" && f.Lost {
			approved += messages(f.Finding)
		}
		body, err := encodeFinding(f.Finding)
		if err != nil {
			return 0, err
		}
		_, err = tx.exec("INSERT INTO finding (mailbox, mark, body, messages, lost, approved_by, approved_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
			mailbox, mark, body, messages(f.Finding), f.Lost, f.ApprovedBy, micros(f.ApprovedAt))
		if err != nil {
			return 0, err
		}
	}
	return approved, nil
}

// approvals gives the approved findings of a mailbox by mark.
func (tx *Tx) approvals(mailbox int64) (map[string]FindingRecord, error) {
	found := map[string]FindingRecord{}
	_, err := list(tx, func(row scanner) (none struct{}, err error) {
		var f FindingRecord
		var mark string
		err = row.Scan(&mark, packed{&f.Finding}, &f.ApprovedBy, moment{&f.ApprovedAt})
		found[mark] = f
		return none, err
	}, "SELECT mark, body, approved_by, approved_at FROM finding WHERE mailbox = $1 AND approved_by <> ''", mailbox)
	return found, err
}

// Findings gives the findings of a mailbox after the number, in the order in which
// they were found.
func (tx *Tx) Findings(mailbox, after int64, limit int) ([]FindingRecord, error) {
	return list(tx, scanFinding, "SELECT "+findingColumns+" FROM finding WHERE mailbox = $1 AND id > $2 ORDER BY id LIMIT $3", mailbox, after, limit)
}

// Finding gives the finding of that number.
func (tx *Tx) Finding(id int64) (FindingRecord, error) {
	return one(tx, scanFinding, "SELECT "+findingColumns+" FROM finding WHERE id = $1", id)
}

// Approve accepts the findings of a batch, or of one mailbox of it when that is not
// 0, in the name of an operator. It gives how many findings it accepted.
func (tx *Tx) Approve(batch, mailbox int64, by string) (int64, error) {
	n, err := tx.exec(`UPDATE finding SET approved_by = $3, approved_at = $4 WHERE approved_by = '' AND mailbox IN
		(SELECT id FROM mailbox WHERE batch = $1 AND (id = $2 OR $2 = 0))`, batch, mailbox, by, micros(tx.now))
	if err != nil {
		return 0, err
	}
	_, err = tx.exec(`UPDATE mailbox SET approved = (SELECT COALESCE(SUM(f.messages), 0) FROM finding f WHERE f.mailbox = mailbox.id AND f.lost AND f.approved_by <> ''),
		version = version + 1 WHERE batch = $1 AND (id = $2 OR $2 = 0) AND skipped > 0`, batch, mailbox)
	return n, err
}
