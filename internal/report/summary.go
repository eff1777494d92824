package report

import (
	"encoding/json"
	"io"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// The states of a mailbox in a report.
const (
	Synced           = "Synced"
	SyncedWithErrors = "SyncedWithErrors"
	Failed           = "Failed"
	Stopped          = "Stopped"
)

// Summary is what a run did.
type Summary struct {
	Started   time.Time `json:"started"`
	Ended     time.Time `json:"ended"`
	Source    string    `json:"source"`
	Target    string    `json:"target"`
	Mailboxes []Mailbox `json:"mailboxes"`
}

// Mailbox is what a run did with one mailbox.
type Mailbox struct {
	EmailAddress string `json:"emailAddress,omitempty"`
	SourceUser   string `json:"sourceUser,omitempty"`
	TargetUser   string `json:"targetUser,omitempty"`
	// Status is one of the states above.
	Status   string           `json:"status"`
	Folders  int              `json:"folders"`
	Messages migration.Counts `json:"messages"`
	// Bytes of the messages copied.
	Bytes      int64               `json:"bytes"`
	Seconds    float64             `json:"seconds"`
	RoundTrips RoundTrips          `json:"roundTrips"`
	Findings   []migration.Finding `json:"findings"`
	// Error says why the mailbox failed; Code and Remedy belong to it.
	Error  string `json:"error,omitempty"`
	Code   string `json:"code,omitempty"`
	Remedy string `json:"remedy,omitempty"`
}

// RoundTrips is how often each side was waited for.
type RoundTrips struct {
	Source int64 `json:"source"`
	Target int64 `json:"target"`
}

// Total sums up the mailboxes. Its status is the worst of theirs, its seconds
// are those of the whole run.
func (s Summary) Total() Mailbox {
	total := Mailbox{Status: Synced, Seconds: s.Ended.Sub(s.Started).Seconds(), Findings: []migration.Finding{}}
	order := map[string]int{Synced: 0, SyncedWithErrors: 1, Stopped: 2, Failed: 3}
	for _, m := range s.Mailboxes {
		if order[m.Status] > order[total.Status] {
			total.Status = m.Status
		}
		total.Folders += m.Folders
		total.Messages.Add(m.Messages)
		total.Bytes += m.Bytes
		total.RoundTrips.Source += m.RoundTrips.Source
		total.RoundTrips.Target += m.RoundTrips.Target
		total.Findings = append(total.Findings, m.Findings...)
	}
	return total
}

// JSON writes the summary with its total.
func JSON(w io.Writer, s Summary) error {
	for i := range s.Mailboxes {
		if s.Mailboxes[i].Findings == nil {
			s.Mailboxes[i].Findings = []migration.Finding{}
		}
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		Summary
		Total Mailbox `json:"total"`
	}{s, s.Total()})
}
