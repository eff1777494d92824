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
// time until the next look, so that no other node looks too. ErrNotFound when none is
// due.
func (tx *Tx) TakeCutover(next time.Duration) (migration.CutoverRecord, error) {
	return one(tx, scanCutover, `UPDATE cutover SET due = $2, version = version + 1
		WHERE domain = (SELECT m.domain FROM cutover m WHERE m.due <= $1 ORDER BY m.due, m.domain LIMIT 1`+tx.locking.skip+`) RETURNING `+cutoverColumns,
		micros(tx.now), micros(tx.now.Add(next)))
}

// MailboxesOf goes through the mailboxes with an address in a domain, in the order of
// their numbers. Those that are being removed are left out.
func (tx *Tx) MailboxesOf(domain string, each func(migration.MailboxInStep)) error {
	escaped := strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(nameKey(domain))
	_, err := list(tx, func(row scanner) (none struct{}, err error) {
		var m migration.MailboxInStep
		if err = row.Scan(&m.Batch, &m.Address, &m.Phase, moment{&m.LastSynced}, moment{&m.SyncedFrom}); err == nil {
			each(m)
		}
		return none, err
	}, `SELECT b.name, m.address, m.phase, m.last_synced, m.synced_from FROM mailbox m JOIN batch b ON b.id = m.batch
		WHERE m.address_key LIKE $1 ESCAPE '\' AND m.intent <> 'remove' AND b.intent <> 'remove' ORDER BY m.id`, "%@"+escaped)
	return err
}
