package store

const factorColumns = "operator, secret, created, confirmed, step"

func scanFactor(row scanner) (f SecondFactor, err error) {
	return f, row.Scan(&f.Operator, blob{&f.Secret}, moment{&f.Created}, moment{&f.Confirmed}, &f.Step)
}

// BeginFactor notes a second factor that is not confirmed yet, in the place of
// another one that is not. Where one is confirmed it is ErrNameTaken.
func (tx *Tx) BeginFactor(operator int64, secret []byte) error {
	if _, err := tx.exec("DELETE FROM second_factor WHERE operator = $1 AND confirmed = 0", operator); err != nil {
		return err
	}
	return tx.must(ErrNameTaken, `INSERT INTO second_factor (operator, secret, created, confirmed, step) VALUES ($1, $2, $3, 0, 0)
		ON CONFLICT (operator) DO NOTHING`, operator, bytesOf(secret), micros(tx.now))
}

// Factor gives the second factor of an operator.
func (tx *Tx) Factor(operator int64) (SecondFactor, error) {
	return one(tx, scanFactor, "SELECT "+factorColumns+" FROM second_factor WHERE operator = $1", operator)
}

// Factors gives the second factors of all operators.
func (tx *Tx) Factors() ([]SecondFactor, error) {
	return list(tx, scanFactor, "SELECT "+factorColumns+" FROM second_factor ORDER BY operator")
}

// ConfirmFactor has the factor asked for from now on, with these hashes of recovery
// codes. ErrNotFound when it is confirmed already, or there is none.
func (tx *Tx) ConfirmFactor(operator int64, recovery [][]byte) error {
	if err := tx.must(ErrNotFound, "UPDATE second_factor SET confirmed = $2 WHERE operator = $1 AND confirmed = 0", operator, micros(tx.now)); err != nil {
		return err
	}
	for _, hash := range recovery {
		if _, err := tx.exec("INSERT INTO recovery_code (operator, hash) VALUES ($1, $2)", operator, hash); err != nil {
			return err
		}
	}
	return nil
}

// TakeStep notes that the code of a step was used. ErrNotFound when that of this or
// a later one was used before.
func (tx *Tx) TakeStep(operator, step int64) error {
	return tx.must(ErrNotFound, "UPDATE second_factor SET step = $2 WHERE operator = $1 AND step < $2", operator, step)
}

// TakeRecoveryCode uses a recovery code up. ErrNotFound when there is none of that
// hash any more.
func (tx *Tx) TakeRecoveryCode(operator int64, hash []byte) error {
	return tx.must(ErrNotFound, "DELETE FROM recovery_code WHERE operator = $1 AND hash = $2", operator, hash)
}

// RecoveryCodes counts the recovery codes that are left.
func (tx *Tx) RecoveryCodes(operator int64) (int, error) {
	return one(tx, func(row scanner) (n int, err error) { return n, row.Scan(&n) }, "SELECT COUNT(*) FROM recovery_code WHERE operator = $1", operator)
}

// ResealFactor replaces the sealed secret by the same, sealed anew.
func (tx *Tx) ResealFactor(operator int64, secret []byte) error {
	return tx.must(ErrNotFound, "UPDATE second_factor SET secret = $2 WHERE operator = $1", operator, bytesOf(secret))
}

// DropFactor ends the second factor of an operator with its recovery codes; none is
// no error.
func (tx *Tx) DropFactor(operator int64) error {
	_, err := tx.exec("DELETE FROM second_factor WHERE operator = $1", operator)
	return err
}
