// Package report tells people and programs what a migration did.
//
// It is given a Summary, made by whoever ran the migration, and writes it in
// four forms, which all hold the same numbers:
//
//   - MigrationStatistics.csv has one row for each mailbox.
//   - MigrationErrors.csv has one row for each mailbox that failed or stopped
//     with a reason, and one for each finding about messages that did not
//     arrive. What only changed its name or lost a keyword is not in it.
//   - report.html is one file without scripts or anything from elsewhere. It
//     opens from disk and in mail programs, light or dark, wide or narrow, and
//     prints. What needs attention comes first; long lists are cut, with a word
//     on where the whole list is (the two CSV files are never cut).
//   - JSON is for programs. It alone keeps every text as it was.
//
// The two CSV files are for spreadsheets: RFC 4180 with a byte order mark, so
// that letters beyond ASCII show right, and with CRLF. Their columns are those
// of Columns, which the documentation is made from.
//
// Subjects, folder names and servers' answers are written by strangers. No form
// lets them act: a cell that a spreadsheet would take for a formula starts with
// an apostrophe; control and bidirectional characters are taken out of CSV and
// HTML and escaped in JSON; HTML is escaped by its context, isolated from the
// text around it, and the page's own policy forbids scripts.
//
// Files are private (0600, in a directory of 0700 when it is made here) and
// appear whole or not at all: each is written under another name first.
//
// The package does not know how a migration runs, does no arithmetic on time
// but subtraction, and sends nothing anywhere.
package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// The statuses of a mailbox in a report.
const (
	// Synced: every message is at the target or gone from the source.
	Synced = "Synced"
	// SyncedWithErrors: the pass went through, and messages or folders were
	// left out.
	SyncedWithErrors = "SyncedWithErrors"
	// Failed: the pass could not go on.
	Failed = "Failed"
	// Stopped: someone stopped it before its end.
	Stopped = "Stopped"
	// Queued: someone stopped the migration before this one was begun.
	Queued = "Queued"
)

// Summary is what a migration did.
type Summary struct {
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
	// Source and Target name the servers.
	Source    string    `json:"source"`
	Target    string    `json:"target"`
	Mailboxes []Mailbox `json:"mailboxes"`
}

// Mailbox is what was done for one mailbox.
type Mailbox struct {
	EmailAddress string `json:"emailAddress"`
	SourceUser   string `json:"sourceUser"`
	TargetUser   string `json:"targetUser"`
	// Status is one of the constants of this package.
	Status  string           `json:"status"`
	Folders int              `json:"folders"`
	Counts  migration.Counts `json:"messages"`
	// Bytes are those of the messages copied.
	Bytes int64 `json:"bytes"`
	// Seconds is how long the mailbox was worked on.
	Seconds    float64             `json:"seconds"`
	RoundTrips RoundTrips          `json:"roundTrips"`
	Findings   []migration.Finding `json:"findings"`
	// NotReached is how many messages of Counts.Source were not reached, because
	// the mailbox could not go on or was stopped.
	NotReached int `json:"notReached,omitempty"`
	// Verification is set when the target was compared with the source; each
	// difference is a finding too.
	Verification *Verification `json:"verification,omitempty"`
	// Error, Code and Remedy tell why the mailbox could not go on; empty when
	// it could.
	Error  string `json:"error,omitempty"`
	Code   string `json:"code,omitempty"`
	Remedy string `json:"remedy,omitempty"`
}

// Verification is what a comparison of both sides found.
type Verification struct {
	// Equal messages, of which Read were compared byte by byte.
	Equal int `json:"equal"`
	Read  int `json:"read"`
	// Differences are what was not equal, Others what only the target has.
	Differences int `json:"differences"`
	Others      int `json:"others"`
}

// name is what the mailbox is called where there is one name only.
func (m Mailbox) name() string { return cmp.Or(m.EmailAddress, m.TargetUser, m.SourceUser) }

// RoundTrips is how often each server was waited for.
type RoundTrips struct {
	Source int64 `json:"source"`
	Target int64 `json:"target"`
}

