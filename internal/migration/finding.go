package migration

import "time"

// Finding is anything a person should know about a mailbox: a skipped message,
// a renamed folder, a dropped keyword. The reason and the remedy are sentences.
type Finding struct {
	Code   string `json:"code"`
	Folder string `json:"folder,omitempty"`
	// UID, Subject, Date and Size name the message, when it is one.
	UID     UID       `json:"uid,omitempty"`
	Subject string    `json:"subject,omitempty"`
	Date    time.Time `json:"date,omitzero"`
	Size    int64     `json:"size,omitempty"`
	// Count is how many messages or folders this stands for; 0 means 1.
	Count  int    `json:"count,omitempty"`
	Reason string `json:"reason"`
	Remedy string `json:"remedy,omitempty"`
}

// Counts are the messages of a folder or mailbox. They add up:
// Source = Copied + Present + Skipped + Gone.
type Counts struct {
	// Source is how many messages the source was seen to hold.
	Source int `json:"source"`
	// Copied is how many were added to the target in this pass.
	Copied int `json:"copied"`
	// Present is how many the target had already, by ledger or fingerprint.
	Present int `json:"present"`
	// Skipped is how many were left out, each with a finding.
	Skipped int `json:"skipped"`
	// Gone is how many vanished from the source before they were read.
	Gone int `json:"gone"`
}

// Add sums up.
func (c *Counts) Add(d Counts) {
	c.Source += d.Source
	c.Copied += d.Copied
	c.Present += d.Present
	c.Skipped += d.Skipped
	c.Gone += d.Gone
}

// AddUp reports whether nothing is unaccounted for.
func (c Counts) AddUp() bool { return c.Source == c.Copied+c.Present+c.Skipped+c.Gone }

// Traffic is what a connection, or several, cost.
type Traffic struct {
	// RoundTrips is how often the client had to wait for an answer before it
	// could send on.
	RoundTrips int64
	// In and Out are bytes on the line, after compression, before TLS.
	In, Out int64
}

// Add sums up.
func (t *Traffic) Add(u Traffic) {
	t.RoundTrips += u.RoundTrips
	t.In += u.In
	t.Out += u.Out
}
