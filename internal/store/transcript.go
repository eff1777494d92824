package store

import "github.com/mailhaul/mailhaul/internal/migration"

// transcriptsMost is of how many passes of a mailbox the transcripts are kept.
const transcriptsMost = 3

// SaveTranscript keeps what was said in a pass of a mailbox, and drops those of
// earlier passes than the last ones.
func (tx *Tx) SaveTranscript(mailbox int64, t migration.Transcript) error {
	_, err := tx.exec("INSERT INTO transcript (mailbox, at, took, kind, packed) VALUES ($1, $2, $3, $4, $5)",
		mailbox, micros(t.At), t.Took.Microseconds(), string(t.Kind), bytesOf(t.Packed))
	if err != nil {
		return err
	}
	_, err = tx.exec(`DELETE FROM transcript WHERE mailbox = $1 AND id <=
		(SELECT id FROM transcript WHERE mailbox = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)`, mailbox, transcriptsMost)
	return err
}

// Transcripts gives those of a mailbox, newest first.
func (tx *Tx) Transcripts(mailbox int64) ([]migration.Transcript, error) {
	return list(tx, func(row scanner) (t migration.Transcript, err error) {
		return t, row.Scan(moment{&t.At}, span{&t.Took}, &t.Kind, blob{&t.Packed})
	}, "SELECT at, took, kind, packed FROM transcript WHERE mailbox = $1 ORDER BY id DESC", mailbox)
}
