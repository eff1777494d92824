package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/mail"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/report"
)

// The kinds of events.
const (
	// Synced: every mailbox has had its initial pass, or failed at it.
	Synced = "synced"
	// Report: it is time for a report.
	Report = "report"
	// Completed: the final passes are over.
	Completed = "completed"
	// Failed: all mailboxes have failed.
	Failed = "failed"
	// Stalled: nothing moves, though something should.
	Stalled = "stalled"
	// Handover: the owner of a mailbox gets its hand-over.
	Handover = "handover"
)

// Webhook stands among the recipients of a notice for the server's webhook.
const Webhook = "webhook"

// Event is what happened to a batch.
type Event struct {
	Kind string
	At   time.Time
	// Batch is the record as it was read for the change that the event is part of.
	Batch migration.BatchRecord
	// State is what the batch is in after the change.
	State migration.BatchState
	// Trouble is why, when it failed or stalled; may be nil.
	Trouble *migration.Trouble
}

// Composer makes the notices of events. It says where notices can go: what cannot
// be sent is not composed.
type Composer struct{ Mail, Webhook bool }

// Compose makes one notice for each recipient: the creator, if there is an address,
// those of the batch, and the webhook. Two who compose the same event of the same
// version of a batch get the same marks.
func (c Composer) Compose(e Event, creator string) []migration.Notice {
	var recipients []string
	if c.Mail {
		recipients = addresses(append([]string{creator}, e.Batch.Options.Notify...))
	}
	if c.Webhook {
		recipients = append(recipients, Webhook)
	}
	// A batch may stall again while nobody touches its record.
	version := fmt.Sprint(e.Batch.Version)
	if e.Kind == Stalled {
		version = e.At.UTC().Format(time.RFC3339Nano)
	}
	return compose(e, version, recipients)
}

// ComposeReport makes the notices of a report that somebody asks to be mailed to
// people now; none without a mail server. Asked for again, it is another one.
func (c Composer) ComposeReport(e Event, to []string) []migration.Notice {
	if !c.Mail {
		return nil
	}
	e.Kind = Report
	return compose(e, asked(e.At), addresses(to))
}

// ComposeHandovers gives what makes the notice of a mailbox by which its owner gets the
// hand-over, false where the owner has no address. It gives nil without a mail server.
// Asked for at another time, the notices are others.
func (c Composer) ComposeHandovers(e Event, contact string) func(migration.MailboxRecord) (migration.Notice, bool) {
	if !c.Mail {
		return nil
	}
	e.Kind = Handover
	return func(m migration.MailboxRecord) (migration.Notice, bool) {
		to := m.NewAddress()
		if !isAddress(to) {
			return migration.Notice{}, false
		}
		f := newFacts(e)
		f.Mailbox, f.Contact = m.Address, contact
		return migration.Notice{
			Mark:  markOf(e, asked(e.At), fmt.Sprint(m.ID)),
			Batch: e.Batch.ID, BatchName: e.Batch.Name, Kind: e.Kind, Subject: report.Handover{BatchMailbox: report.BatchMailbox{MailboxRecord: m}}.Subject(),
			Recipients: []string{to}, Body: f.encode(), Created: e.At,
		}, true
	}
}

// asked is the version of what somebody asks for at a moment.
func asked(at time.Time) string { return "asked " + at.UTC().Format(time.RFC3339Nano) }

// markOf is the mark of the notice for one recipient.
func markOf(e Event, version, to string) string {
	return fmt.Sprintf("%d/%d/%s/%s/%s", e.Batch.ID, e.Batch.Created.UnixMicro(), version, e.Kind, to)
}

// compose makes a notice for each recipient.
func compose(e Event, version string, recipients []string) (notices []migration.Notice) {
	for _, to := range recipients {
		notices = append(notices, migration.Notice{
			Mark:  markOf(e, version, strings.ToLower(to)),
			Batch: e.Batch.ID, BatchName: e.Batch.Name, Kind: e.Kind, Subject: subject(e.Kind, e.Batch.Name, e.State),
			Recipients: []string{to}, Body: newFacts(e).encode(), Created: e.At,
		})
	}
	return notices
}

// addresses drops what is no address, or there twice, and those beyond the limit of
// a batch and its creator.
func addresses(of []string) []string {
	var kept []string
	seen := map[string]bool{}
	for _, text := range of {
		key := strings.ToLower(text)
		if len(kept) > migration.MaxRecipients || seen[key] || !isAddress(text) {
			continue
		}
		seen[key] = true
		kept = append(kept, text)
	}
	return kept
}

// isAddress accepts an addr-spec of RFC 5322 that is nothing else besides: no name,
// no comment, no line break.
func isAddress(text string) bool {
	parsed, err := mail.ParseAddress(text)
	return err == nil && parsed.Name == "" && parsed.Address == text && migration.SafeText(text) == text
}

// subject is in the form of the modelled service.
func subject(kind, batch string, state migration.BatchState) string {
	text := fmt.Sprintf("E-mail migration batch %q ", migration.SafeText(batch))
	switch kind {
	case Synced:
		return text + "has finished" + suffix(state)
	case Completed:
		return text + "has completed" + suffix(state)
	case Failed:
		return text + "has failed"
	case Stalled:
		return text + "has stalled"
	default:
		return text + "status report"
	}
}

func suffix(state migration.BatchState) string {
	if state == migration.BatchSynced || state == migration.BatchCompleted || state == migration.BatchIncrementalSyncing {
		return ""
	}
	return " - with errors"
}

// facts are what is remembered of an event.
type facts struct {
	At       time.Time             `json:"at"`
	State    migration.BatchState  `json:"state"`
	Counts   migration.BatchCounts `json:"counts"`
	Interval time.Duration         `json:"interval"`
	Reports  time.Duration         `json:"reports"`
	Trouble  *migration.Trouble    `json:"trouble,omitempty"`
	// Mailbox is whose hand-over it is, by its address, and Contact whom the owner
	// asks.
	Mailbox string `json:"mailbox,omitempty"`
	Contact string `json:"contact,omitempty"`
}

func newFacts(e Event) facts {
	return facts{At: e.At.UTC(), State: e.State, Counts: e.Batch.Counts, Interval: e.Batch.Options.Interval, Reports: e.Batch.Options.ReportInterval, Trouble: e.Trouble}
}

func (f facts) encode() []byte {
	text, _ := json.Marshal(f) // plain values always encode
	return text
}

// factsOf reads what Compose has written.
func factsOf(n migration.Notice) (f facts, err error) {
	if err = json.Unmarshal(n.Body, &f); err != nil {
		err = fmt.Errorf("reading notice %d: %w", n.ID, err)
	}
	return f, err
}

// delivery names a notice to others: the same for each sending of it.
func delivery(n migration.Notice) string {
	sum := sha256.Sum256([]byte("mailhaul notice\x00" + n.Mark))
	return hex.EncodeToString(sum[:16])
}
