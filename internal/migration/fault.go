package migration

import (
	"errors"
	"fmt"
	"time"
)

// Class says what to do about a fault. It is set once, where the fault enters
// (package imap for servers, package store for the ledger).
type Class string

// The classes of faults.
const (
	// Again: a passing trouble of the line or the server; reconnect and try
	// again with back-off.
	Again Class = "again"
	// Later: the server asks for a pause (throttling); wait Fault.After,
	// which does not eat the retry budget.
	Later Class = "later"
	// Login: the credential was refused; never retried by itself.
	Login Class = "login"
	// OneMessage: this message cannot be read or stored; the others can.
	OneMessage Class = "message"
	// OneFolder: this folder cannot be opened or made; the others can.
	OneFolder Class = "folder"
	// OneMailbox: the mailbox cannot go on (full, disabled, gone).
	OneMailbox Class = "mailbox"
	// Stop: nothing may go on (the ledger cannot be written, a policy
	// forbids it, the operator stopped it).
	Stop Class = "stop"
)

// The codes people see: what went wrong, finer than the class.
const (
	CodeResolve        = "resolve"
	CodeConnect        = "connect"
	CodeTLS            = "tls"
	CodeGreeting       = "greeting"
	CodeLogin          = "login"
	CodePolicy         = "policy"
	CodeLost           = "connection-lost"
	CodeTimeout        = "timeout"
	CodeThrottled      = "throttled"
	CodeTooManyConns   = "too-many-connections"
	CodeQuota          = "quota"
	CodeTooLarge       = "too-large"
	CodeRejected       = "message-rejected"
	CodeGroupRefused   = "group-refused"
	CodeUnreadable     = "source-unreadable"
	CodeFolderRefused  = "folder-refused"
	CodeFolderExists   = "folder-exists"
	CodeFolderMissing  = "folder-missing"
	CodeUnsupported    = "unsupported"
	CodeServerBug      = "server-bug"
	CodeServerBusy     = "server-busy"
	CodeNotConnected   = "mailbox-unavailable"
	CodeNoAccess       = "no-access"
	CodeWorn           = "connection-worn"
	CodeRepaired       = "repaired"
	CodeNotMail        = "not-mail"
	CodeShared         = "shared-folders"
	CodeSubstitute     = "substitute-message"
	CodeToken          = "token" //nolint:gosec // a code, no credential
	CodeLedger         = "ledger"
	CodeLedgerFile     = "ledger-file"
	CodeUIDValidity    = "uidvalidity"
	CodeRestored       = "restored"
	CodeFurther        = "further-findings"
	CodeInternal       = "internal"
	CodeInterrupted    = "interrupted"
	CodeLeaseLost      = "lease-lost"
	CodeCredential     = "credential"
	CodeLateDuplicate  = "late-duplicate"
	CodeFolderRenamed  = "folder-renamed"
	CodeDifference     = "difference"
	CodeUserRoot       = "user-root"
	CodeFolderRules    = "folder-rules"
	CodeKeywordDropped = "keyword-dropped"
	CodeDateUnknown    = "date-unknown"
	CodeFlagsUnknown   = "flags-unknown"
	CodeLabels         = "labels"
	CodeFolderLimit    = "folder-limit"
	CodeDayBudget      = "day-budget"
	CodeDefaultFolders = "default-folders"
	CodeEmpty          = "empty"
)

// Fault is an error with a class for machines, a code and a remedy for people.
type Fault struct {
	Class Class
	Code  string
	// Doing says what was being done, in lower case: "signing in to
	// imap.example.org as anna".
	Doing string
	// Text is what the server said, without control characters and secrets.
	Text string
	// Remedy is one sentence: what to do about it. May be empty.
	Remedy string
	// After is the pause the server asked for (class Later), zero if none.
	After time.Duration
	// Err is the cause, if there is one beneath.
	Err error
}

// Error gives what was being done, the server's text and the cause.
func (f *Fault) Error() string {
	text := f.Doing
	if text == "" {
		text = f.Code
	}
	if f.Text != "" {
		text += fmt.Sprintf(": the server said %q", f.Text)
	}
	if f.Err != nil {
		text += ": " + f.Err.Error()
	}
	return text
}

// Unwrap gives the cause.
func (f *Fault) Unwrap() error { return f.Err }

// FaultOf finds the fault in an error's chain, nil if there is none.
func FaultOf(err error) *Fault {
	var fault *Fault
	if errors.As(err, &fault) {
		return fault
	}
	return nil
}

// ClassOf is the class of an error: Again for one without a fault in its chain.
func ClassOf(err error) Class {
	if fault := FaultOf(err); fault != nil {
		return fault.Class
	}
	return Again
}

// CodeOf is the code of an error, CodeInternal for one without a fault.
func CodeOf(err error) string {
	if fault := FaultOf(err); fault != nil {
		return fault.Code
	}
	return CodeInternal
}
