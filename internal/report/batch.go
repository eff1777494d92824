package report

import (
	"fmt"
	"io"
	"iter"
	"slices"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Batch is a batch of the server at a moment.
type Batch struct {
	migration.BatchRecord
	// Source and Target name the servers.
	Source, Target string
	// At is the moment: what is under way is counted up to it.
	At time.Time
	// Mailboxes goes through the mailboxes once, in the order of the migration
	// file. Only one is held at a time.
	Mailboxes iter.Seq2[BatchMailbox, error]
}

// BatchMailbox is a mailbox of a batch.
type BatchMailbox struct {
	migration.MailboxRecord
	// Findings goes through its findings; nil when there are none.
	Findings iter.Seq2[migration.FindingRecord, error]
	// Folders reads how far its folders have come; nil when that is not known.
	Folders func() ([]Folder, error)
}

// WithoutSubjects is the batch for who may not read the subjects of messages.
func (b Batch) WithoutSubjects() Batch {
	mailboxes := b.Mailboxes
	b.Mailboxes = func(yield func(BatchMailbox, error) bool) {
		for m, err := range mailboxes {
			if !yield(m.withoutSubjects(), err) {
				return
			}
		}
	}
	return b
}

func (m BatchMailbox) withoutSubjects() BatchMailbox {
	if findings := m.Findings; findings != nil {
		m.Findings = func(yield func(migration.FindingRecord, error) bool) {
			for f, err := range findings {
				f.Subject = ""
				if !yield(f, err) {
					return
				}
			}
		}
	}
	return m
}

// BatchFiles are where the forms of a report go; one that is nil is not written.
type BatchFiles struct {
	Statistics, Errors, JSON io.Writer
	// Page is a page of HTML with charts, and the first mailboxes. Letter is the
	// same for a mail: without the list of mailboxes, and below 100 kB, which is
	// where mail programs cut.
	Page, Letter io.Writer
}

// BatchTotal sums up the mailboxes of a batch.
type BatchTotal struct {
	Mailboxes int                            `json:"mailboxes"`
	Statuses  map[migration.MailboxState]int `json:"statuses"`
	// Scores has the mailboxes that had a whole pass; Score is the worst.
	Scores map[migration.Score]int `json:"scores"`
	Score  migration.Score         `json:"score,omitempty"`
	// Messages at the source, as far as they are known, those of them that are
	// at the target, and those left out, of which Approved are accepted.
	SourceMessages   int64 `json:"sourceMessages"`
	SyncedMessages   int64 `json:"syncedMessages"`
	SkippedMessages  int64 `json:"skippedMessages"`
	ApprovedMessages int64 `json:"approvedMessages"`
	// CopiedMessages and CopiedBytes are what all passes have copied.
	CopiedMessages int64 `json:"copiedMessages"`
	CopiedBytes    int64 `json:"copiedBytes"`
	// QueuedSeconds, InProgressSeconds and StalledSeconds are sums.
	QueuedSeconds     float64 `json:"queuedSeconds"`
	InProgressSeconds float64 `json:"inProgressSeconds"`
	StalledSeconds    float64 `json:"stalledSeconds"`
	// Troubled counts the mailboxes that failed or wait because of a trouble;
	// Worst has the first of them, failed ones before others.
	Troubled int       `json:"troubled"`
	Worst    []Account `json:"-"`
	waiting  []Account
}

// Account is what a report says of one mailbox of a batch.
type Account struct {
	EmailAddress string                 `json:"emailAddress"`
	SourceUser   string                 `json:"sourceUser"`
	TargetUser   string                 `json:"targetUser"`
	Status       migration.MailboxState `json:"status"`
	Phase        migration.Phase        `json:"phase"`
	// Score is empty before the first whole pass.
	Score            migration.Score `json:"score,omitempty"`
	SourceMessages   int64           `json:"sourceMessages"`
	SyncedMessages   int64           `json:"syncedMessages"`
	SkippedMessages  int64           `json:"skippedMessages"`
	ApprovedMessages int64           `json:"approvedMessages"`
	Percent          int             `json:"percent"`
	CopiedMessages   int64           `json:"copiedMessages"`
	CopiedBytes      int64           `json:"copiedBytes"`
	// BytesPerSecond is the mean over the time in progress.
	BytesPerSecond    int64     `json:"bytesPerSecond"`
	Passes            int       `json:"passes"`
	QueuedSeconds     float64   `json:"queuedSeconds"`
	InProgressSeconds float64   `json:"inProgressSeconds"`
	StalledSeconds    float64   `json:"stalledSeconds"`
	InitialDone       time.Time `json:"initialDone,omitzero"`
	LastSynced        time.Time `json:"lastSynced,omitzero"`
	// Waiting says why nothing moves in the pass under way.
	Waiting string `json:"waiting,omitempty"`
	// Code, Error and Remedy tell of the trouble; Again is when it is tried
	// again by itself, zero for not.
	Code   string    `json:"code,omitempty"`
	Error  string    `json:"error,omitempty"`
	Remedy string    `json:"remedy,omitempty"`
	Again  time.Time `json:"again,omitzero"`
}

// newAccount counts what is under way up to the moment.
func newAccount(m migration.MailboxRecord, at time.Time) Account {
	p, counts, facts := m.Progress, m.Progress.Counts, m.Facts
	a := Account{
		EmailAddress: m.Address, SourceUser: m.SourceUser, TargetUser: m.TargetUser, Status: facts.State(), Phase: facts.Phase, Passes: facts.Passes,
		SourceMessages: p.MessagesTotal, SyncedMessages: p.Messages, SkippedMessages: int64(facts.Skipped), ApprovedMessages: int64(facts.Approved),
		CopiedMessages: p.Moved, CopiedBytes: p.MovedBytes, InitialDone: m.InitialDone, LastSynced: m.LastSynced, Score: m.Score(),
	}
	if facts.Passes > 0 {
		a.SourceMessages, a.SyncedMessages = int64(counts.Source-counts.Gone), int64(counts.Copied+counts.Present)
	}
	a.Percent = percent(a.SyncedMessages+a.SkippedMessages, a.SourceMessages, facts.Passes > 0)
	waited, worked := spent(m, at)
	a.QueuedSeconds, a.InProgressSeconds, a.StalledSeconds = waited.Seconds(), worked.Seconds(), m.Stalled.Seconds()
	if worked > 0 {
		a.BytesPerSecond = int64(float64(p.MovedBytes) / worked.Seconds())
	}
	if facts.Running != "" {
		a.Waiting = p.Waiting
	}
	if t := m.Trouble; t != nil {
		a.Code, a.Error, a.Remedy, a.Again = t.Code, t.Reason, t.Remedy, t.Until
	}
	if a.Error == "" && a.failed() {
		a.Code, a.Error = migration.CodeInternal, "no reason was given"
		if facts.Broken {
			a.Code, a.Error, a.Remedy = migration.CodeLogin, "its credentials cannot be opened", "Bring back the key they were sealed with, or give new passwords."
		}
	}
	return a
}

// spent is how long the mailbox was queued and in progress up to the moment.
func spent(m migration.MailboxRecord, at time.Time) (waited, worked time.Duration) {
	waited, worked = m.Waited, m.Worked
	now := max(at.Sub(m.Since), 0)
	switch {
	case m.Since.IsZero():
	case m.Facts.Running != "" && m.Facts.Begun:
		worked += now
	case m.Facts.Running != "" || m.Facts.State() == migration.MailboxQueued && !m.Due.IsZero() && !m.Due.After(at):
		waited += now
	}
	return waited, worked
}

// percent is whole only when all is done.
func percent(done, of int64, known bool) int {
	switch {
	case of <= 0 && known:
		return 100
	case of <= 0 || done <= 0:
		return 0
	case done >= of:
		return 100
	default:
		return int(min(done*100/of, 99))
	}
}

// failed reports whether nothing follows by itself.
func (a Account) failed() bool {
	switch a.Status {
	case migration.MailboxFailed, migration.MailboxIncrementalFailed, migration.MailboxCompletionFailed, migration.MailboxCorrupted:
		return true
	default:
		return false
	}
}

// mostWorst is how many mailboxes in trouble a total names.
const mostWorst = 200

func newBatchTotal() *BatchTotal {
	return &BatchTotal{Statuses: map[migration.MailboxState]int{}, Scores: map[migration.Score]int{}}
}

func (t *BatchTotal) add(a Account) {
	t.Mailboxes++
	t.Statuses[a.Status]++
	if a.Score != "" {
		t.Scores[a.Score]++
		t.Score = t.Score.Worse(a.Score)
	}
	t.SourceMessages += a.SourceMessages
	t.SyncedMessages += a.SyncedMessages
	t.SkippedMessages += a.SkippedMessages
	t.ApprovedMessages += a.ApprovedMessages
	t.CopiedMessages += a.CopiedMessages
	t.CopiedBytes += a.CopiedBytes
	t.QueuedSeconds += a.QueuedSeconds
	t.InProgressSeconds += a.InProgressSeconds
	t.StalledSeconds += a.StalledSeconds
	switch {
	case a.Error == "":
		return
	case a.failed() && len(t.Worst) < mostWorst:
		t.Worst = append(t.Worst, a)
	case !a.failed() && len(t.waiting) < mostWorst:
		t.waiting = append(t.waiting, a)
	}
	t.Troubled++
}

// end puts those that wait behind those that failed.
func (t *BatchTotal) end() {
	t.Worst = append(t.Worst, t.waiting[:min(len(t.waiting), mostWorst-len(t.Worst))]...)
	t.waiting = nil
}

// Figure is a number with its name.
type Figure struct{ Name, Value string }

// Figures are the total in words, for texts.
func (t *BatchTotal) Figures() []Figure {
	list := []Figure{{"Mailboxes", thousands(t.Mailboxes)}}
	for _, state := range migration.MailboxStates() {
		if n := t.Statuses[state]; n > 0 {
			list = append(list, Figure{"  " + string(state), thousands(n)})
		}
	}
	list = append(list,
		Figure{"Messages at the source", thousands(int(t.SourceMessages))},
		Figure{"  at the target", thousands(int(t.SyncedMessages))},
		Figure{"  left out", thousands(int(t.SkippedMessages)) + approved(t.ApprovedMessages)},
		Figure{"Data copied", size(t.CopiedBytes) + perSecond(t)})
	if t.Score != "" {
		list = append(list, Figure{"Data consistency score", string(t.Score)})
	}
	return list
}

func approved(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" (%s approved)", thousands(int(n)))
}

