package mailsync

import (
	"io"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// mendMost is the largest message in bytes that is read several times to be repaired.
const mendMost = 256 << 20

// mend is how a message is repaired on its way to a target that refuses it as it is:
// by the first steps of those that may help, one more with every refusal.
type mend struct {
	survey *survey
	limit  int
	// steps may help; the first rung of them are done.
	steps []repairStep
	rung  int
	// size is the length of the repaired message.
	size int64
	// refusal is what the target said to the message as it is.
	refusal error
}

func (m *mend) reader(body io.Reader) *mender {
	return newMender(body, m.survey, m.limit, m.steps[:m.rung]...)
}

// told is what was done to the message, for people.
func (m *mend) told() string {
	var done []string
	for _, step := range m.reader(strings.NewReader("")).done() {
		done = append(done, step.sentence())
	}
	text := strings.Join(done, "; ")
	if m.survey.signed {
		text += "; the message has a signed part, whose signature may no longer hold"
	}
	return text
}

// climb prepares the next repair of a message that was refused. It is false when there
// is none: the message has nothing that could be repaired, or all was tried. Each
// reading of the message is one of the source, so that its size costs no memory.
func (p *pass) climb(l *line, f *folder, s *single, refusal error) (bool, error) {
	if s.mend == nil {
		m := &mend{survey: newSurvey(), limit: max(p.traits().LineMost, lineLimit), refusal: refusal}
		got, err := p.reread(l, f, s.message.UID, func(body io.Reader) error {
			_, err := io.Copy(m.survey, body)
			m.survey.finish()
			return err
		})
		if err != nil || !got {
			return false, err
		}
		m.steps = m.survey.steps(m.limit)
		s.mend = m
	}
	m := s.mend
	if m.rung == len(m.steps) {
		return false, nil
	}
	m.rung++
	got, err := p.reread(l, f, s.message.UID, func(body io.Reader) (err error) {
		m.size, err = io.Copy(io.Discard, m.reader(body))
		return err
	})
	if err != nil || !got {
		return false, err
	}
	return true, p.noteRepair(l, f, s)
}

// reread streams one message of the source once more.
func (p *pass) reread(l *line, f *folder, uid migration.UID, read func(io.Reader) error) (got bool, err error) {
	if l.source == nil || l.sourceFolder != f.pair.Source.Raw {
		return false, nil
	}
	err = l.source.Bodies(p.work, migration.NewUIDSet(uid), func(body migration.Body) error {
		if body.UID != uid || got {
			return nil
		}
		got = true
		return read(body.Reader)
	})
	return got, onSource(err)
}

// noteRepair records, before a repaired message is sent, that its copy will differ, so
// that it is recognised after a crash.
func (p *pass) noteRepair(l *line, f *folder, s *single) error {
	mark, known := f.markOf(p, s.message.UID)
	if !known {
		mark = Mark{Source: s.message.UID}
	}
	subject := mark.Finding.Subject
	mark.State = Retry
	cause := &migration.Fault{Class: migration.OneMessage, Code: migration.CodeRepaired,
		Doing:  "the target refused the message as it is and took it with changes: " + s.mend.told(),
		Remedy: "Nothing to do. Who needs the message to the letter gets it from the old mailbox."}
	if subject == "" {
		mark.Finding = p.describe(l, f, s.message, cause)
	} else {
		mark.Finding = migration.Finding{Code: migration.CodeRepaired, Folder: f.pair.Source.Name, UID: s.message.UID, Date: s.message.Date, Size: s.message.Size,
			Subject: subject, Reason: cause.Error(), Remedy: cause.Remedy}
	}
	if err := p.Ledger.Settle(p.work, f.record.ID, Outcome{Marks: []Mark{mark}}); err != nil {
		return ledgerFault("writing the ledger", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	f.marks[mark.Source] = mark
	return nil
}

// repaired is the mark of a copy that differs from its original.
func repaired(mark Mark) Mark {
	mark.State, mark.Passes = Repaired, 0
	return mark
}
