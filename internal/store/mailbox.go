package store

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

const mailboxColumns = `m.id, m.batch, m.line, m.address, m.source_user, m.target_user, m.user_root, m.source_secret, m.target_secret,
	b.intent, m.intent, m.phase, m.running, m.begun, m.passes, m.failed, m.skipped, m.approved, m.minor, m.broken,
	m.due, m.trial, m.retry, m.node, m.lease_until, m.generation, m.faults, m.trouble, m.progress, m.preflight,
	m.created, m.since, m.started, m.initial_done, m.last_synced, m.waited, m.worked, m.stalled,
	m.initial_worked, m.initial_messages, m.initial_bytes, m.synced_from, m.made_up, m.unread, m.version`

const mailboxQuery = "SELECT " + mailboxColumns + " FROM mailbox m JOIN batch b ON b.id = m.batch "

func scanMailbox(row scanner) (m migration.MailboxRecord, err error) {
	f := &m.Facts
	err = row.Scan(&m.ID, &m.Batch, &m.Row, &m.Address, &m.SourceUser, &m.TargetUser, &m.UserRoot, blob{&m.SourceSecret}, blob{&m.TargetSecret},
		&f.Batch, &f.Intent, &f.Phase, &f.Running, &f.Begun, &f.Passes, &f.Failed, &f.Skipped, &f.Approved, &m.Minor, &f.Broken,
		moment{&m.Due}, &m.Trial, &m.Retry, &m.Lease.Node, moment{&m.Lease.Until}, &m.Lease.Generation, &m.Faults, packed{&m.Trouble}, packed{&m.Progress}, packed{&m.Preflight},
		moment{&m.Created}, moment{&m.Since}, moment{&m.Started}, moment{&m.InitialDone}, moment{&m.LastSynced}, span{&m.Waited}, span{&m.Worked}, span{&m.Stalled},
		span{&m.InitialWorked}, &m.InitialMessages, &m.InitialBytes, moment{&m.SyncedFrom}, moment{&m.MadeUp}, &m.Unread, &m.Version)
	return m, err
}

// mailboxState is migration.MailboxFacts.State in SQL, for filters. A test holds
// them together.
const mailboxState = `CASE
	WHEN b.intent = 'remove' OR m.intent = 'remove' THEN 'Removing'
	WHEN m.broken THEN 'Corrupted'
	WHEN m.running = 'preflight' THEN 'Validating'
	WHEN m.running <> '' AND (b.intent = 'halt' OR m.intent = 'halt') THEN 'Stopping'
	WHEN m.running = 'final' THEN 'Completing'
	WHEN m.running = 'incremental' THEN 'IncrementalSyncing'
	WHEN m.running <> '' AND NOT m.begun THEN 'Starting'
	WHEN m.running <> '' THEN 'Syncing'
	WHEN m.phase = 'closed' AND m.skipped > m.approved THEN 'CompletedWithWarnings'
	WHEN m.phase = 'closed' THEN 'Completed'
	WHEN m.failed AND m.phase = 'initial' THEN 'Failed'
	WHEN m.failed AND b.intent = 'finish' THEN 'CompletionFailed'
	WHEN m.failed THEN 'IncrementalFailed'
	WHEN (b.intent = 'halt' OR m.intent = 'halt') AND m.phase = 'incremental' THEN 'IncrementalStopped'
	WHEN b.intent = 'halt' OR m.intent = 'halt' THEN 'Stopped'
	WHEN m.phase = 'initial' THEN 'Queued'
	WHEN b.intent = 'finish' THEN 'Completing'
	WHEN m.passes > 1 THEN 'IncrementalSynced'
	ELSE 'Synced' END`

// mailboxesAtOnce is how many rows one INSERT brings: few, because SQLite looks for
// each parameter in a list of all.
const mailboxesAtOnce = 20

