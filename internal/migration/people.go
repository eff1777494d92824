package migration

import "time"

// Operator is a person who may sign in.
type Operator struct {
	ID    int64
	Name  string
	Email string
	Role  string
	// Password is the encoded argon2id hash.
	Password  string
	Disabled  bool
	Created   time.Time
	CreatedBy string
	Version   int64
	// TOTP: a second factor is asked for at the sign-in. It is read, and not saved
	// with the operator.
	TOTP bool
}

// SecondFactor is what an operator's codes are made of (RFC 6238).
type SecondFactor struct {
	Operator int64
	// Secret is sealed.
	Secret []byte
	// Created is when it was begun, Confirmed when its first code was right, after
	// which it is asked for.
	Created, Confirmed time.Time
	// Step is the last one whose code was taken: none is taken twice.
	Step int64
}

// Session is a signed-in browser or program, known by the hash of what it holds.
type Session struct {
	Hash     []byte
	Operator int64
	Address  string
	Created  time.Time
	Used     time.Time
}

// Token lets a program act for an operator, with the operator's role at most.
type Token struct {
	ID       int64
	Name     string
	Operator int64
	Role     string
	Hash     []byte
	// Prefix is the part of the token that is not secret.
	Prefix                          string
	Created, Expires, Used, Revoked time.Time
}

// AuditRecord is what somebody did.
type AuditRecord struct {
	ID int64
	At time.Time
	// Actor is who, Action what and Object to what: "anna", "batch.start",
	// "batch/pilot". Detail is JSON, without secrets.
	Actor, Action, Object, Detail string
	Hash                          []byte
}