// perSecond is the mean rate of a mailbox while in progress.
func perSecond(t *BatchTotal) string {
	if t.InProgressSeconds <= 0 || t.CopiedBytes == 0 {
		return ""
	}
	return fmt.Sprintf(" (%s/s for each mailbox in progress)", size(int64(float64(t.CopiedBytes)/t.InProgressSeconds)))
}

// Number is a number as texts show it: 12,345.
func Number(n int) string { return thousands(n) }

// Write goes through the mailboxes once and writes all forms that are wanted. It
// holds one mailbox at a time and the beginnings of lists, so a batch may have any
// number. After an error the files are not to be used.
func (b Batch) Write(files BatchFiles) (BatchTotal, error) {
	total := newBatchTotal()
	forms, err := b.forms(files, total)
	if err != nil {
		return *total, err
	}
	i := 0
	for m, err := range b.Mailboxes {
		if err != nil {
			return *total, fmt.Errorf("reading the mailboxes of the batch: %w", err)
		}
		account := newAccount(m.MailboxRecord, b.At)
		total.add(account)
		for _, form := range forms {
			if err := form.mailbox(i, account); err != nil {
				return *total, fmt.Errorf("writing the report: %w", err)
			}
		}
		if err := eachFinding(m, func(f migration.FindingRecord) error {
			for _, form := range forms {
				if err := form.finding(i, account, f); err != nil {
					return fmt.Errorf("writing the report: %w", err)
				}
			}
			return nil
		}); err != nil {
			return *total, err
		}
		i++
	}
	total.end()
	for _, form := range forms {
		if err := form.end(); err != nil {
			return *total, fmt.Errorf("writing the report: %w", err)
		}
	}
	return *total, nil
}