// AddMailboxes inserts mailboxes of the batch. Their numbers are not set: who
// needs them reads them. An address that the batch has already is ErrNameTaken.
func (tx *Tx) AddMailboxes(b migration.BatchRecord, mailboxes []migration.MailboxRecord) error {
	for part := range slices.Chunk(mailboxes, mailboxesAtOnce) {
		var query strings.Builder
		query.WriteString(`INSERT INTO mailbox (batch, source_endpoint, target_endpoint, created, since, line, address, address_key,
			source_user, target_user, user_root, source_secret, target_secret, due) VALUES `)
		args := []any{b.ID, b.Source, b.Target, micros(tx.now)}
		for i, m := range part {
			if i > 0 {
				query.WriteString(", ")
			}
			n := len(args)
			fmt.Fprintf(&query, "($1, $2, $3, $4, $4, $%d, $%d, $%d, $%d, $%d, $%d, $%d, $%d, $%d)", n+1, n+2, n+3, n+4, n+5, n+6, n+7, n+8, n+9)
			args = append(args, m.Row, m.Address, nameKey(m.Address), m.SourceUser, m.TargetUser, m.UserRoot, bytesOf(m.SourceSecret), bytesOf(m.TargetSecret), micros(m.Due))
		}
		query.WriteString(" ON CONFLICT (batch, address_key) DO NOTHING")
		n, err := tx.exec(query.String(), args...)
		if err != nil {
			return err
		}
		if n != int64(len(part)) {
			return ErrNameTaken
		}
	}
	if len(mailboxes) == 0 {
		return nil
	}
	return tx.addTally(tally{batch: b.ID, intent: string(migration.Run), phase: string(migration.Initial)}, int64(len(mailboxes)))
}

// RemovingMailboxes gives mailboxes that are to be deleted by themselves, and not
// with their batch, and that no pass is under way for.
func (tx *Tx) RemovingMailboxes(limit int) ([]migration.MailboxRecord, error) {
	return list(tx, scanMailbox, mailboxQuery+"WHERE m.intent = 'remove' AND m.running = '' AND b.intent <> 'remove' ORDER BY m.id LIMIT $1", limit)
}

// Addresses gives the addresses of a batch, in lower case.
func (tx *Tx) Addresses(batch int64) ([]string, error) {
	return list(tx, scanText, "SELECT address_key FROM mailbox WHERE batch = $1", batch)
}

// InUse goes through the mailboxes that batches are not done with. One that is being
// removed counts, for a pass may still be under way.
func (tx *Tx) InUse(each func(migration.MailboxInUse)) error {
	_, err := list(tx, func(row scanner) (none struct{}, err error) {
		var m migration.MailboxInUse
		if err = row.Scan(&m.Address, &m.Batch, &m.Source, &m.Target, &m.SourceUser, &m.TargetUser, &m.UserRoot); err == nil {
			each(m)
		}
		return none, err
	}, `SELECT m.address_key, b.name, m.source_endpoint, m.target_endpoint, m.source_user, m.target_user, m.user_root
		FROM mailbox m JOIN batch b ON b.id = m.batch WHERE m.phase <> 'closed' ORDER BY m.id`)
	return err
}

// Mailbox gives the mailbox of a batch with that address.
func (tx *Tx) Mailbox(batch int64, address string) (migration.MailboxRecord, error) {
	return one(tx, scanMailbox, mailboxQuery+"WHERE m.batch = $1 AND m.address_key = $2", batch, nameKey(address))
}

// MailboxByID gives the mailbox of that number.
func (tx *Tx) MailboxByID(id int64) (migration.MailboxRecord, error) {
	return one(tx, scanMailbox, mailboxQuery+"WHERE m.id = $1", id)
}

