package store

import "time"

const operatorColumns = `id, name, email, role, password, disabled, created, created_by, version,
	EXISTS (SELECT 1 FROM second_factor f WHERE f.operator = operator.id AND f.confirmed > 0)`

func scanOperator(row scanner) (o Operator, err error) {
	return o, row.Scan(&o.ID, &o.Name, &o.Email, &o.Role, &o.Password, &o.Disabled, moment{&o.Created}, &o.CreatedBy, &o.Version, &o.TOTP)
}

// CreateOperator inserts the operator and sets the number. A name that is there
// already is ErrNameTaken.
func (tx *Tx) CreateOperator(o *Operator) error {
	if err := tx.free("operator", o.Name); err != nil {
		return err
	}
	o.Created, o.Version = tx.now, 1
	id, err := tx.insert(`INSERT INTO operator (name, name_key, email, role, password, disabled, created, created_by, version)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1) RETURNING id`, o.Name, nameKey(o.Name), o.Email, o.Role, o.Password, o.Disabled, micros(o.Created), o.CreatedBy)
	o.ID = id
	return err
}

// Operator gives the operator of that name.
func (tx *Tx) Operator(name string) (Operator, error) {
	return one(tx, scanOperator, "SELECT "+operatorColumns+" FROM operator WHERE name_key = $1", nameKey(name))
}

// OperatorByID gives the operator of that number.
func (tx *Tx) OperatorByID(id int64) (Operator, error) {
	return one(tx, scanOperator, "SELECT "+operatorColumns+" FROM operator WHERE id = $1", id)
}

// Operators gives all operators by name.
func (tx *Tx) Operators() ([]Operator, error) {
	return list(tx, scanOperator, "SELECT "+operatorColumns+" FROM operator ORDER BY name_key")
}

// SaveOperator replaces the record if it still has the version; otherwise it is
// ErrChanged.
func (tx *Tx) SaveOperator(o *Operator) error {
	err := tx.must(ErrChanged, "UPDATE operator SET email = $3, role = $4, password = $5, disabled = $6, version = version + 1 WHERE id = $1 AND version = $2",
		o.ID, o.Version, o.Email, o.Role, o.Password, o.Disabled)
	if err == nil {
		o.Version++
	}
	return err
}

// DeleteOperator deletes the operator with all sessions and tokens.
func (tx *Tx) DeleteOperator(id int64) error {
	return tx.must(ErrNotFound, "DELETE FROM operator WHERE id = $1", id)
}

// CreateSession inserts the session.
func (tx *Tx) CreateSession(s Session) error {
	_, err := tx.exec("INSERT INTO session (hash, operator, address, created, used) VALUES ($1, $2, $3, $4, $4)", s.Hash, s.Operator, s.Address, micros(tx.now))
	return err
}

const sessionColumns = "hash, operator, address, created, used"

func scanSession(row scanner) (s Session, err error) {
	return s, row.Scan(&s.Hash, &s.Operator, &s.Address, moment{&s.Created}, moment{&s.Used})
}

// Session gives the session with that hash.
func (tx *Tx) Session(hash []byte) (Session, error) {
	return one(tx, scanSession, "SELECT "+sessionColumns+" FROM session WHERE hash = $1", hash)
}

// Sessions gives the sessions of an operator, the one used last first.
func (tx *Tx) Sessions(operator int64) ([]Session, error) {
	return list(tx, scanSession, "SELECT "+sessionColumns+" FROM session WHERE operator = $1 ORDER BY used DESC, created DESC, hash", operator)
}

// TouchSession notes that the session was used now.
func (tx *Tx) TouchSession(hash []byte) error {
	_, err := tx.exec("UPDATE session SET used = $2 WHERE hash = $1", hash, micros(tx.now))
	return err
}

// EndSessions ends the session with that hash, or without one all of the operator.
func (tx *Tx) EndSessions(operator int64, hash []byte) error {
	var err error
	if hash != nil {
		_, err = tx.exec("DELETE FROM session WHERE hash = $1", hash)
	} else {
		_, err = tx.exec("DELETE FROM session WHERE operator = $1", operator)
	}
	return err
}

// DropSessions deletes sessions made or used before these times.
func (tx *Tx) DropSessions(created, used time.Time) error {
	_, err := tx.exec("DELETE FROM session WHERE created < $1 OR used < $2", micros(created), micros(used))
	return err
}

const accessColumns = "id, name, operator, role, hash, prefix, created, expires, used, revoked"

func scanToken(row scanner) (t Token, err error) {
	return t, row.Scan(&t.ID, &t.Name, &t.Operator, &t.Role, &t.Hash, &t.Prefix, moment{&t.Created}, moment{&t.Expires}, moment{&t.Used}, moment{&t.Revoked})
}

// CreateToken inserts the token and sets its number.
func (tx *Tx) CreateToken(t *Token) error {
	t.Created = tx.now
	id, err := tx.insert(`INSERT INTO token (name, operator, role, hash, prefix, created, expires, used, revoked)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0) RETURNING id`, t.Name, t.Operator, t.Role, t.Hash, t.Prefix, micros(t.Created), micros(t.Expires))
	t.ID = id
	return err
}

// Token gives the token with that hash.
func (tx *Tx) Token(hash []byte) (Token, error) {
	return one(tx, scanToken, "SELECT "+accessColumns+" FROM token WHERE hash = $1", hash)
}

// Tokens gives the tokens of an operator, or of all for 0.
func (tx *Tx) Tokens(operator int64) ([]Token, error) {
	return list(tx, scanToken, "SELECT "+accessColumns+" FROM token WHERE operator = $1 OR $1 = 0 ORDER BY id", operator)
}

// TouchToken notes that the token was used now.
func (tx *Tx) TouchToken(id int64) error {
	_, err := tx.exec("UPDATE token SET used = $2 WHERE id = $1", id, micros(tx.now))
	return err
}

// RevokeToken ends a token for good.
func (tx *Tx) RevokeToken(id int64) error {
	return tx.must(ErrNotFound, "UPDATE token SET revoked = $2 WHERE id = $1 AND revoked = 0", id, micros(tx.now))
}
