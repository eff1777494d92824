package migration

import "time"

// Limits are what mailhaul may ask of an endpoint, all nodes together.
type Limits struct {
	// Migrations is how many mailboxes may be in their initial pass at a
	// time, Incremental how many in a later one.
	Migrations  int `json:"migrations"`
	Incremental int `json:"incremental"`
	// Connections is how many a mailbox may open.
	Connections int `json:"connections"`
	// Unanswered is how many messages may be on their way to it on one connection
	// without an answer; 0 is what its make bears (Traits.Unanswered).
	Unanswered int `json:"unanswered,omitempty"`
	// BytesPerSecond and MessagesPerSecond are ceilings; 0 is none.
	BytesPerSecond    int64   `json:"bytesPerSecond"`
	MessagesPerSecond float64 `json:"messagesPerSecond"`
	// BytesPerDayDown and BytesPerDayUp are the budget of each account for 24
	// hours, from the server and to it; 0 is none.
	BytesPerDayDown int64 `json:"bytesPerDayDown,omitempty"`
	BytesPerDayUp   int64 `json:"bytesPerDayUp,omitempty"`
}

// Budget is what an account may move in a day.
func (l Limits) Budget() DayBudget { return DayBudget{l.BytesPerDayDown, l.BytesPerDayUp} }

// EndpointKind is the kind of an endpoint.
type EndpointKind string

// The kinds of endpoints.
const (
	KindIMAP      EndpointKind = "imap"
	KindOffice365 EndpointKind = "office365"
	KindGmail     EndpointKind = "gmail"
)

// EndpointRecord is what the store keeps of an endpoint.
type EndpointRecord struct {
	ID   int64
	Name string
	Endpoint
	// Kind is what was asked for: a plain IMAP server, or a service whose settings
	// are known.
	Kind   EndpointKind
	Limits Limits
	Login  LoginMethod
	// AdminSecret, which is sealed, is the secret of the login's credential where it
	// has one: a password, a client secret, a certificate with its key, or the key
	// file of a service account.
	AdminSecret []byte
	// DefaultFolders are those of its mailboxes that people name.
	DefaultFolders DefaultFolders
	// Learned is what was seen of the server; nil before the first test.
	Learned *Learned
	// Calibration is what this server was measured to keep; nil before, and once the
	// endpoint is another server's.
	Calibration *Calibration
	Created     time.Time
	CreatedBy   string
	// Version grows with every change.
	Version int64
}

// Learned is what a test of an endpoint has seen.
type Learned struct {
	At         time.Time     `json:"at"`
	Server     string        `json:"server"`
	TLS        string        `json:"tls"`
	Pin        string        `json:"pin"`
	RoundTrip  time.Duration `json:"roundTrip"`
	Extensions []string      `json:"extensions"`
	// SignIn is what the test could tell of a credential that opens every mailbox,
	// for people; empty where somebody has signed in, or nobody was to.
	SignIn string `json:"signIn,omitempty"`
}

// BatchOptions are what an operator chooses for a batch. What may be edited
// later is said at each.
type BatchOptions struct {
	// Exclude and Include are folder rules (ParseFolderRule).
	Exclude []string `json:"exclude"`
	Include []string `json:"include"`
	// ReceivedFrom and ReceivedBefore choose by INTERNALDATE; zero is no bound.
	ReceivedFrom   time.Time `json:"receivedFrom,omitzero"`
	ReceivedBefore time.Time `json:"receivedBefore,omitzero"`
	// Labels says what becomes of labels; empty is LabelsOne.
	Labels LabelPolicy `json:"labels,omitempty"`
	// Notify are the addresses that get the reports.
	Notify []string `json:"notify"`
	// StartAfter and CompleteAfter are times at which it starts and completes by
	// itself; zero is never. May be edited.
	StartAfter    time.Time `json:"startAfter,omitzero"`
	CompleteAfter time.Time `json:"completeAfter,omitzero"`
	// Interval is the time between passes of a mailbox, ReportInterval that
	// between reports, zero for none. May be edited.
	Interval       time.Duration `json:"interval"`
	ReportInterval time.Duration `json:"reportInterval"`
	// Forget: when the batch is removed, its ledgers go too.
	Forget bool `json:"forget,omitempty"`
}

// BatchRecord is what the store keeps of a batch.
type BatchRecord struct {
	ID             int64
	Name           string
	Source, Target int64 // endpoints
	Intent         Intent
	Options        BatchOptions
	// Key is the batch's data key, wrapped with the server's key; empty once
	// wiped.
	Key []byte
	// Told is the last state that people were told of.
	Told BatchState
	// NextReport is when the next report is due, zero for never.
	NextReport                    time.Time
	Created, Started, InitialDone time.Time
	LastSynced, Completed         time.Time
	CreatedBy                     string
	Version                       int64
	Counts                        BatchCounts
}

// Facts are the batch's facts at a time.
func (b BatchRecord) Facts(now time.Time) BatchFacts {
	return BatchFacts{Intent: b.Intent, StartAfter: b.Options.StartAfter, Now: now, Counts: b.Counts}
}

