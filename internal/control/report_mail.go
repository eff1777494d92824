package control

import (
	"context"
	"errors"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// ReportMail asks for the report of a batch to be mailed.
type ReportMail struct {
	To []string `json:"to,omitempty" maxItems:"50" doc:"Who gets it; without, those who get the reports of the batch"`
}

// ReportMailed says who will get the report.
type ReportMailed struct {
	Recipients []string `json:"recipients"`
}

// SendReport mails the report of a batch now. What became of it is in the notices of
// the batch.
func (s *Service) SendReport(ctx context.Context, actor Actor, batch string, mail ReportMail) (sent ReportMailed, err error) {
	if err := permit(actor, BatchReport); err != nil {
		return ReportMailed{}, err
	}
	var c checks
	c.recipients("to", mail.To)
	if err := c.err(); err != nil {
		return ReportMailed{}, err
	}
	if s.report == nil {
		return ReportMailed{}, errNoMail()
	}
	err = s.change(ctx, "sending the report", func(tx Tx) error {
		sent.Recipients = []string{}
		b, err := tx.Batch(batch)
		if err != nil {
			return err
		}
		to := mail.To
		if len(to) == 0 {
			if to, err = readers(tx, b); err != nil {
				return err
			}
		}
		notices, err := s.report(tx, b, to)
		if err != nil {
			return err
		}
		if len(notices) == 0 {
			return errNoMail()
		}
		for _, n := range notices {
			if err := tx.Notify(n); err != nil {
				return err
			}
			sent.Recipients = append(sent.Recipients, n.Recipients...)
		}
		return s.record(tx, actor, BatchReport, "batch/"+b.Name, map[string]any{"recipients": sent.Recipients})
	})
	return sent, problem(batchNamed(batch), err)
}

func errNoMail() error {
	return &Problem{Kind: Refused, Code: "no-mail-server", Detail: "There is no mail server to send the report with.", Remedy: "Name one in the settings of the server: mailhaul setting set --smtp-host HOST --smtp-from ADDRESS."}
}

// readers are who gets the reports of a batch: who made it, if that operator has an
// address, and those it names.
func readers(tx OperatorTx, b migration.BatchRecord) ([]string, error) {
	var to []string
	creator, err := tx.Operator(b.CreatedBy)
	switch {
	case err == nil && creator.Email != "":
		to = append(to, creator.Email)
	case err != nil && !errors.Is(err, migration.ErrNotFound):
		return nil, err
	}
	if to = append(to, b.Options.Notify...); len(to) == 0 {
		return nil, invalid([]Field{{"to", "must say who gets the report: nobody gets those of the batch"}})
	}
	return to, nil
}