// Mailboxes gives the mailboxes of the filter, by default in the order of their
// numbers, which is that of the migration file.
func (tx *Tx) Mailboxes(filter MailboxFilter) ([]migration.MailboxRecord, error) {
	where, args := where(filter)
	order := orderBy(filter.Order)
	page := ""
	if filter.Limit > 0 {
		args = append(args, filter.Limit)
		page = fmt.Sprintf(" LIMIT $%d", len(args))
	}
	if filter.Offset == 0 && order == orderBy(migration.ByRow) {
		return list(tx, scanMailbox, mailboxQuery+where+order+page, args...)
	}
	if filter.Offset > 0 {
		args = append(args, filter.Offset)
		page += fmt.Sprintf(" OFFSET $%d", len(args))
	}
	// What is passed over is looked at by its number alone: rows are wide.
	return list(tx, scanMailbox, mailboxQuery+"WHERE m.id IN (SELECT m.id FROM mailbox m JOIN batch b ON b.id = m.batch "+where+order+page+")"+order, args...)
}

// orderBy is an order in SQL.
func orderBy(order migration.MailboxOrder) string {
	name, down := strings.CutPrefix(string(order), "-")
	direction := ""
	if down {
		direction = " DESC"
	}
	switch migration.MailboxOrder(name) {
	case migration.ByAddress:
		return " ORDER BY m.address_key" + direction + ", m.id" + direction
	case migration.ByState:
		return " ORDER BY " + mailboxRank + direction + ", m.id"
	default:
		return " ORDER BY m.id" + direction
	}
}

// mailboxRank is the place of a mailbox's state in migration.MailboxStates.
var mailboxRank = func() string {
	rank := mailboxState
	for i, state := range migration.MailboxStates() {
		rank = strings.ReplaceAll(rank, fmt.Sprintf("'%s'", state), strconv.Itoa(i))
	}
	return rank
}()

// CountMailboxes gives how many mailboxes the filter takes, whatever its page. By
// their states alone they are counted already.
func (tx *Tx) CountMailboxes(filter MailboxFilter) (int, error) {
	if filter.Address == "" && !filter.LeftOut && !filter.NotReady {
		states, err := tx.CountStates(filter.Batch)
		total := 0
		for state, n := range states {
			if len(filter.States) == 0 || slices.Contains(filter.States, state) {
				total += n
			}
		}
		return total, err
	}
	filter.After = 0
	where, args := where(filter)
	from := "mailbox m JOIN batch b ON b.id = m.batch "
	if len(filter.States) == 0 {
		from = "mailbox m "
	}
	n, err := one(tx, scanNumber, "SELECT COUNT(*) FROM "+from+where, args...)
	return int(n), err
}

func where(f MailboxFilter) (string, []any) {
	args := []any{f.After}
	where := "WHERE m.id > $1"
	add := func(condition string, arg any) {
		args = append(args, arg)
		where += fmt.Sprintf(" AND "+condition, len(args))
	}
	if f.Batch != 0 {
		add("m.batch = $%d", f.Batch)
	}
	if f.Address != "" {
		escaped := strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(nameKey(f.Address))
		add(`m.address_key LIKE $%d ESCAPE '\'`, "%"+escaped+"%")
	}
	if f.LeftOut {
		where += " AND m.skipped > 0"
	}
	if f.NotReady {
		where += fmt.Sprintf(" AND m.readiness = %d AND NOT m.trial AND m.running <> 'preflight'", migration.NotReady)
	}
	if len(f.States) > 0 {
		var ranks []string
		for _, state := range f.States {
			ranks = append(ranks, strconv.Itoa(slices.Index(migration.MailboxStates(), state)))
		}
		where += " AND " + mailboxRank + " IN (" + strings.Join(ranks, ", ") + ")"
	}
	return where, args
}

