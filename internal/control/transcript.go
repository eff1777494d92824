package control

import (
	"context"
	"time"
)

// Transcript is what was said on the lines of a pass.
type Transcript struct {
	At      time.Time `json:"at" doc:"When the pass began"`
	Seconds float64   `json:"seconds" doc:"How long it took"`
	Kind    string    `json:"kind" enum:"preflight,initial,incremental,final"`
	Text    string    `json:"text" doc:"A line for each command and answer: seconds since the beginning, the side with the number of its connection, and what was said by the client (C) or the server (S). Without secrets, literals and messages"`
}

// Transcripts gives what was said in the last passes of a mailbox, the newest first.
func (s *Service) Transcripts(ctx context.Context, actor Actor, batch, address string) ([]Transcript, error) {
	if err := permit(actor, MailboxTranscript); err != nil {
		return nil, err
	}
	views := []Transcript{}
	err := s.store.View(ctx, "reading the transcripts", func(tx Tx) error {
		views = views[:0]
		_, m, err := findMailbox(tx, batch, address)
		if err != nil {
			return err
		}
		all, err := tx.Transcripts(m.ID)
		for _, t := range all {
			text, err := t.Text()
			if err != nil {
				return err
			}
			views = append(views, Transcript{At: t.At, Seconds: t.Took.Seconds(), Kind: string(t.Kind), Text: text})
		}
		return err
	})
	return views, problem(mailboxNamed(address, batch), err)
}