// CompletionDue reports whether the time has come at which it completes by itself.
func (b BatchRecord) CompletionDue(now time.Time) bool {
	at := b.Options.CompleteAfter
	return b.Intent == Run && !at.IsZero() && !now.Before(at)
}

// MailboxRecord is what the store keeps of a mailbox.
type MailboxRecord struct {
	ID      int64
	Batch   int64
	Row     int // of the migration file
	Address string
	// SourceUser, TargetUser and UserRoot are those of the migration file.
	SourceUser, TargetUser, UserRoot string
	// SourceSecret and TargetSecret are sealed passwords; empty when the
	// endpoint has the credential, or once wiped.
	SourceSecret, TargetSecret []byte
	Facts                      MailboxFacts
	// Minor counts findings that lost no message.
	Minor int
	// Due is when the next pass may begin, zero for none. Trial asks for a
	// preflight first.
	Due   time.Time
	Trial bool
	// Retry asks the next pass to try messages again that were given up.
	Retry bool
	Lease Lease
	// Faults counts failed passes since the last good one.
	Faults int
	// Trouble is why it failed or waits, nil when all is well.
	Trouble *Trouble
	// Progress is that of the pass under way or of the last one.
	Progress MailboxProgress
	// Preflight is what the last trial found, nil before it.
	Preflight *PreflightResult
	// Since is when it was queued or taken up, whichever was last. All times are
	// zero before they have come.
	Created, Since, Started, InitialDone, LastSynced time.Time
	// SyncedFrom is when the last pass that went through began: it has looked at all
	// that had arrived before. Zero also where that was not written down yet.
	SyncedFrom time.Time
	// MadeUp: what had arrived before was brought along by mailboxes that make up for
	// this one, and may be deleted since; zero when none was.
	MadeUp time.Time
	// Unread is what the last pass that went through could not look into.
	Unread Unread
	// Waited, Worked and Stalled are how long it was queued, in progress, and
	// in progress without moving.
	Waited, Worked, Stalled time.Duration
	// InitialWorked is how long the passes up to the initial copy were at work, and
	// InitialMessages and InitialBytes what they have copied; the latter two are 0
	// before it is there.
	InitialWorked                 time.Duration
	InitialMessages, InitialBytes int64
	Version                       int64
}

// Score is the mailbox's data consistency score, empty before its first pass.
func (m MailboxRecord) Score() Score {
	if m.Facts.Passes == 0 && m.Facts.Phase != Closed {
		return ""
	}
	return ScoreOf(m.Progress.Counts.Source, m.Facts.Skipped, m.Facts.Approved, m.Minor)
}

// NewAddress is where mail reaches the owner once the mailbox has moved: the user at the
// target if that is an address, else the address of the mailbox.
func (m MailboxRecord) NewAddress() string {
	if _, _, err := ParseAddress(m.TargetUser); err == nil {
		return m.TargetUser
	}
	return m.Address
}

// Readiness is what the last preflight of a mailbox says, in the order of seriousness.
type Readiness int

// The readinesses.
const (
	// Untried: there was no preflight, or a pass has gone through since.
	Untried Readiness = iota
	// Ready: it can be migrated.
	Ready
	// Noted: it can be migrated, and there are warnings to be read before.
	Noted
	// NotReady: something keeps it from being migrated.
	NotReady
)

// Readiness is what the last preflight says of the mailbox, as long as no pass has gone
// through since: a pass knows better.
func (m MailboxRecord) Readiness() Readiness {
	switch p := m.Preflight; {
	case p == nil || m.LastSynced.After(p.At):
		return Untried
	case !p.OK:
		return NotReady
	case len(p.Warnings) > 0:
		return Noted
	default:
		return Ready
	}
}

// Trying reports whether a preflight is asked for or under way, so that the last one
// counts no more.
func (m MailboxRecord) Trying() bool { return m.Trial || m.Facts.Running == Preflight }

// MailboxInUse is a mailbox that a batch is not done with.
type MailboxInUse struct {
	// Address is in lower case.
	Address, Batch                   string
	Source, Target                   int64 // endpoints
	SourceUser, TargetUser, UserRoot string
}

// PausedUntil is when a pause ends that a server or a circuit breaker has asked for;
// zero when there is none.
func (m MailboxRecord) PausedUntil() time.Time {
	if m.Trouble == nil || m.Trouble.Class != Later {
		return time.Time{}
	}
	return m.Trouble.Until
}

// BatchFigures are sums over the mailboxes of a batch.
type BatchFigures struct {
	// Score is the worst of its mailboxes.
	Score Score
	// Messages are those at the sources, as last counted; Moved and MovedBytes
	// are what all passes have copied.
	Messages, Moved, MovedBytes int64
	Skipped, Approved           int64
	// Present are the messages that the targets had before a pass copied any.
	Present int64
	// Ready, Noted and NotReady count mailboxes by their Readiness, and Trying those
	// whose preflight is asked for or under way, which are in no other count.
	Ready, Noted, NotReady, Trying int64
	// The others are of the passes under way: rates, done, and to be done.
	BytesPerSecond                  int64
	MessagesPerSecond               float64
	PassMessages, PassMessagesTotal int64
	PassBytes, PassBytesTotal       int64
	// Earliest is when the passes under way or paused can have ended, as far as
	// budgets go; zero when none holds them up.
	Earliest time.Time
	// Due is when the first of its mailboxes is synchronised next; zero when none is.
	Due time.Time
}

