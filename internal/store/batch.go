package store

import (
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

const batchColumns = `b.id, b.name, b.source, b.target, b.intent, b.options, b.start_after, b.complete_after, b.data_key, b.told, b.next_report,
	b.created, b.started, b.initial_done, (SELECT COALESCE(MAX(last_synced), 0) FROM mailbox WHERE batch = b.id), b.completed, b.created_by, b.version`

var batchQuery = "SELECT " + batchColumns + ", " + batchCounts + " FROM batch b LEFT JOIN tally m ON m.batch = b.id "

func scanBatch(row scanner) (b migration.BatchRecord, err error) {
	c := &b.Counts
	err = row.Scan(&b.ID, &b.Name, &b.Source, &b.Target, &b.Intent, packed{&b.Options}, moment{&b.Options.StartAfter}, moment{&b.Options.CompleteAfter},
		blob{&b.Key}, &b.Told, moment{&b.NextReport}, moment{&b.Created}, moment{&b.Started}, moment{&b.InitialDone}, moment{&b.LastSynced}, moment{&b.Completed},
		&b.CreatedBy, &b.Version, &c.Total, &c.Begun, &c.Running, &c.Validating, &c.IncrementalRunning,
		&c.Synced, &c.Closed, &c.Failed, &c.Stopped, &c.Broken, &c.Troubled)
	return b, err
}

// CreateBatch inserts the batch and its mailboxes, and sets their numbers. A name
// that is there already is ErrNameTaken.
func (tx *Tx) CreateBatch(b *migration.BatchRecord, mailboxes []migration.MailboxRecord) error {
	if err := tx.free("batch", b.Name); err != nil {
		return err
	}
	b.Version, b.Created = 1, tx.now
	id, err := tx.insert(`INSERT INTO batch (name, name_key, source, target, intent, options, start_after, complete_after, data_key, told,
		next_report, created, started, initial_done, completed, created_by, version)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) RETURNING id`,
		b.Name, nameKey(b.Name), b.Source, b.Target, string(b.Intent), asJSON{b.Options}, micros(b.Options.StartAfter), micros(b.Options.CompleteAfter),
		bytesOf(b.Key), string(b.Told), micros(b.NextReport), micros(b.Created), micros(b.Started), micros(b.InitialDone),
		micros(b.Completed), b.CreatedBy, b.Version)
	if err != nil {
		return err
	}
	b.ID = id
	return tx.AddMailboxes(*b, mailboxes)
}

// Batch gives the batch of that name, with its counts.
func (tx *Tx) Batch(name string) (migration.BatchRecord, error) {
	return one(tx, scanBatch, batchQuery+"WHERE b.name_key = $1 GROUP BY b.id", nameKey(name))
}

// BatchByID gives the batch of that number.
func (tx *Tx) BatchByID(id int64) (migration.BatchRecord, error) {
	return one(tx, scanBatch, batchQuery+"WHERE b.id = $1 GROUP BY b.id", id)
}

// Batches gives all batches by name.
func (tx *Tx) Batches() ([]migration.BatchRecord, error) {
	return list(tx, scanBatch, batchQuery+"GROUP BY b.id ORDER BY b.name_key")
}

// SaveBatch replaces the record if it still has the version, which is counted up;
// otherwise it is ErrChanged. Its name and endpoints never change.
func (tx *Tx) SaveBatch(b *migration.BatchRecord) error {
	err := tx.must(ErrChanged, `UPDATE batch SET intent = $3, options = $4, start_after = $5, complete_after = $6, data_key = $7,
		told = $8, next_report = $9, started = $10, initial_done = $11, completed = $12, version = version + 1
		WHERE id = $1 AND version = $2`,
		b.ID, b.Version, string(b.Intent), asJSON{b.Options}, micros(b.Options.StartAfter), micros(b.Options.CompleteAfter), bytesOf(b.Key),
		string(b.Told), micros(b.NextReport), micros(b.Started), micros(b.InitialDone), micros(b.Completed))
	if err == nil {
		b.Version++
	}
	return err
}

// DeleteBatch deletes the batch, its mailboxes and their findings. The ledger
// stays.
func (tx *Tx) DeleteBatch(id int64) error {
	if _, err := tx.exec("DELETE FROM tally WHERE batch = $1", id); err != nil {
		return err
	}
	return tx.must(ErrNotFound, "DELETE FROM batch WHERE id = $1", id)
}

// StartMailboxes makes the mailboxes of a batch due that have no initial copy yet,
// have failed, or were out of turn, and forgets their faults; also those of which a
// preflight is under way. Those halted by themselves stay so. It gives how many there were.
func (tx *Tx) StartMailboxes(batch int64) (int64, error) {
	n, err := tx.exec(`UPDATE mailbox SET failed = FALSE, faults = 0, trouble = CASE WHEN paused > $2 THEN trouble ELSE '' END, due = `+dueAgain+`, since = `+sinceAgain+`, version = version + 1
		WHERE batch = $1 AND intent = 'run' AND phase <> 'closed' AND running IN ('', 'preflight') AND (failed OR phase = 'initial' OR due = 0)`, batch, micros(tx.now))
	if err != nil {
		return n, err
	}
	return n, tx.fold(batch)
}

// dueAgain is now, or the end of a pause that a server or a circuit breaker has asked
// for: what is started with its batch keeps to it.
const dueAgain = "CASE WHEN paused > $2 THEN paused ELSE $2 END"

// sinceAgain leaves the time of a preflight under way alone: what is due begins when
// that is over.
const sinceAgain = "CASE WHEN running = '' THEN $2 ELSE since END"

// SyncMailboxes makes the mailboxes due that have their initial copy.
func (tx *Tx) SyncMailboxes(batch int64) (int64, error) {
	return tx.exec(`UPDATE mailbox SET due = `+dueAgain+`, since = `+sinceAgain+`, version = version + 1
		WHERE batch = $1 AND intent = 'run' AND phase = 'incremental' AND running IN ('', 'preflight') AND NOT failed`, batch, micros(tx.now))
}

// FinishMailboxes makes the mailboxes due that have their initial copy, for their final
// pass. It changes those that a pass is under way for, too: whoever ends it at the same
// time by what the batch was before, and would put the final pass off until the next day,
// gets ErrChanged. It gives how many are neither closed nor halted nor failed.
func (tx *Tx) FinishMailboxes(batch int64) (int64, error) {
	const idle = "phase = 'incremental' AND running IN ('', 'preflight')"
	return tx.exec(`UPDATE mailbox SET due = CASE WHEN `+idle+` THEN `+dueAgain+` ELSE due END, since = CASE WHEN `+idle+` THEN `+sinceAgain+` ELSE since END, version = version + 1
		WHERE batch = $1 AND intent = 'run' AND phase <> 'closed' AND NOT failed`, batch, micros(tx.now))
}

// BringForward makes the mailboxes of a batch due earlier whose next pass would begin later
// than an interval from now, spread over it as they were over a longer one. Pauses after a
// fault stay. It changes all that are to have a pass, as FinishMailboxes does: one whose
// pass begins and ends meanwhile would be due by the interval of before. It gives how many
// there were.
func (tx *Tx) BringForward(batch int64, interval time.Duration) (int64, error) {
	return tx.exec(`UPDATE mailbox SET due = CASE WHEN running IN ('', 'preflight') AND due - $2 > $3 AND faults = 0 AND paused <= $2 THEN $2 + (due - $2) % $3 ELSE due END, version = version + 1
		WHERE batch = $1 AND phase <> 'closed' AND NOT failed`,
		batch, micros(tx.now), interval.Microseconds())
}

// Interval gives the time between the passes of a batch's mailboxes; 0 is the default.
func (tx *Tx) Interval(batch int64) (time.Duration, error) {
	return one(tx, func(row scanner) (time.Duration, error) {
		var o migration.BatchOptions
		err := row.Scan(packed{&o})
		return o.Interval, err
	}, "SELECT options FROM batch WHERE id = $1", batch)
}

// TryMailboxes asks for a preflight of all mailboxes of a batch that no pass is
// under way for and that are not closed. When their next pass is due stays as it
// is.
func (tx *Tx) TryMailboxes(batch int64) (int64, error) {
	return tx.exec("UPDATE mailbox SET trial = TRUE, version = version + 1 WHERE batch = $1 AND phase <> 'closed' AND running = '' AND NOT broken", batch)
}

// PutOff puts off the mailboxes of an endpoint that are due before that time, and
// notes why. It gives how many there were.
func (tx *Tx) PutOff(endpoint int64, until time.Time, trouble migration.Trouble) (int64, error) {
	return tx.exec(`UPDATE mailbox SET due = $2, paused = $2, trouble = $3, version = version + 1 WHERE (source_endpoint = $1 OR target_endpoint = $1)
		AND running = '' AND due > 0 AND due < $2 AND NOT failed AND phase <> 'closed'`, endpoint, micros(until), asJSON{trouble})
}

// WipeSecrets takes the passwords of all mailboxes of a batch away.
func (tx *Tx) WipeSecrets(batch int64) error {
	_, err := tx.exec(`UPDATE mailbox SET source_secret = $2, target_secret = $2, version = version + 1 WHERE batch = $1`, batch, []byte{})
	return err
}

// BatchesDue gives the batches about which something is to be done by itself at
// this time: completing, reporting, removing. Claims starts what may start.
func (tx *Tx) BatchesDue() ([]migration.BatchRecord, error) {
	return list(tx, scanBatch, batchQuery+`WHERE b.intent = 'remove' OR (b.complete_after > 0 AND b.complete_after <= $1 AND b.intent = 'run')
		OR (b.next_report > 0 AND b.next_report <= $1) GROUP BY b.id ORDER BY b.id`, micros(tx.now))
}

// BatchNames gives the names of all batches by their numbers. It counts no
// mailboxes, so it is quick whatever their number.
func (tx *Tx) BatchNames() (map[int64]string, error) {
	names := map[int64]string{}
	_, err := list(tx, func(row scanner) (none struct{}, err error) {
		var id int64
		var name string
		err = row.Scan(&id, &name)
		names[id] = name
		return none, err
	}, "SELECT id, name FROM batch")
	return names, err
}
