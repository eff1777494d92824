package migration

import (
	"errors"
	"time"
)

// Errors of the service's records. They come as they are, not as faults of the
// database.
var (
	// ErrNotFound: there is none of that name or number.
	ErrNotFound = errors.New("not found")
	// ErrNameTaken: there is one of that name already.
	ErrNameTaken = errors.New("the name is taken")
	// ErrChanged: somebody has changed it since it was read.
	ErrChanged = errors.New("it was changed meanwhile")
	// ErrInUse: something refers to it.
	ErrInUse = errors.New("it is in use")
	// ErrLeaseLost: another node has taken the mailbox over.
	ErrLeaseLost = errors.New("another node has taken the mailbox over")
)

// MailboxFilter chooses mailboxes. The zero value takes all.
type MailboxFilter struct {
	// Batch is a batch's number; 0 is all batches.
	Batch int64
	// States are those to be taken; none takes all.
	States []MailboxState
	// Address is a part of the address, without case.
	Address string
	// LeftOut takes only those with messages that were left out.
	LeftOut bool
	// NotReady takes only those whose last preflight found something that keeps them from
	// being migrated, as long as no other is asked for.
	NotReady bool
	// After is the number of the last mailbox of the page before, in the order of
	// numbers.
	After int64
	// Offset is how many are passed over before the first.
	Offset int
	// Limit is how many to give at most; 0 is all.
	Limit int
	// Order is what comes first.
	Order MailboxOrder
}

// MailboxOrder is an order of mailboxes; a minus before it turns it round. Mailboxes
// that are alike in it stand as the migration file has them.
type MailboxOrder string

// The orders. The empty one is ByRow.
const (
	// ByRow is the order of numbers, which within a batch is that of the migration
	// file.
	ByRow MailboxOrder = "row"
	// ByAddress is without case.
	ByAddress MailboxOrder = "address"
	// ByState is the order of a life, as MailboxStates has it.
	ByState MailboxOrder = "state"
)

// MailboxOrders lists all orders.
func MailboxOrders() []MailboxOrder {
	return []MailboxOrder{ByRow, "-" + ByRow, ByAddress, "-" + ByAddress, ByState, "-" + ByState}
}

// FindingRecord is a finding of a mailbox as the store keeps it.
type FindingRecord struct {
	ID      int64
	Mailbox int64
	Finding
	// Lost: messages did not arrive.
	Lost bool
	// ApprovedBy is who accepted it, and ApprovedAt when; empty and zero before.
	ApprovedBy string
	ApprovedAt time.Time
}

// MaxRecipients is how many addresses a batch may have beside that of its creator.
const MaxRecipients = 50

// Notice is something to be told to people outside.
type Notice struct {
	ID int64
	// Mark is the same for what must be told once: a second notice with it is
	// none.
	Mark      string
	Batch     int64
	BatchName string
	// Kind is why: "synced", "report", "completed", "failed", ...
	Kind       string
	Subject    string
	Recipients []string
	// Body is what the sender needs to write it; the store does not look inside.
	Body    []byte
	Created time.Time
	// Due is when it is to be sent (again), zero when that is over.
	Due     time.Time
	Tries   int
	Sent    time.Time
	Trouble string
}

// Reply is what a request with an idempotency key was answered.
type Reply struct {
	Actor, Mark string
	// Request is a hash of the request: the same key with another request is a
	// mistake.
	Request []byte
	Status  int
	Body    []byte
}

// Claim is a mailbox given out for a pass.
type Claim struct {
	Mailbox    int64
	Generation int64
	Kind       PassKind
}

// Leased is a mailbox that a node still has, and whether it is to go on.
type Leased struct {
	Mailbox, Generation int64
	Halt                bool
}

// Node is a running mailhaul.
type Node struct {
	Name, Host, Version string
	PID                 int
	Started, Beat       time.Time
	// Mailboxes is how many it works on.
	Mailboxes int
}
