// Package control is what an operator can ask for.
//
// Each method of Service does one thing in these steps: it asks whether the actor
// may (permission.go; what is not listed nobody may), checks what was given and
// names every mistake at once, and then makes one change in the store: the records,
// what they tell the audit log, nothing else. Whether a verb is allowed in a state
// is asked of the state (migration.BatchState.Ask). Asking twice for the same does
// no harm.
//
// control writes what the operator wants; package scheduler makes it true. They
// share nothing but the store. Views never hold a secret; who sees them is asked
// all the same.
package control