func eachFinding(m BatchMailbox, do func(migration.FindingRecord) error) error {
	if m.Findings == nil {
		return nil
	}
	for f, err := range m.Findings {
		if err != nil {
			return fmt.Errorf("reading the findings of a mailbox: %w", err)
		}
		if err := do(f); err != nil {
			return err
		}
	}
	return nil
}

// form is a report being written: each mailbox is followed by its findings.
type form interface {
	mailbox(i int, a Account) error
	finding(i int, a Account, f migration.FindingRecord) error
	end() error
}

// forms begins what is wanted.
func (b Batch) forms(files BatchFiles, total *BatchTotal) ([]form, error) {
	var forms []form
	for _, wanted := range []struct {
		w     io.Writer
		begin func(io.Writer) (form, error)
	}{
		{files.Statistics, beginBatchStatistics},
		{files.Errors, beginBatchErrors},
		{files.JSON, func(w io.Writer) (form, error) { return b.beginJSON(w, total) }},
		{files.Page, func(w io.Writer) (form, error) { return b.beginPage(w, total, pageBounds), nil }},
		{files.Letter, func(w io.Writer) (form, error) { return b.beginPage(w, total, letterBounds), nil }},
	} {
		if wanted.w == nil {
			continue
		}
		form, err := wanted.begin(wanted.w)
		if err != nil {
			return nil, fmt.Errorf("writing the report: %w", err)
		}
		forms = append(forms, form)
	}
	return slices.Clip(forms), nil
}
