package store

import (
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// The table tally keeps the counts of batches: to count 50,000 mailboxes takes a
// tenth of a second, and every pass changes what there is to count. A trigger notes
// for each mailbox that changes what it was and what it has become, AddMailboxes and
// DeleteMailbox note what comes and goes, and fold sums up.

// tallyChanged tells, in the trigger, whether a mailbox counts otherwise than before.
const tallyChanged = `(OLD.intent <> NEW.intent OR OLD.phase <> NEW.phase OR OLD.running <> NEW.running OR OLD.begun <> NEW.begun
	OR OLD.failed <> NEW.failed OR OLD.broken <> NEW.broken OR OLD.passes <> NEW.passes OR OLD.faults <> NEW.faults
	OR OLD.skipped <> NEW.skipped OR OLD.approved <> NEW.approved)`

// tally is what mailboxes have in common that are counted together.
type tally struct {
	batch                   int64
	intent, phase, running  string
	begun, failed, broken   bool
	passes, faults, skipped int64
}

const (
	tallyColumns = "batch, intent, phase, running, begun, failed, broken, passes, faults, skipped"
	// tallyOfMailbox are the same of a mailbox.
	tallyOfMailbox = `batch, intent, phase, running, begun, failed, broken, CASE WHEN passes > 2 THEN 2 ELSE passes END,
		CASE WHEN faults > 0 THEN 1 ELSE 0 END, CASE WHEN skipped > approved THEN 1 ELSE 0 END`
	insertTally = "INSERT INTO tally (" + tallyColumns + ", n) "
)

// scanTally reads tallyColumns, and behind them what else there is.
func scanTally(row scanner, behind ...any) (t tally, err error) {
	err = row.Scan(append([]any{&t.batch, &t.intent, &t.phase, &t.running, &t.begun, &t.failed, &t.broken, &t.passes, &t.faults, &t.skipped}, behind...)...)
	return t, err
}

func (tx *Tx) addTally(t tally, n int64) error {
	_, err := tx.exec(insertTally+"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
		t.batch, t.intent, t.phase, t.running, t.begun, t.failed, t.broken, t.passes, t.faults, t.skipped, n)
	return err
}

// foldMost is how many changes of a batch are left unsummed.
const foldMost = 200

// foldAll sums up the changes of all batches that have many.
func (tx *Tx) foldAll() error {
	batches, err := list(tx, scanNumber, "SELECT batch FROM tally GROUP BY batch HAVING COUNT(*) > $1 ORDER BY batch", foldMost)
	for _, batch := range batches {
		if err == nil {
			err = tx.fold(batch)
		}
	}
	return err
}

// fold sums the changes of a batch up. Others may add some meanwhile, or fold, too:
// each puts back what it has taken out.
func (tx *Tx) fold(batch int64) error {
	sums := map[tally]int64{}
	_, err := list(tx, func(row scanner) (none struct{}, err error) {
		var n int64
		t, err := scanTally(row, &n)
		sums[t] += n
		return none, err
	}, "DELETE FROM tally WHERE batch = $1 RETURNING "+tallyColumns+", n", batch)
	for t, n := range sums {
		if err == nil && n != 0 {
			err = tx.addTally(t, n)
		}
	}
	return err
}

// countAs is a sum over the tallies m that meet a condition.
func countAs(condition string) string {
	return "CAST(COALESCE(SUM(CASE WHEN " + condition + " THEN m.n ELSE 0 END), 0) AS BIGINT)"
}

// batchCounts counts the mailboxes of a batch, in the order of scanBatch. What the
// counts mean is said at migration.BatchCounts.
var batchCounts = strings.Join([]string{
	countAs("TRUE"),
	countAs("m.passes > 0 OR m.faults > 0 OR m.failed OR m.running NOT IN ('', 'preflight')"),
	countAs("m.running <> ''"),
	countAs("m.running = 'preflight'"),
	countAs("m.running IN ('incremental', 'final')"),
	countAs("m.phase = 'incremental' AND NOT m.failed AND NOT m.broken AND m.intent <> 'halt'"),
	countAs("m.phase = 'closed'"),
	countAs("(m.failed OR m.broken) AND m.phase <> 'closed'"),
	countAs("m.intent = 'halt' AND NOT m.failed AND NOT m.broken AND m.phase <> 'closed'"),
	countAs("m.broken AND m.phase <> 'closed'"),
	countAs("m.skipped > m.approved AND NOT m.failed"),
}, ", ")

// CountStates counts the mailboxes of a batch by state; 0 is all batches.
func (tx *Tx) CountStates(batch int64) (map[migration.MailboxState]int, error) {
	byBatch, err := tx.countStates(batch)
	counts := map[migration.MailboxState]int{}
	for _, states := range byBatch {
		for state, n := range states {
			counts[state] += n
		}
	}
	return counts, err
}

// CountStatesByBatch counts the mailboxes of every batch that has any by state.
func (tx *Tx) CountStatesByBatch() (map[int64]map[migration.MailboxState]int, error) {
	return tx.countStates(0)
}

func (tx *Tx) countStates(batch int64) (map[int64]map[migration.MailboxState]int, error) {
	counts := map[int64]map[migration.MailboxState]int{}
	where, args := "", []any{}
	if batch != 0 {
		where, args = " WHERE m.batch = $1", []any{batch}
	}
	_, err := list(tx, func(row scanner) (none struct{}, err error) {
		var of int64
		var state string
		var n int
		if err = row.Scan(&of, &state, &n); n == 0 {
			return none, err
		}
		if counts[of] == nil {
			counts[of] = map[migration.MailboxState]int{}
		}
		counts[of][migration.MailboxState(state)] = n
		return none, err
	}, "SELECT m.batch, "+mailboxState+" AS state, CAST(SUM(m.n) AS BIGINT) FROM tally m JOIN batch b ON b.id = m.batch"+where+" GROUP BY m.batch, state", args...)
	return counts, err
}