// Totals sums up all mailboxes.
type Totals struct {
	Mailboxes int `json:"mailboxes"`
	// Statuses is how many mailboxes have each status.
	Statuses map[string]int   `json:"statuses"`
	Folders  int              `json:"folders"`
	Counts   migration.Counts `json:"messages"`
	Bytes    int64            `json:"bytes"`
	// Seconds is from the start to the end of the whole, not the sum: mailboxes
	// are worked on side by side. Zero when either time is not known.
	Seconds    float64    `json:"seconds"`
	RoundTrips RoundTrips `json:"roundTrips"`
	// Findings has one finding for each code, with the sum of its counts.
	Findings []migration.Finding `json:"findings"`
}

// Total sums up the mailboxes.
func (s Summary) Total() Totals {
	total := Totals{Mailboxes: len(s.Mailboxes), Statuses: map[string]int{}, Findings: []migration.Finding{}}
	byCode := map[string]int{}
	for _, m := range s.Mailboxes {
		total.Statuses[m.Status]++
		total.Folders += m.Folders
		total.Counts.Add(m.Counts)
		total.Bytes += m.Bytes
		total.RoundTrips.Source += m.RoundTrips.Source
		total.RoundTrips.Target += m.RoundTrips.Target
		for _, f := range m.Findings {
			at, found := byCode[f.Code]
			if !found {
				at = len(total.Findings)
				byCode[f.Code] = at
				total.Findings = append(total.Findings, migration.Finding{Code: f.Code, Reason: Title(f.Code), Remedy: f.Remedy})
			}
			total.Findings[at].Count += number(f)
		}
	}
	slices.SortStableFunc(total.Findings, func(a, b migration.Finding) int { return strings.Compare(a.Code, b.Code) })
	if !s.Started.IsZero() && !s.Ended.IsZero() {
		total.Seconds = s.Ended.Sub(s.Started).Seconds()
	}
	return total
}

// number is how many messages or folders a finding stands for.
func number(f migration.Finding) int { return max(f.Count, 1) }

// informs reports whether a finding only tells how something arrived. All
// others are errors, also those of codes not known here.
func informs(f migration.Finding) bool {
	switch f.Code {
	case migration.CodeFolderRenamed, migration.CodeKeywordDropped, migration.CodeDateUnknown, migration.CodeFlagsUnknown,
		migration.CodeLateDuplicate, migration.CodeRestored, migration.CodeLabels, migration.CodeFolderLimit:
		return true
	}
	return false
}

// troubled reports whether something kept the mailbox from going on.
func troubled(m Mailbox) bool { return m.Status == Failed || m.Error != "" }

// Title says in a few words what a code means; the code itself when it is not
// known here.
func Title(code string) string {
	switch code {
	case migration.CodeTooLarge:
		return "Messages too large for the target"
	case migration.CodeRejected:
		return "Messages the target rejected"
	case migration.CodeUnreadable:
		return "Messages the source cannot deliver"
	case migration.CodeQuota:
		return "Target mailbox full"
	case migration.CodeFolderRefused:
		return "Folders the target refused"
	case migration.CodeFolderMissing:
		return "Messages of folders that are missing"
	case migration.CodeFolderRenamed:
		return "Folders with another name at the target"
	case migration.CodeKeywordDropped:
		return "Keywords the target does not keep"
	case migration.CodeDateUnknown:
		return "Messages whose date the source does not tell"
	case migration.CodeFlagsUnknown:
		return "Messages whose marks the source does not tell"
	case migration.CodeRestored:
		return "Folders restored from a backup"
	case migration.CodeLateDuplicate:
		return "Second copies that were removed"
	case migration.CodeLabels:
		return "Messages with more than one label"
	case migration.CodeFolderLimit:
		return "Folders that may not show all messages"
	case migration.CodeUIDValidity:
		return "Folders the source numbered anew"
	case migration.CodeServerBug:
		return "Errors of the server"
	case migration.CodeLogin:
		return "Sign-in refused"
	case migration.CodeDifference:
		return "Differences between source and target"
	case migration.CodeUserRoot:
		return "UserRoot that is not at the source"
	case migration.CodeFolderRules:
		return "Mailboxes without a folder that is to be copied"
	case migration.CodeInterrupted:
		return "Interrupted"
	}
	return code
}
