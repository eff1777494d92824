package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// refusal is an error of one call that leaves the ledger sound: its transaction
// is rolled back and others go on. Every other error under a call is one of the
// database and ends all writing.
type refusal struct{ err error }

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

func refuse(err error) error { return &refusal{err} }

func isRefusal(err error) bool {
	var r *refusal
	return errors.As(err, &r)
}

var errClosed = errors.New("the ledger is closed")

// brokenError is what every call gets after the first failure of the database.
type brokenError struct{ first error }

func (b *brokenError) Error() string {
	return "the ledger is not used any more since an earlier fault: " + b.first.Error()
}
func (b *brokenError) Unwrap() error { return b.first }

// newFault is the fault of an error that is not nil. remedy knows the errors of the
// database.
func newFault(name, doing string, err error, remedy func(error) string) *migration.Fault {
	if fault := migration.FaultOf(err); fault != nil {
		return fault
	}
	fault := &migration.Fault{
		Class:  migration.Stop,
		Code:   migration.CodeLedger,
		Doing:  fmt.Sprintf("%s (ledger %s)", doing, name),
		Remedy: remedyOf(err),
		Err:    err,
	}
	if errors.Is(err, ErrLeaseLost) {
		fault.Code = migration.CodeLeaseLost
	}
	if fault.Remedy == "" {
		fault.Remedy = remedy(err)
	}
	return fault
}

// remedyOf is the remedy of an error that is not the database's.
func remedyOf(err error) string {
	switch {
	case errors.Is(err, ErrLeaseLost):
		return "Nothing is to be done: the node that took the mailbox over goes on with it."
	case errors.Is(err, errClosed):
		return "Open the ledger again."
	case errors.Is(err, errDamaged):
		return "Bring the ledger back from a backup, or start with a new one: what the target holds is recognised by its content."
	case isRefusal(err):
		return "Nothing was written. This is a fault of mailhaul or of a server that gave one UID twice; please report it."
	}
	return ""
}

// interrupted says that a call was ended by its context before anything was
// written.
func interrupted(ctx context.Context, name, doing string) error {
	err := ctx.Err()
	if cause := context.Cause(ctx); !errors.Is(cause, err) {
		err = fmt.Errorf("%w: %w", err, cause)
	}
	return &migration.Fault{
		Class: migration.Stop,
		Code:  migration.CodeInterrupted,
		Doing: fmt.Sprintf("%s (ledger %s)", doing, name),
		Err:   err,
	}
}
