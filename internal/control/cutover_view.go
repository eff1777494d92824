package control

import (
	"encoding/json"
	"hash/fnv"
	"time"

	"github.com/mailhaul/mailhaul/internal/cutover"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// CutoverSpec says where the mail of a domain moves to, and whose mailboxes count.
type CutoverSpec struct {
	Target cutover.Target `json:"target,omitzero" required:"false" doc:"Where the mail moves to; Office 365 if nothing is said"`
	// SwitchedAt counts only where nothing else was seen.
	SwitchedAt *time.Time `json:"switchedAt,omitempty" doc:"When the MX records were changed, where nobody looked; what was seen counts more"`
	// SaidAnew tells a time that is said once more from one that is only kept.
	SaidAnew bool `json:"saidAnew,omitempty" doc:"Whether that is said now, of all that was seen until now, also where it is the same as before; one that is only repeated stays as it was said"`
	// Batches that are deleted later stay named, and their mailboxes do not count.
	Batches []string `json:"batches,omitempty" maxItems:"100" doc:"Batches whose mailboxes count; all of the server without"`
	Notify  []string `json:"notify,omitempty" maxItems:"50" doc:"Addresses that are mailed when the state changes, beside that of who had it watched first"`
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
	Version   int64     `json:"version,omitempty" doc:"Another one whenever something else was set; a look changes it not"`
	// HeldBatches stay uncompleted also when the watch ends.
	HeldBatches []string `json:"heldBatches,omitempty" doc:"Batches whose time to complete has come, and that wait since it is not safe for this domain; they complete by themselves no more when the watch ends. Not where a batch is asked for"`
}

func (c *Cutover) setRecord(record migration.CutoverRecord) {
	c.Watched, c.Batches, c.Notify = record.Version > 0, orEmpty(record.Batches), orEmpty(record.Notify)
	c.Version = cutoverVersion(record, c.Target, c.StatedAt)
	c.CreatedBy, c.Created, c.NextLook = record.CreatedBy, record.Created, record.Due
	if !c.Watched {
		c.NextLook = time.Time{}
	}
}

// cutoverVersion tells what was set of a domain apart from what was set before; 0 is of one
// that is not watched. The record's own version grows with every look, too.
func cutoverVersion(record migration.CutoverRecord, target cutover.Target, stated time.Time) int64 {
	if record.Version == 0 {
		return 0
	}
	sum := fnv.New32a()
	_ = json.NewEncoder(sum).Encode([]any{target, stated.UTC(), orEmpty(record.Batches), orEmpty(record.Notify)}) // a hash takes all
	return int64(sum.Sum32()) + 1
}