// SaveMailbox replaces the record if it still has the version, which is counted
// up; otherwise it is ErrChanged. Its batch, address and row never change, and a
// lease that was renewed meanwhile keeps its time.
func (tx *Tx) SaveMailbox(m *migration.MailboxRecord) error {
	f := m.Facts
	err := tx.must(ErrChanged, `UPDATE mailbox SET source_user = $3, target_user = $4, user_root = $5, source_secret = $6, target_secret = $7,
		intent = $8, phase = $9, passes = $10, failed = $11, broken = $12, skipped = $13, approved = $14, minor = $15, due = $16, trial = $17, retry = $18,
		running = $19, begun = $20, node = $21,
		lease_until = CASE WHEN running <> '' AND running = $19 AND generation = $23 AND lease_until > $22 THEN lease_until ELSE $22 END, generation = $23, faults = $24, trouble = $25, progress = $26, preflight = $27,
		since = $28, started = $29, initial_done = $30, last_synced = $31, waited = $32, worked = $33, stalled = $34,
		messages = $35, moved = $36, moved_bytes = $37, rate = $38, pass_messages = $39, pass_messages_total = $40, pass_bytes = $41, pass_bytes_total = $42,
		earliest = $43, message_rate = $44, present = $45, paused = $46,
		initial_worked = $47, initial_messages = $48, initial_bytes = $49, synced_from = $50, readiness = $51, made_up = $52, unread = $53, version = version + 1 WHERE id = $1 AND version = $2`, append([]any{
		m.ID, m.Version, m.SourceUser, m.TargetUser, m.UserRoot, bytesOf(m.SourceSecret), bytesOf(m.TargetSecret),
		string(f.Intent), string(f.Phase), f.Passes, f.Failed, f.Broken, f.Skipped, f.Approved, m.Minor, micros(m.Due), m.Trial, m.Retry,
		string(f.Running), f.Begun, m.Lease.Node, micros(m.Lease.Until), m.Lease.Generation, m.Faults, asJSON{m.Trouble}, asJSON{m.Progress}, asJSON{m.Preflight},
		micros(m.Since), micros(m.Started), micros(m.InitialDone), micros(m.LastSynced), m.Waited.Microseconds(), m.Worked.Microseconds(), m.Stalled.Microseconds()},
		append(summedUp(m.Progress), micros(m.PausedUntil()), m.InitialWorked.Microseconds(), m.InitialMessages, m.InitialBytes, micros(m.SyncedFrom), int(m.Readiness()), micros(m.MadeUp), int(m.Unread))...)...)
	if err == nil {
		m.Version++
	}
	return err
}

// SaveProgress notes how far the pass of a leased mailbox has come, without
// counting its version up: nobody decides anything by it.
func (tx *Tx) SaveProgress(id, generation int64, progress migration.MailboxProgress) error {
	return tx.must(ErrLeaseLost, `UPDATE mailbox SET progress = $3, messages = $4, moved = $5, moved_bytes = $6, rate = $7, pass_messages = $8,
		pass_messages_total = $9, pass_bytes = $10, pass_bytes_total = $11, earliest = $12, message_rate = $13, present = $14 WHERE id = $1 AND generation = $2 AND running <> ''`,
		append([]any{id, generation, asJSON{progress}}, summedUp(progress)...)...)
}

// perThousand makes a rate a whole number.
const perThousand = 1000

// summedUp is what Figures sums up of a progress.
func summedUp(p migration.MailboxProgress) []any {
	return []any{p.Counts.Source, p.Moved, p.MovedBytes, p.BytesPerSecond, p.Messages, p.MessagesTotal, p.Bytes, p.BytesTotal, micros(p.Earliest), int64(p.MessagesPerSecond * perThousand), p.Present()}
}

// mailboxScore is the place of migration.MailboxRecord.Score in migration.Scores,
// in SQL. A test holds them together.
const mailboxScore = `CASE
	WHEN passes = 0 AND phase <> 'closed' THEN 0
	WHEN skipped = 0 AND minor = 0 THEN 1
	WHEN skipped <= approved THEN 2
	WHEN skipped - approved < 10 OR (skipped - approved) * 1000 <= messages THEN 3
	ELSE 4 END`

