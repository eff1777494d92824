package control

import (
	"io"
	"strconv"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// MailboxQuery chooses mailboxes and a page of them.
type MailboxQuery struct {
	Batch  string   `json:"batch,omitempty" doc:"Name of the batch; all batches without"`
	States []string `json:"states,omitempty"`
	Search string   `json:"search,omitempty" doc:"Part of the address"`
	// LeftOut takes only those with messages that were left out.
	LeftOut bool `json:"leftOut,omitempty"`
	// NotReady takes only those that the last preflight found not ready.
	NotReady bool `json:"notReady,omitempty"`
	Page
	// Offset begins the page at a place instead of a cursor, and has the mailboxes
	// counted; nil does neither.
	Offset *int `json:"offset,omitempty" doc:"How many to pass over"`
	// Sort is one of migration.MailboxOrders; another than that of the rows goes by
	// places.
	Sort string `json:"sort,omitempty"`
}

// Page is a part of a list.
type Page struct {
	Cursor string `json:"cursor,omitempty" doc:"Next of the page before"`
	Limit  int    `json:"limit,omitempty" doc:"1 to 1000, default 100"`
}

// MailboxPage is a page of mailboxes.
type MailboxPage struct {
	Items []Mailbox `json:"items"`
	Next  string    `json:"next,omitempty" doc:"Cursor of the next page, empty at the end"`
	Total *int      `json:"total,omitempty" doc:"How many there are on all pages; with offset or sort only"`
}

// Mailbox is a mailbox as people see it.
type Mailbox struct {
	Batch      string `json:"batch"`
	Address    string `json:"address"`
	Row        int    `json:"row" doc:"In the migration file"`
	SourceUser string `json:"sourceUser"`
	TargetUser string `json:"targetUser"`
	UserRoot   string `json:"userRoot,omitempty"`
	State      string `json:"state"`
	// Verbs are what may be asked of it now.
	Verbs []string `json:"verbs"`
	// Passwords are the sides whose password is the mailbox's own.
	Passwords      []string                   `json:"passwords" doc:"source and target, where the mailbox signs in with a password of its own: what rotate can change"`
	Passes         int                        `json:"passes" doc:"Passes that went through"`
	Score          string                     `json:"score,omitempty"`
	Skipped        int                        `json:"skipped" doc:"Messages left out"`
	Approved       int                        `json:"approved"`
	Minor          int                        `json:"minor" doc:"Findings that lost no message"`
	Present        int64                      `json:"present" doc:"Messages that the target had before a pass copied any"`
	Trouble        *migration.Trouble         `json:"trouble,omitempty" doc:"Why it failed or waits"`
	Waiting        string                     `json:"waiting,omitempty" doc:"Why nothing moves at the moment"`
	Progress       migration.MailboxProgress  `json:"progress"`
	Remaining      int64                      `json:"remainingSeconds,omitempty" doc:"Until the pass ends, at the present rate and as the day's budgets allow"`
	Preflight      *migration.PreflightResult `json:"preflight,omitempty"`
	Node           string                     `json:"node,omitempty" doc:"Node that works on it"`
	Due            time.Time                  `json:"due,omitzero" doc:"Next pass"`
	Faults         int                        `json:"faults" doc:"Failed passes in a row"`
	Created        time.Time                  `json:"created"`
	Started        time.Time                  `json:"started,omitzero"`
	InitialDone    time.Time                  `json:"initialDone,omitzero"`
	LastSynced     time.Time                  `json:"lastSynced,omitzero" doc:"Last pass that went through"`
	QueuedSeconds  int64                      `json:"queuedSeconds"`
	WorkedSeconds  int64                      `json:"inProgressSeconds"`
	StalledSeconds int64                      `json:"stalledSeconds"`
	Version        int64                      `json:"version"`
}

// Passwords are new passwords of a mailbox; an empty one stays as it is.
type Passwords struct {
	Source Password `json:"sourcePassword,omitempty"`
	Target Password `json:"targetPassword,omitempty"`
}

// Finding is a finding as people see it.
type Finding struct {
	ID string `json:"id"`
	migration.Finding
	Lost       bool      `json:"lost" doc:"Messages did not arrive"`
	ApprovedBy string    `json:"approvedBy,omitempty"`
	ApprovedAt time.Time `json:"approvedAt,omitzero"`
}

// FindingPage is a page of findings.
type FindingPage struct {
	Items []Finding `json:"items"`
	Next  string    `json:"next,omitempty"`
}

// SkippedMessage is a message that was left out, as the source has it. Body must be
// closed.
type SkippedMessage struct {
	FileName string
	Body     io.ReadCloser
}

const (
	defaultLimit = 100
	maxLimit     = 1000
)

// bounds reads the page; the cursor is the number after which it begins.
func (p Page) bounds() (after int64, limit int, err error) {
	limit = p.Limit
	if limit == 0 {
		limit = defaultLimit
	}
	var fields []Field
	if limit < 1 || limit > maxLimit {
		fields = append(fields, Field{"limit", "must be from 1 to 1000"})
	}
	if p.Cursor != "" {
		after, err = strconv.ParseInt(p.Cursor, 10, 64)
		if err != nil || after < 1 {
			fields = append(fields, Field{"cursor", "must be the next of the page before"})
		}
	}
	return after, limit, invalid(fields)
}
