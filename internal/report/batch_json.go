package report

import (
	"encoding/json"
	"io"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// batchJSON writes one JSON object as it goes. The total comes last, because it is
// known then.
type batchJSON struct {
	w     io.Writer
	total *BatchTotal
	// open: the list of findings of a mailbox is open.
	open, first bool
}

// batchHead is what comes before the mailboxes.
type batchHead struct {
	Batch       string               `json:"batch"`
	Status      migration.BatchState `json:"status"`
	At          time.Time            `json:"at"`
	Source      string               `json:"source"`
	Target      string               `json:"target"`
	Created     time.Time            `json:"created,omitzero"`
	Started     time.Time            `json:"started,omitzero"`
	InitialDone time.Time            `json:"initialDone,omitzero"`
	LastSynced  time.Time            `json:"lastSynced,omitzero"`
	Completed   time.Time            `json:"completed,omitzero"`
}

func (b Batch) state() migration.BatchState { return b.Facts(b.At).State() }

func (b Batch) beginJSON(w io.Writer, total *BatchTotal) (form, error) {
	head, err := json.Marshal(batchHead{b.Name, b.state(), b.At, b.Source, b.Target, b.Created, b.Started, b.InitialDone, b.LastSynced, b.Completed})
	j := &batchJSON{w: w, total: total}
	if err != nil {
		return j, err
	}
	return j, j.put(escapeActing(head[:len(head)-1]), ",\n\"mailboxes\":[")
}

// put writes a text of ours after one that may be of others.
func (j *batchJSON) put(before []byte, after string) error {
	_, err := j.w.Write(append(before, after...))
	return err
}

func (j *batchJSON) mailbox(i int, a Account) error {
	if err := j.close(); err != nil {
		return err
	}
	plain, err := json.Marshal(a)
	if err != nil {
		return err
	}
	comma := "\n"
	if i > 0 {
		comma = ",\n"
	}
	j.open, j.first = true, true
	plain = escapeActing(plain)
	return j.put(append([]byte(comma), plain[:len(plain)-1]...), `,"findings":[`)
}

func (j *batchJSON) finding(_ int, _ Account, f migration.FindingRecord) error {
	f.Date = writable(f.Date)
	plain, err := json.Marshal(struct {
		migration.Finding
		Lost       bool   `json:"lost"`
		ApprovedBy string `json:"approvedBy,omitempty"`
	}{f.Finding, f.Lost, f.ApprovedBy})
	if err != nil {
		return err
	}
	comma := ","
	if j.first {
		comma = ""
	}
	j.first = false
	return j.put(append([]byte(comma), escapeActing(plain)...), "")
}

// close ends the mailbox that is open.
func (j *batchJSON) close() error {
	if !j.open {
		return nil
	}
	j.open = false
	return j.put(nil, "]}")
}

func (j *batchJSON) end() error {
	if err := j.close(); err != nil {
		return err
	}
	total, err := json.Marshal(j.total)
	if err != nil {
		return err
	}
	return j.put(append([]byte("\n],\n\"total\":"), total...), "}\n")
}