// figures are the sums over mailboxes, in the order of scanFigures.
var figures = func() string {
	columns := "COALESCE(MAX(" + mailboxScore + "), 0)"
	for _, column := range []string{"messages", "moved", "moved_bytes", "skipped", "approved", "present"} {
		columns += ", CAST(COALESCE(SUM(" + column + "), 0) AS BIGINT)"
	}
	for _, readiness := range []migration.Readiness{migration.Ready, migration.Noted, migration.NotReady} {
		columns += fmt.Sprintf(", CAST(COALESCE(SUM(CASE WHEN readiness = %d AND NOT trial AND running <> 'preflight' THEN 1 ELSE 0 END), 0) AS BIGINT)", readiness)
	}
	columns += ", CAST(COALESCE(SUM(CASE WHEN trial OR running = 'preflight' THEN 1 ELSE 0 END), 0) AS BIGINT)"
	for _, column := range []string{"rate", "message_rate", "pass_messages", "pass_messages_total", "pass_bytes", "pass_bytes_total"} {
		columns += ", CAST(COALESCE(SUM(CASE WHEN running <> '' THEN " + column + " ELSE 0 END), 0) AS BIGINT)"
	}
	return columns + ", CAST(COALESCE(MAX(CASE WHEN running <> '' OR paused > 0 THEN earliest ELSE 0 END), 0) AS BIGINT)" +
		", CAST(COALESCE(MIN(CASE WHEN phase = 'incremental' AND " + strings.ReplaceAll(isDue, "m.", "") + " THEN due END), 0) AS BIGINT)"
}()

// scanFigures reads figures, and before them what else there is.
func scanFigures(row scanner, before ...any) (f migration.BatchFigures, err error) {
	var score int
	var rate int64
	err = row.Scan(append(before, &score, &f.Messages, &f.Moved, &f.MovedBytes, &f.Skipped, &f.Approved, &f.Present, &f.Ready, &f.Noted, &f.NotReady, &f.Trying,
		&f.BytesPerSecond, &rate, &f.PassMessages, &f.PassMessagesTotal, &f.PassBytes, &f.PassBytesTotal, moment{&f.Earliest}, moment{&f.Due})...)
	f.Score, f.MessagesPerSecond = migration.Scores()[score], float64(rate)/perThousand
	return f, err
}

// Figures sums up the mailboxes of a batch.
func (tx *Tx) Figures(batch int64) (migration.BatchFigures, error) {
	return one(tx, func(row scanner) (migration.BatchFigures, error) { return scanFigures(row) },
		"SELECT "+figures+" FROM mailbox WHERE batch = $1", batch)
}

// FiguresByBatch sums up the mailboxes of every batch that has any.
func (tx *Tx) FiguresByBatch() (map[int64]migration.BatchFigures, error) {
	all := map[int64]migration.BatchFigures{}
	_, err := list(tx, func(row scanner) (none struct{}, err error) {
		var batch int64
		f, err := scanFigures(row, &batch)
		all[batch] = f
		return none, err
	}, "SELECT batch, "+figures+" FROM mailbox GROUP BY batch")
	return all, err
}

// mostCopies is of how many mailboxes InitialCopies tells: more make no sample better.
const mostCopies = 5000

// InitialCopies tells what the initial copies of a batch took that are there, of the last
// ones where there are very many.
func (tx *Tx) InitialCopies(batch int64) (migration.Sample, error) {
	return list(tx, func(row scanner) (c migration.InitialCopy, err error) {
		return c, row.Scan(&c.Messages, &c.Bytes, span{&c.Worked}, span{&c.Stalled}, moment{&c.Began}, moment{&c.Done})
	}, "SELECT initial_messages, initial_bytes, initial_worked, stalled, started, initial_done FROM mailbox WHERE batch = $1 AND phase <> 'initial' AND initial_worked > 0 "+
		"ORDER BY initial_done DESC, id LIMIT $2", batch, mostCopies)
}

// DeleteMailbox deletes the mailbox and its findings. The ledger stays. It is counted out
// as it was when it went, by whom it went through: of two nodes that delete it at once one
// gets ErrNotFound.
func (tx *Tx) DeleteMailbox(id int64) error {
	gone, err := list(tx, func(row scanner) (tally, error) { return scanTally(row) }, "DELETE FROM mailbox WHERE id = $1 RETURNING "+tallyOfMailbox, id)
	switch {
	case err != nil:
		return err
	case len(gone) == 0:
		return ErrNotFound
	}
	return tx.addTally(gone[0], -1)
}
