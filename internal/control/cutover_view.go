package control

import (
	"time"

	"github.com/mailhaul/mailhaul/internal/cutover"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// CutoverSpec says where the mail of a domain moves to, and whose mailboxes count.
type CutoverSpec struct {
	Target cutover.Target `json:"target,omitzero" required:"false" doc:"Where the mail moves to; Office 365 if nothing is said"`
	// SwitchedAt counts only where nothing else was seen.
	SwitchedAt *time.Time `json:"switchedAt,omitempty" doc:"When the MX records were changed, where nobody looked; what was seen counts more"`
	Batches    []string   `json:"batches,omitempty" maxItems:"100" doc:"Batches whose mailboxes count; all of the server without"`
	Notify     []string   `json:"notify,omitempty" maxItems:"50" doc:"Addresses that are mailed when the state changes, beside that of who set it"`
}

// Cutover is how far the move of a domain's mail is.
type Cutover struct {
	cutover.Verdict
	Watched   bool      `json:"watched" doc:"Whether the server looks by itself every 15 minutes"`
	StatedAt  time.Time `json:"statedAt,omitzero" doc:"When an operator says that the MX records were changed"`
	Batches   []string  `json:"batches" doc:"Batches whose mailboxes count; all of the server if empty"`
	Notify    []string  `json:"notify"`
	CreatedBy string    `json:"createdBy,omitempty"`
	Created   time.Time `json:"created,omitzero"`
	NextLook  time.Time `json:"nextLook,omitzero"`
	Version   int64     `json:"version"`
}

func (c *Cutover) setRecord(record migration.CutoverRecord) {
	c.Watched, c.Batches, c.Notify = record.Version > 0, orEmpty(record.Batches), orEmpty(record.Notify)
	c.CreatedBy, c.Created, c.NextLook, c.Version = record.CreatedBy, record.Created, record.Due, record.Version
	if !c.Watched {
		c.NextLook = time.Time{}
	}
}
