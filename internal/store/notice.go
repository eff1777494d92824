package store

import "time"

const noticeColumns = "id, mark, batch, batch_name, kind, subject, recipients, body, created, due, tries, sent, trouble"

func scanNotice(row scanner) (n Notice, err error) {
	err = row.Scan(&n.ID, &n.Mark, &n.Batch, &n.BatchName, &n.Kind, &n.Subject, packed{&n.Recipients}, blob{&n.Body}, moment{&n.Created}, moment{&n.Due},
		&n.Tries, moment{&n.Sent}, &n.Trouble)
	return n, err
}

// Notify records a notice, to be sent at once. One with a mark that is there
// already is left out.
func (tx *Tx) Notify(n Notice) error {
	_, err := tx.exec(`INSERT INTO notice (mark, batch, batch_name, kind, subject, recipients, body, created, due, node, tries, sent, trouble)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, '', 0, 0, '') ON CONFLICT (mark) DO NOTHING`,
		n.Mark, n.Batch, n.BatchName, n.Kind, n.Subject, asJSON{n.Recipients}, bytesOf(n.Body), micros(tx.now))
	return err
}

// TakeNotice takes the first due notice for a node, and puts it off by the time the
// sending may take: should the node die, it is due again then. ErrNotFound when
// none is due.
func (tx *Tx) TakeNotice(node string, within time.Duration) (Notice, error) {
	return one(tx, scanNotice, `UPDATE notice SET due = $2, node = $3, tries = tries + 1
		WHERE id = (SELECT m.id FROM notice m WHERE m.due > 0 AND m.due <= $1 ORDER BY m.due, m.id LIMIT 1`+tx.locking.skip+`) RETURNING `+noticeColumns,
		micros(tx.now), micros(tx.now.Add(within)), node)
}

// NoticeSent notes that it was sent.
func (tx *Tx) NoticeSent(id int64) error {
	return tx.must(ErrNotFound, "UPDATE notice SET sent = $2, due = 0, trouble = '' WHERE id = $1", id, micros(tx.now))
}

// NoticeFailed notes why it could not be sent, and when to try again; zero is
// never. One that another node has sent meanwhile stays sent.
func (tx *Tx) NoticeFailed(id int64, trouble string, again time.Time) error {
	_, err := tx.exec("UPDATE notice SET due = $2, trouble = $3 WHERE id = $1 AND sent = 0", id, micros(again), trouble)
	return err
}

// Notices gives the notices of a batch, newest first.
func (tx *Tx) Notices(batch int64, limit int) ([]Notice, error) {
	return list(tx, scanNotice, "SELECT "+noticeColumns+" FROM notice WHERE batch = $1 ORDER BY id DESC LIMIT $2", batch, limit)
}
