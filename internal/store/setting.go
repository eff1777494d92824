package store

import "time"

// Setting gives a single value; ErrNotFound when it was never set.
func (tx *Tx) Setting(name string) (string, error) {
	return one(tx, scanText, "SELECT value FROM setting WHERE name = $1", name)
}

// SetSetting sets a single value.
func (tx *Tx) SetSetting(name, value string) error {
	_, err := tx.exec("INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value)
	return err
}

// Answer gives the answer of an actor's key.
func (tx *Tx) Answer(actor, mark string) (Answer, error) {
	return one(tx, func(row scanner) (a Answer, err error) {
		return a, row.Scan(&a.Actor, &a.Mark, blob{&a.Request}, &a.Status, blob{&a.Body})
	}, "SELECT actor, mark, request, status, body FROM answer WHERE actor = $1 AND mark = $2", actor, mark)
}

// SaveAnswer keeps an answer. A key that is there already is ErrNameTaken.
func (tx *Tx) SaveAnswer(a Answer) error {
	return tx.must(ErrNameTaken, "INSERT INTO answer (actor, mark, request, status, body, created) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (actor, mark) DO NOTHING",
		a.Actor, a.Mark, bytesOf(a.Request), a.Status, bytesOf(a.Body), micros(tx.now))
}

// DropAnswers deletes answers from before that time.
func (tx *Tx) DropAnswers(before time.Time) error {
	_, err := tx.exec("DELETE FROM answer WHERE created < $1", micros(before))
	return err
}

// DropNotices deletes notices from before that time that were sent, or never will be.
func (tx *Tx) DropNotices(before time.Time) error {
	_, err := tx.exec("DELETE FROM notice WHERE due = 0 AND created < $1", micros(before))
	return err
}

// DropTokens deletes tokens that were revoked or ended before that time.
func (tx *Tx) DropTokens(before time.Time) error {
	_, err := tx.exec("DELETE FROM token WHERE (revoked > 0 AND revoked < $1) OR (expires > 0 AND expires < $1)", micros(before))
	return err
}

// Beat notes that a node is alive.
func (tx *Tx) Beat(n Node) error {
	_, err := tx.exec(`INSERT INTO node (name, host, pid, version, started, beat) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (name) DO UPDATE SET host = excluded.host, pid = excluded.pid, version = excluded.version, started = excluded.started, beat = excluded.beat`,
		n.Name, n.Host, n.PID, n.Version, micros(n.Started), micros(tx.now))
	return err
}

// Nodes gives all nodes by name, with the mailboxes leased in their names, behind
// which a process may put a # and its own.
func (tx *Tx) Nodes() ([]Node, error) {
	return list(tx, func(row scanner) (n Node, err error) {
		return n, row.Scan(&n.Name, &n.Host, &n.PID, &n.Version, moment{&n.Started}, moment{&n.Beat}, &n.Mailboxes)
	}, `SELECT n.name, n.host, n.pid, n.version, n.started, n.beat, (SELECT COUNT(*) FROM mailbox m WHERE m.running <> ''
		AND (m.node = n.name OR substr(m.node, 1, length(n.name) + 1) = n.name || '#'))
		FROM node n ORDER BY n.name`)
}

// DropNode forgets a node that has left.
func (tx *Tx) DropNode(name string) error {
	_, err := tx.exec("DELETE FROM node WHERE name = $1", name)
	return err
}
