package store

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// slots are what is left of an endpoint's limits: for passes that copy all there
// is (class first) and for later ones.
type slots [2]int

// The two classes of passes that endpoints have limits for.
const (
	first = iota
	later
)

func classOf(kind migration.PassKind) int {
	if kind == migration.InitialPass || kind == migration.Preflight {
		return first
	}
	return later
}

// candidate is a mailbox that is due.
type candidate struct {
	id, source, target int64
	kind               migration.PassKind
}

// Claims gives out mailboxes that are due, at most so many, as long as the limits
// of their source and their target allow, in turn by batch. A lease that has run
// out is given out anew and keeps its place. The dispatchers of all nodes do this
// one after the other.
func (tx *Tx) Claims(most int, lease time.Duration) ([]Claim, error) {
	if _, err := tx.exec("UPDATE setting SET value = '' WHERE name = 'dispatch'"); err != nil {
		return nil, err
	}
	if err := tx.foldAll(); err != nil {
		return nil, err
	}
	claims, err := tx.reclaims(most, lease)
	if err != nil {
		return nil, err
	}
	free, err := tx.freeSlots()
	if err != nil {
		return nil, err
	}
	queues, err := tx.queues(most-len(claims), free)
	if err != nil {
		return nil, err
	}
	for _, c := range inTurn(queues) {
		if len(claims) >= most {
			break
		}
		if !free.take(c) {
			continue
		}
		claim, err := tx.giveOut(c.id, c.kind, lease)
		if err != nil {
			return nil, err
		}
		claims = append(claims, claim)
	}
	return claims, nil
}

// reclaims gives out again what a node has lost. What is no longer wanted is laid
// down instead.
func (tx *Tx) reclaims(most int, lease time.Duration) ([]Claim, error) {
	lost, err := list(tx, func(row scanner) (c candidate, err error) {
		return c, row.Scan(&c.id, &c.kind)
	}, "SELECT m.id, CASE WHEN "+unwanted+" THEN '' ELSE m.running END FROM mailbox m JOIN batch b ON b.id = m.batch "+
		"WHERE m.running <> '' AND m.lease_until < $1 ORDER BY m.lease_until, m.id LIMIT $2"+tx.locking.skip, micros(tx.now), most)
	var claims []Claim
	for _, c := range lost {
		if err != nil {
			break
		}
		if c.kind == "" {
			err = tx.layDown(c.id)
			continue
		}
		var claim Claim
		claim, err = tx.giveOut(c.id, c.kind, lease)
		claims = append(claims, claim)
	}
	return claims, err
}

// unwanted tells of a pass under way that the operator does not want any more. A
// preflight is wanted of what is halted, too.
const unwanted = `(m.broken OR m.intent = 'remove' OR b.intent = 'remove'
	OR m.running <> 'preflight' AND (m.intent <> 'run' OR b.intent NOT IN ('run', 'finish')))`

// sinceLost accounts for the time in which the pass of a lost lease was at work.
const sinceLost = `worked = worked + CASE WHEN begun AND lease_until > since THEN lease_until - since ELSE 0 END,
	since = CASE WHEN begun THEN $2 ELSE since END`

func (tx *Tx) layDown(id int64) error {
	return tx.must(ErrNotFound, "UPDATE mailbox SET running = '', begun = FALSE, node = '', generation = generation + 1, version = version + 1, "+
		sinceLost+" WHERE id = $1", id, micros(tx.now))
}

func (tx *Tx) giveOut(id int64, kind migration.PassKind, lease time.Duration) (Claim, error) {
	generation, err := one(tx, scanNumber, "UPDATE mailbox SET running = $3, begun = FALSE, trial = CASE WHEN $3 = 'preflight' THEN FALSE ELSE trial END, "+
		"node = '', lease_until = $4, generation = generation + 1, version = version + 1, "+sinceLost+" WHERE id = $1 RETURNING generation",
		id, micros(tx.now), string(kind), micros(tx.now.Add(lease)))
	return Claim{Mailbox: id, Generation: generation, Kind: kind}, err
}

