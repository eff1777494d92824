package store

import "github.com/mailhaul/mailhaul/internal/migration"

// The records are the field's own words, so that who uses them needs no store.

type (
	// FindingRecord is migration.FindingRecord.
	FindingRecord = migration.FindingRecord
	// Notice is migration.Notice.
	Notice = migration.Notice
	// Operator is migration.Operator.
	Operator = migration.Operator
	// SecondFactor is migration.SecondFactor.
	SecondFactor = migration.SecondFactor
	// Session is migration.Session.
	Session = migration.Session
	// Token is migration.Token.
	Token = migration.Token
	// AuditRecord is migration.AuditRecord.
	AuditRecord = migration.AuditRecord
	// Answer is migration.Reply.
	Answer = migration.Reply
	// Node is migration.Node.
	Node = migration.Node
	// MailboxFilter is migration.MailboxFilter.
	MailboxFilter = migration.MailboxFilter
	// Claim is migration.Claim.
	Claim = migration.Claim
	// Leased is migration.Leased.
	Leased = migration.Leased
)

// Errors of the service's records. They come as they are, not as faults of the
// database.
var (
	ErrNotFound  = migration.ErrNotFound
	ErrNameTaken = migration.ErrNameTaken
	ErrChanged   = migration.ErrChanged
	ErrInUse     = migration.ErrInUse
	ErrLeaseLost = migration.ErrLeaseLost
)