// Lease says which node has a mailbox, and until when. Whoever takes it over
// counts the generation up; a node with an older one may write nothing more.
type Lease struct {
	Node       string
	Until      time.Time
	Generation int64
}

// Trouble is why a mailbox failed or waits.
type Trouble struct {
	At     time.Time `json:"at"`
	Class  Class     `json:"class"`
	Code   string    `json:"code"`
	Reason string    `json:"reason"`
	Remedy string    `json:"remedy,omitempty"`
	// Until is when it is tried again, zero for not by itself.
	Until time.Time `json:"until,omitzero"`
}

// MailboxProgress is how far a pass has come.
type MailboxProgress struct {
	At time.Time `json:"at,omitzero"`
	// Messages and bytes done in this pass, and how many there are to do as far
	// as known.
	Folders       int64 `json:"folders"`
	FoldersTotal  int64 `json:"foldersTotal"`
	Messages      int64 `json:"messages"`
	MessagesTotal int64 `json:"messagesTotal"`
	Bytes         int64 `json:"bytes"`
	BytesTotal    int64 `json:"bytesTotal"`
	// BytesPerSecond and MessagesPerSecond are the rates of the last seconds.
	BytesPerSecond    int64   `json:"bytesPerSecond"`
	MessagesPerSecond float64 `json:"messagesPerSecond"`
	// Earliest is when the pass can have ended, as far as the day's budgets of its
	// accounts go; zero when none holds it up.
	Earliest time.Time `json:"earliest,omitzero"`
	// Waiting says why nothing moves, empty when it does.
	Waiting string `json:"waiting,omitempty"`
	// Counts are those of the last whole pass; Moved and MovedBytes are what
	// all passes have copied.
	Counts     Counts `json:"counts"`
	Moved      int64  `json:"moved"`
	MovedBytes int64  `json:"movedBytes"`
	// PerFolder is filled for a single mailbox only.
	PerFolder []FolderProgress `json:"perFolder,omitempty"`
}

// Present is how many messages the target had before any pass copied them: what the
// target has of the source's, less what was copied.
func (p MailboxProgress) Present() int64 {
	return max(0, int64(p.Counts.Present)+int64(p.Counts.Copied)-p.Moved)
}

// FolderProgress is how far a folder has come.
type FolderProgress struct {
	Source   string `json:"source"`
	Target   string `json:"target"`
	Messages Counts `json:"messages"`
	Done     bool   `json:"done"`
}

// PreflightResult is what a trial of a mailbox found.
type PreflightResult struct {
	At time.Time `json:"at"`
	OK bool      `json:"ok"`
	// Source and Target say how far each side came: "resolve", "connect",
	// "tls", "greeting", "sign-in", "folders" or "ok".
	Source string `json:"source"`
	Target string `json:"target"`
	// Folders, Messages and Bytes are what the source holds; Free is the room at
	// the target, -1 when it does not tell.
	Folders  int   `json:"folders"`
	Messages int64 `json:"messages"`
	Bytes    int64 `json:"bytes"`
	Free     int64 `json:"free"`
	// Renamed is how many default folders, and folders below them, the target only
	// calls differently, such as Sent and Sent Items.
	Renamed int `json:"renamed,omitempty"`
	// Trouble is the first of what keeps the mailbox from being copied.
	Trouble *Trouble `json:"trouble,omitempty"`
	// SourceTrouble and TargetTrouble are what each side has found.
	SourceTrouble *Trouble `json:"sourceTrouble,omitempty"`
	TargetTrouble *Trouble `json:"targetTrouble,omitempty"`
	// Warnings keep nothing from being copied: folders without mail, default folders
	// that are found by their names. They are those of whole folders and mailboxes.
	Warnings []Finding `json:"warnings,omitempty"`
}

// SideTrouble is a trouble with the side it is on, "source", "target" or empty.
type SideTrouble struct {
	Side string
	*Trouble
}

// String names the side before the reason.
func (t SideTrouble) String() string {
	if t.Side == "" {
		return t.Reason
	}
	return t.Side + ": " + t.Reason
}

// Troubles are all that were found, the source's first.
func (p *PreflightResult) Troubles() (all []SideTrouble) {
	if p.SourceTrouble != nil {
		all = append(all, SideTrouble{"source", p.SourceTrouble})
	}
	if p.TargetTrouble != nil {
		all = append(all, SideTrouble{"target", p.TargetTrouble})
	}
	if len(all) == 0 && p.Trouble != nil {
		all = append(all, SideTrouble{"", p.Trouble})
	}
	return all
}