// freePlaces is what is left of the limits, by endpoint.
type freePlaces map[int64]*slots

// between is how many passes may begin from one endpoint to another.
func (f freePlaces) between(source, target int64, class int) int {
	if f[source] == nil || f[target] == nil {
		return 0 // made since
	}
	return min(f[source][class], f[target][class])
}

// take takes a place at both ends, if there is one.
func (f freePlaces) take(c candidate) bool {
	class := classOf(c.kind)
	if f.between(c.source, c.target, class) <= 0 {
		return false
	}
	f.occupy(c.source, c.target, class)
	return true
}

func (f freePlaces) occupy(source, target int64, class int) {
	for _, end := range slices.Compact([]int64{source, target}) {
		if f[end] != nil {
			f[end][class]--
		}
	}
}

// freeSlots gives what is left of each endpoint's limits. What is under way counts
// until it is laid down, whether its lease has run out or not.
func (tx *Tx) freeSlots() (freePlaces, error) {
	endpoints, err := tx.Endpoints()
	if err != nil {
		return nil, err
	}
	free := freePlaces{}
	for _, e := range endpoints {
		free[e.ID] = &slots{first: e.Limits.Migrations, later: e.Limits.Incremental}
	}
	_, err = list(tx, func(row scanner) (none struct{}, err error) {
		var c candidate
		if err = row.Scan(&c.source, &c.target, &c.kind); err == nil {
			free.occupy(c.source, c.target, classOf(c.kind))
		}
		return none, err
	}, "SELECT source_endpoint, target_endpoint, running FROM mailbox WHERE running <> ''")
	return free, err
}

// waiting is a batch that has something due.
type waiting struct {
	batch, source, target int64
	// starts: not only preflights may run.
	starts  bool
	running [2]int
}

// queues gives, for each batch and class, its first due mailboxes and before them
// as many empty places as it has under way, so that turns are fair.
func (tx *Tx) queues(most int, free freePlaces) ([][]candidate, error) {
	batches, err := list(tx, func(row scanner) (w waiting, err error) {
		return w, row.Scan(&w.batch, &w.source, &w.target, &w.starts, &w.running[first], &w.running[later])
	}, `SELECT b.id, b.source, b.target, b.intent IN ('run', 'finish') AND b.start_after <= $1,
		(SELECT COUNT(*) FROM mailbox r WHERE r.batch = b.id AND r.running <> '' AND r.running IN ('preflight', 'initial')),
		(SELECT COUNT(*) FROM mailbox r WHERE r.batch = b.id AND r.running <> '' AND r.running IN ('incremental', 'final'))
		FROM batch b WHERE b.intent <> 'remove' AND COALESCE((SELECT 1 FROM mailbox m WHERE m.batch = b.id AND `+onTrial+` LIMIT 1),
		(SELECT 1 FROM mailbox m WHERE m.batch = b.id AND m.due <= $1 AND `+isDue+` LIMIT 1)) = 1 ORDER BY b.id`, micros(tx.now))
	var queues [][]candidate
	for _, w := range batches {
		for class := range w.running {
			places := min(most, free.between(w.source, w.target, class))
			if err != nil || places <= 0 {
				continue
			}
			var found []candidate
			found, err = tx.due(w, class, places)
			queues = append(queues, append(make([]candidate, w.running[class]), found...))
		}
	}
	return queues, err
}

// onTrial and isDue are the conditions of two indexes.
const (
	onTrial = "m.trial AND m.running = '' AND NOT m.broken AND m.phase <> 'closed' AND m.intent <> 'remove'"
	isDue   = "m.running = '' AND m.due > 0 AND NOT m.failed AND NOT m.broken AND m.intent = 'run'"
)

