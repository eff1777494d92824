package store

import (
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

const cutoverColumns = "domain, state, kept, batches, notify, looked, due, created, created_by, version"

func scanCutover(row scanner) (c migration.CutoverRecord, err error) {
	err = row.Scan(&c.Domain, &c.State, blob{&c.Kept}, packed{&c.Batches}, packed{&c.Notify}, moment{&c.Looked}, moment{&c.Due}, moment{&c.Created}, &c.CreatedBy, &c.Version)
	return c, err
}

// Cutover gives the watch of a domain.
func (tx *Tx) Cutover(domain string) (migration.CutoverRecord, error) {
	return one(tx, scanCutover, "SELECT "+cutoverColumns+" FROM cutover WHERE domain = $1", domain)
}

// Cutovers gives all watches by their domains.
func (tx *Tx) Cutovers() ([]migration.CutoverRecord, error) {
	return list(tx, scanCutover, "SELECT "+cutoverColumns+" FROM cutover ORDER BY domain")
}

// CreateCutover makes a watch. A domain that has one already is ErrNameTaken.
func (tx *Tx) CreateCutover(c *migration.CutoverRecord) error {
	err := tx.must(ErrNameTaken, "INSERT INTO cutover ("+cutoverColumns+") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1) ON CONFLICT (domain) DO NOTHING",
		c.Domain, c.State, bytesOf(c.Kept), asJSON{c.Batches}, asJSON{c.Notify}, micros(c.Looked), micros(c.Due), micros(tx.now), c.CreatedBy)
	if err == nil {
		c.Created, c.Version = tx.now, 1
	}
	return err
}

// SaveCutover replaces the record if it still has the version, which is counted up;
// otherwise it is ErrChanged. Who made it never changes.
func (tx *Tx) SaveCutover(c *migration.CutoverRecord) error {
	err := tx.must(ErrChanged, "UPDATE cutover SET state = $3, kept = $4, batches = $5, notify = $6, looked = $7, due = $8, version = version + 1 WHERE domain = $1 AND version = $2",
		c.Domain, c.Version, c.State, bytesOf(c.Kept), asJSON{c.Batches}, asJSON{c.Notify}, micros(c.Looked), micros(c.Due))
	if err == nil {
		c.Version++
	}
	return err
}

// DeleteCutover ends a watch.
func (tx *Tx) DeleteCutover(domain string) error {
	return tx.must(ErrNotFound, "DELETE FROM cutover WHERE domain = $1", domain)
}

// TakeCutover takes the domain that is to be looked at first, and puts it off by the
// time until the next look, so that no other node looks too. One that is due much later than
// after that time was put off by a clock that ran ahead, and is taken. ErrNotFound when none
// is due.
func (tx *Tx) TakeCutover(next time.Duration) (migration.CutoverRecord, error) {
	return one(tx, scanCutover, `UPDATE cutover SET due = $2, version = version + 1
		WHERE domain = (SELECT m.domain FROM cutover m WHERE m.due <= $1 OR m.due > $3 ORDER BY m.due, m.domain LIMIT 1`+tx.locking.skip+`) RETURNING `+cutoverColumns,
		micros(tx.now), micros(tx.now.Add(next)), micros(tx.now.Add(2*next)))
}

// MailboxesOf goes through the mailboxes with an address in a domain, in the order of
// their numbers. Those that are being removed are left out.
func (tx *Tx) MailboxesOf(domain string, each func(migration.MailboxInStep)) error {
	return tx.mailboxesInStep(each, ` AND m.address_key LIKE $1 ESCAPE '\'`, inDomain(domain))
}

// MailboxesInStep goes through the mailboxes of an address, of all without one, as
// MailboxesOf does.
func (tx *Tx) MailboxesInStep(address string, each func(migration.MailboxInStep)) error {
	if address == "" {
		return tx.mailboxesInStep(each, "")
	}
	// The only index with addresses begins with the batch.
	return tx.mailboxesInStep(each, " AND m.batch IN (SELECT id FROM batch) AND m.address_key = $1", nameKey(address))
}

func (tx *Tx) mailboxesInStep(each func(migration.MailboxInStep), which string, args ...any) error {
	_, err := list(tx, func(row scanner) (none struct{}, err error) {
		var m migration.MailboxInStep
		if err = row.Scan(&m.ID, &m.Batch, &m.Address, &m.Source, &m.Target, &m.SourceUser, &m.TargetUser, &m.UserRoot, &m.Phase, &m.Failed, &m.Skipped, &m.Approved, &m.Unread, moment{&m.MadeUp}, moment{&m.LastSynced}, moment{&m.SyncedFrom}); err == nil {
			each(m)
		}
		return none, err
	}, `SELECT m.id, b.name, m.address, m.source_endpoint, m.target_endpoint, m.source_user, m.target_user, m.user_root, m.phase, m.failed, m.skipped, m.approved, m.unread, m.made_up, m.last_synced, m.synced_from
		FROM mailbox m JOIN batch b ON b.id = m.batch
		WHERE m.intent <> 'remove' AND b.intent <> 'remove'`+which+` ORDER BY m.id`, args...)
	return err
}

// MakeUp notes until when others have made up for a mailbox.
func (tx *Tx) MakeUp(mailbox int64, until time.Time) error {
	return tx.must(ErrNotFound, "UPDATE mailbox SET made_up = $2, version = version + 1 WHERE id = $1", mailbox, micros(until))
}

// inDomain matches the addresses of a domain.
func inDomain(domain string) string {
	return "%@" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(nameKey(domain))
}

// RedateMailboxes puts right the mailboxes of a domain whose passes have begun later than a
// moment, which a clock that ran ahead has dated: those beginnings are forgotten, and what has
// its initial copy is due. A mailbox that is closed has no other pass. Its beginning, and
// until when others have made up for it, are put back by what the clock was ahead as far as the
// latest of them tells, and by what may have passed since it was set right. It gives how many
// there were.
func (tx *Tx) RedateMailboxes(domain string, later time.Time, since time.Duration) (int64, error) {
	const ahead = `address_key LIKE $1 ESCAPE '\' AND (synced_from > $3 OR made_up > $3)`
	skew, err := one(tx, scanNumber, "SELECT COALESCE(MAX(CASE WHEN synced_from > made_up THEN synced_from ELSE made_up END), $2) - $2 FROM mailbox WHERE "+ahead,
		inDomain(domain), micros(tx.now), micros(later))
	if err != nil || skew == 0 {
		return 0, err
	}
	const again = "intent = 'run' AND phase = 'incremental' AND running IN ('', 'preflight') AND NOT failed"
	return tx.exec(`UPDATE mailbox SET due = CASE WHEN `+again+` THEN `+dueAgain+` ELSE due END, since = CASE WHEN `+again+` THEN `+sinceAgain+` ELSE since END,
		synced_from = CASE WHEN phase <> 'closed' THEN 0 WHEN synced_from > $3 THEN synced_from - $4 ELSE synced_from END,
		made_up = CASE WHEN made_up > $3 THEN made_up - $4 ELSE made_up END, version = version + 1 WHERE `+ahead,
		inDomain(domain), micros(tx.now), micros(later), skew+since.Microseconds())
}
