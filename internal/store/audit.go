package store

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const auditColumns = "id, at, actor, action, object, detail, hash"

func scanAudit(row scanner) (r AuditRecord, err error) {
	return r, row.Scan(&r.ID, moment{&r.At}, &r.Actor, &r.Action, &r.Object, &r.Detail, &r.Hash)
}

// chain is the hash of a record that follows another: an HMAC, so that who can
// write to the database but lacks the key cannot mend the chain.
func chain(r AuditRecord, key, before []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(before)
	for _, field := range []string{strconv.FormatInt(r.ID, 10), strconv.FormatInt(micros(r.At), 10), r.Actor, r.Action, r.Object, r.Detail} {
		fmt.Fprintf(mac, "%d:%s", len(field), field)
	}
	return mac.Sum(nil)
}

// Audit appends to the audit log. Its head is a row of its own, which is the lock
// of the log as well, and tells when the end was cut off.
func (tx *Tx) Audit(key []byte, actor, action, object, detail string) error {
	if _, err := tx.exec("UPDATE setting SET value = value WHERE name = 'audit'"); err != nil {
		return err
	}
	last, _, err := tx.auditHead()
	if err != nil {
		return err
	}
	before, err := tx.AuditRecords(last+1, 1)
	if err != nil {
		return err
	}
	r := AuditRecord{ID: last + 1, At: tx.now, Actor: plainText(actor), Action: plainText(action), Object: plainText(object), Detail: plainText(detail)}
	if last > 0 && len(before) > 0 {
		r.Hash = before[0].Hash
	}
	r.Hash = chain(r, key, r.Hash)
	if _, err := tx.exec("INSERT INTO audit (id, at, actor, action, object, detail, hash, batch) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
		r.ID, micros(r.At), r.Actor, r.Action, r.Object, r.Detail, r.Hash, batchIn(r.Object)); err != nil {
		return err
	}
	return tx.SetSetting("audit", sealHead(key, r))
}

// sealHead is the head of the log: the number of its last record, and a hash that
// only who has the key can make, so that nobody else can shorten the log.
func sealHead(key []byte, last AuditRecord) string {
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "head %d:", last.ID)
	mac.Write(last.Hash)
	return fmt.Sprintf("%d:%x", last.ID, mac.Sum(nil))
}

// auditHead gives the number of the last record.
func (tx *Tx) auditHead() (last int64, head string, err error) {
	head, err = tx.Setting("audit")
	if err != nil {
		return 0, "", err
	}
	number, _, _ := strings.Cut(head, ":")
	last, err = strconv.ParseInt(number, 10, 64)
	if err != nil {
		return 0, "", errors.New("the audit log is broken: its head makes no sense")
	}
	return last, head, nil
}

// AuditRecords gives records below the number, newest first; 0 is from the end.
func (tx *Tx) AuditRecords(below int64, limit int) ([]AuditRecord, error) {
	return list(tx, scanAudit, "SELECT "+auditColumns+" FROM audit WHERE id < $1 OR $1 = 0 ORDER BY id DESC LIMIT $2", below, limit)
}

// batchIn is the name of the batch that an object of the audit log is, or is a mailbox
// of; empty for another object.
func batchIn(object string) string {
	kind, name, _ := strings.Cut(object, "/")
	name, _, isPart := strings.Cut(name, "/")
	if kind == "batch" || kind == "mailbox" && isPart {
		return name
	}
	return ""
}

// AuditOfBatch gives records about a batch of that name and its mailboxes, since a
// time and below the number, newest first; 0 is from the end.
func (tx *Tx) AuditOfBatch(name string, since time.Time, below int64, limit int) ([]AuditRecord, error) {
	return list(tx, scanAudit, "SELECT "+auditColumns+" FROM audit WHERE batch = $1 AND at >= $2 AND (id < $3 OR $3 = 0) ORDER BY id DESC LIMIT $4",
		name, micros(since), below, limit)
}

func (tx *Tx) auditAfter(id int64, limit int) ([]AuditRecord, error) {
	return list(tx, scanAudit, "SELECT "+auditColumns+" FROM audit WHERE id > $1 ORDER BY id LIMIT $2", id, limit)
}

// VerifyAudit goes through the whole log and gives how many records it has. The
// error says at which record the chain is broken. What is appended meanwhile is
// gone through as well.
func (tx *Tx) VerifyAudit(key []byte) (int64, error) {
	const page = 1000
	var r AuditRecord // the last one that was found to be right
	for {
		last, head, err := tx.auditHead()
		if err != nil {
			return r.ID, err
		}
		records, err := tx.auditAfter(r.ID, page)
		if err != nil {
			return r.ID, err
		}
		for _, next := range records {
			if next.ID != r.ID+1 {
				return r.ID, fmt.Errorf("the audit log is broken: record %d is missing", r.ID+1)
			}
			if !hmac.Equal(chain(next, key, r.Hash), next.Hash) {
				return r.ID, fmt.Errorf("the audit log is broken: record %d was changed, or the key is another", next.ID)
			}
			r = next
		}
		if len(records) > 0 {
			continue
		}
		if r.ID != last {
			return r.ID, fmt.Errorf("the audit log is broken: it ends at record %d and should end at %d", r.ID, last)
		}
		if last > 0 && head != sealHead(key, r) {
			return r.ID, fmt.Errorf("the audit log is broken: its head is not that of record %d", r.ID)
		}
		return r.ID, nil
	}
}