// due gives the first due mailboxes of a batch and class. A preflight comes before
// everything else.
func (tx *Tx) due(w waiting, class, most int) ([]candidate, error) {
	const query = "SELECT m.id, m.source_endpoint, m.target_endpoint, "
	var found []candidate
	var err error
	if class == first {
		found, err = list(tx, scanCandidate, query+"'preflight' FROM mailbox m WHERE m.batch = $1 AND "+onTrial+" ORDER BY m.id LIMIT $2"+tx.locking.skip, w.batch, most)
	}
	if err != nil || !w.starts || len(found) == most {
		return found, err
	}
	phase := [...]migration.Phase{first: migration.Initial, later: migration.Incremental}[class]
	more, err := list(tx, scanCandidate, query+"CASE WHEN m.phase = 'initial' THEN 'initial' WHEN b.intent = 'finish' THEN 'final' ELSE 'incremental' END "+
		"FROM mailbox m JOIN batch b ON b.id = m.batch WHERE m.batch = $1 AND m.phase = $2 AND m.due <= $3 AND NOT m.trial AND "+isDue+
		" ORDER BY m.due, m.id LIMIT $4"+tx.locking.skip, w.batch, string(phase), micros(tx.now), most-len(found))
	return append(found, more...), err
}

func scanCandidate(row scanner) (c candidate, err error) {
	return c, row.Scan(&c.id, &c.source, &c.target, &c.kind)
}

// inTurn takes one of each queue, then another, and leaves out empty places.
func inTurn(queues [][]candidate) []candidate {
	var turns []candidate
	for place := 0; slices.ContainsFunc(queues, func(q []candidate) bool { return place < len(q) }); place++ {
		for _, queue := range queues {
			if place < len(queue) && queue[place].id != 0 {
				turns = append(turns, queue[place])
			}
		}
	}
	return turns
}

// Begin takes a claimed mailbox up for a node. A claim of an older generation, or
// one that another node has taken up, is ErrLeaseLost.
func (tx *Tx) Begin(c Claim, node string, lease time.Duration) error {
	return tx.must(ErrLeaseLost, `UPDATE mailbox SET begun = TRUE, node = $3, lease_until = $4, since = $5,
		waited = waited + CASE WHEN running = 'preflight' THEN 0 WHEN due > since AND due <= $5 THEN $5 - due WHEN since > 0 AND since <= $5 THEN $5 - since ELSE 0 END,
		started = CASE WHEN started = 0 AND running <> 'preflight' THEN $5 ELSE started END, version = version + 1
		WHERE id = $1 AND generation = $2 AND NOT begun AND running <> ''`, c.Mailbox, c.Generation, node, micros(tx.now.Add(lease)), micros(tx.now))
}

// Renew prolongs all leases of a node and gives them. A mailbox that is not among
// them is lost.
func (tx *Tx) Renew(node string, lease time.Duration) ([]Leased, error) {
	return list(tx, func(row scanner) (l Leased, err error) {
		return l, row.Scan(&l.Mailbox, &l.Generation, &l.Halt)
	}, `UPDATE mailbox SET lease_until = $2 WHERE node = $1 AND running <> '' AND begun
		RETURNING id, generation, (SELECT `+unwanted+` FROM mailbox m JOIN batch b ON b.id = m.batch WHERE m.id = mailbox.id)`,
		node, micros(tx.now.Add(lease)))
}

// Held gives a mailbox that is leased with that generation; ErrLeaseLost when it
// is not any more.
func (tx *Tx) Held(mailbox, generation int64) (migration.MailboxRecord, error) {
	m, err := one(tx, scanMailbox, mailboxQuery+"WHERE m.id = $1 AND m.generation = $2 AND m.running <> ''", mailbox, generation)
	if errors.Is(err, ErrNotFound) {
		err = fmt.Errorf("mailbox %d: %w", mailbox, ErrLeaseLost)
	}
	return m, err
}
