package control

import (
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// BatchSpec is what a batch is made of. Times are RFC 3339.
type BatchSpec struct {
	Name                  string     `json:"name,omitempty" doc:"At most 64 letters, digits, dots, underscores and hyphens; default is the file's name"`
	Source                string     `json:"source,omitempty" doc:"Endpoint to read from; may be missing only from what is checked"`
	Target                string     `json:"target,omitempty" doc:"Endpoint to write to; may be missing only from what is checked"`
	Exclude               []string   `json:"exclude,omitempty" doc:"Folders to leave out, with all below them: Name, Name/*, #WellKnown#, \\#Name\\#"`
	Include               []string   `json:"include,omitempty" doc:"Only these folders"`
	ReceivedFrom          *time.Time `json:"receivedFrom,omitempty" doc:"Only messages received then or later"`
	ReceivedBefore        *time.Time `json:"receivedBefore,omitempty" doc:"Only messages received before"`
	Labels                string     `json:"labels,omitempty" enum:"one,copies,keywords" doc:"What becomes of Gmail's labels: one (default) copies each message once, copies makes a copy for each label, keywords keeps the other labels as keywords"`
	Notify                []string   `json:"notify,omitempty" doc:"E-mail addresses that get the reports, beside the operator who creates it"`
	AutoStart             bool       `json:"autoStart,omitempty" doc:"Start at once, or at startAfter"`
	StartAfter            *time.Time `json:"startAfter,omitempty"`
	CompleteAfter         *time.Time `json:"completeAfter,omitempty"`
	IntervalSeconds       *int64     `json:"intervalSeconds,omitempty" doc:"Time between passes of a mailbox, 300 to 86400 (default 86400)"`
	ReportIntervalSeconds *int64     `json:"reportIntervalSeconds,omitempty" doc:"Time between reports, from 300 (default 86400); 0 is never"`
	FileOptions
}

// FileOptions say how a migration file is taken.
type FileOptions struct {
	FileName            string   `json:"fileName,omitempty" doc:"Name of the migration file"`
	FileBytes           int64    `json:"fileBytes,omitempty" doc:"Its size, if known: a shorter upload is refused"`
	AllowUnknownColumns bool     `json:"allowUnknownColumns,omitempty" doc:"Leave columns out whose name is not known"`
	SkipBad             bool     `json:"skipBad,omitempty" doc:"Leave bad rows out and take the others"`
	TargetPassword      Password `json:"targetPassword,omitempty" doc:"Password at the target of all rows without one"`
	CheckOnly           bool     `json:"checkOnly,omitempty" doc:"Only say what the file holds and what is wrong with it"`
	First               int      `json:"first,omitempty" minimum:"0" doc:"Take only so many of the good rows, the first that are new; 0 takes all"`
}

// BatchPatch changes a batch; what is missing stays. The zero time takes a time
// away.
type BatchPatch struct {
	Notify                *[]string  `json:"notify,omitempty"`
	StartAfter            *time.Time `json:"startAfter,omitempty"`
	CompleteAfter         *time.Time `json:"completeAfter,omitempty"`
	IntervalSeconds       *int64     `json:"intervalSeconds,omitempty"`
	ReportIntervalSeconds *int64     `json:"reportIntervalSeconds,omitempty"`
}

// FileSummary is what a migration file holds.
type FileSummary struct {
	Rows      int                 `json:"rows" doc:"Rows below the header"`
	Mailboxes int                 `json:"mailboxes" doc:"Rows without an error"`
	Taken     int                 `json:"taken" doc:"Of them, those that become mailboxes, or would"`
	Errors    int                 `json:"errors"`
	Warnings  int                 `json:"warnings"`
	Notes     int                 `json:"notes"`
	Refused   bool                `json:"refused" doc:"The file as a whole can't be used, not even its good rows"`
	Bytes     int64               `json:"bytes"`
	Problems  []migration.Problem `json:"problems" doc:"The first of them"`
}

// BatchCreated is what became of a migration file. With CheckOnly, and with a
// problem, there is no batch.
type BatchCreated struct {
	Batch *Batch       `json:"batch,omitempty"`
	File  *FileSummary `json:"file,omitempty"`
}

// Added is what became of more rows.
type Added struct {
	Added int          `json:"added"`
	Known int          `json:"known" doc:"Rows whose mailbox the batch has already; they are left as they are"`
	File  *FileSummary `json:"file,omitempty"`
}

// Batch is a batch as people see it.
type Batch struct {
	Name                  string                `json:"name"`
	State                 string                `json:"state"`
	Source                string                `json:"source"`
	Target                string                `json:"target"`
	Exclude               []string              `json:"exclude"`
	Include               []string              `json:"include"`
	ReceivedFrom          time.Time             `json:"receivedFrom,omitzero"`
	ReceivedBefore        time.Time             `json:"receivedBefore,omitzero"`
	Labels                string                `json:"labels" doc:"What becomes of Gmail's labels: one, copies or keywords"`
	Notify                []string              `json:"notify"`
	StartAfter            time.Time             `json:"startAfter,omitzero"`
	CompleteAfter         time.Time             `json:"completeAfter,omitzero"`
	CompletionWaits       []string              `json:"completionWaits,omitempty" doc:"Why it does not complete by itself although its time has come: it is not safe for the mail of a domain that is watched; not in the list of batches"`
	IntervalSeconds       int64                 `json:"intervalSeconds"`
	ReportIntervalSeconds int64                 `json:"reportIntervalSeconds"`
	Counts                migration.BatchCounts `json:"counts"`
	States                map[string]int        `json:"states,omitempty" doc:"Mailboxes by state; not in the list of batches"`
	Figures               *Figures              `json:"figures,omitempty" doc:"Sums over its mailboxes; not in the list of batches"`
	Verbs                 []string              `json:"verbs" doc:"What may be asked of it now"`
	Wiped                 bool                  `json:"wiped" doc:"Its passwords are destroyed"`
	Created               time.Time             `json:"created"`
	CreatedBy             string                `json:"createdBy"`
	Started               time.Time             `json:"started,omitzero"`
	InitialDone           time.Time             `json:"initialDone,omitzero" doc:"When every mailbox had its initial copy"`
	InitialSeconds        int64                 `json:"initialSeconds,omitempty" doc:"How long the initial copies took"`
	LastSynced            time.Time             `json:"lastSynced,omitzero"`
	Completed             time.Time             `json:"completed,omitzero"`
	NextReport            time.Time             `json:"nextReport,omitzero"`
	Version               int64                 `json:"version"`
}

// Figures are sums over the mailboxes of a batch.
type Figures struct {
	Score             string    `json:"score,omitempty" doc:"The worst of its mailboxes: Perfect, Good, Investigate, Poor"`
	Messages          int64     `json:"messages" doc:"At the sources, as last counted"`
	Moved             int64     `json:"moved" doc:"Messages copied in all passes"`
	MovedBytes        int64     `json:"movedBytes"`
	Skipped           int64     `json:"skipped" doc:"Messages left out"`
	Approved          int64     `json:"approved" doc:"Of them, accepted by an operator"`
	Present           int64     `json:"present" doc:"Messages that the targets had before a pass copied any"`
	Ready             int64     `json:"ready" doc:"Mailboxes of which the last preflight went well, and no pass since"`
	Noted             int64     `json:"noted" doc:"The same, with warnings"`
	NotReady          int64     `json:"notReady" doc:"Mailboxes that the last preflight found not ready"`
	Trying            int64     `json:"trying" doc:"Mailboxes whose preflight is asked for or under way"`
	BytesPerSecond    int64     `json:"bytesPerSecond" doc:"Of the passes under way"`
	MessagesPerSecond float64   `json:"messagesPerSecond" doc:"Of the passes under way"`
	PassMessages      int64     `json:"passMessages" doc:"Done in the passes under way"`
	PassMessagesTotal int64     `json:"passMessagesTotal"`
	PassBytes         int64     `json:"passBytes"`
	PassBytesTotal    int64     `json:"passBytesTotal"`
	RemainingSeconds  int64     `json:"remainingSeconds,omitempty" doc:"Until the passes under way end, at the present rate and as the day's budgets allow"`
	Due               time.Time `json:"due,omitzero" doc:"When the first of its mailboxes is synchronised next"`
}

// FolderHit is a folder and what the rules make of it.
type FolderHit struct {
	Folder   string `json:"folder" doc:"Levels joined with /"`
	Taken    bool   `json:"taken"`
	Rule     string `json:"rule,omitempty" doc:"The rule that decided"`
	Messages int64  `json:"messages"`
}

// FolderRules are rules to be tried.
type FolderRules struct {
	Exclude []string `json:"exclude,omitempty"`
	Include []string `json:"include,omitempty"`
}
