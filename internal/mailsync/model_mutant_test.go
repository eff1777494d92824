package mailsync

import (
	"context"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// mutant is a mistake planted around the engine: what it is told, or what it
// tells, is bent so that it behaves as if it had been written that way. The model
// has to find each.
type mutant int

const (
	sound mutant = iota
	intentAfterAppend
	journalRollsBack
	matchesAsSet
	mappedNotExcluded
	dateNotCompared
	rebuildIgnored
	noSettleNoAudit
	noAudit
	auditWithoutWatermark
	restoredTargetIgnored
	restoredSourceIgnored
)

func (m mutant) String() string {
	return [...]string{"sound", "intent after the append", "journal rolls back at power loss", "matching as a set", "mapped messages not excluded",
		"fingerprint without the date", "changed UIDVALIDITY ignored", "no settle and no audit", "no audit", "audit without watermark", "restored target ignored", "restored source ignored"}[m]
}

// plant puts the world's mutant between the job and its servers and ledger.
func (w *world) plant(job *Job) {
	if w.mutant == sound {
		return
	}
	if w.mutant == noSettleNoAudit {
		job.Settle = time.Nanosecond
	}
	job.Ledger = &mutantLedger{w.ledger, w.mutant}
	job.Target = func(context.Context) (Target, error) {
		s, err := w.to.dial()
		return &mutantSession{s, w.mutant}, err
	}
	if w.mutant == dateNotCompared || w.mutant == restoredSourceIgnored {
		job.Source = func(context.Context) (Session, error) {
			s, err := w.from.dial()
			return &mutantSession{s, w.mutant}, err
		}
	}
}

type mutantLedger struct {
	*memLedger
	mutant mutant
}

func (l *mutantLedger) Intend(ctx context.Context, folder int64, intent Intent) (int64, error) {
	if l.mutant == intentAfterAppend {
		return 1, nil // it would be written now, were the process still alive afterwards
	}
	return l.memLedger.Intend(ctx, folder, intent)
}

func (l *mutantLedger) Pairs(ctx context.Context, folder int64, sources *migration.UIDSet, each func(Pair) error) error {
	return l.memLedger.Pairs(ctx, folder, sources, func(pair Pair) error {
		if l.mutant == mappedNotExcluded && sources == nil {
			pair.Target = ^migration.UID(0) - pair.Source
		}
		return each(pair)
	})
}

func (l *mutantLedger) Marks(ctx context.Context, folder int64) ([]Mark, error) {
	marks, err := l.memLedger.Marks(ctx, folder)
	for i := range marks {
		if l.mutant == auditWithoutWatermark {
			marks[i].Watermark = 1
		}
	}
	return marks, err
}

type mutantSession struct {
	*session
	mutant mutant
}

// alias is the distance of the numbers under which a message shows again, so
// that it can serve several source messages.
const alias = migration.UID(1) << 20

func (s *mutantSession) bend(query migration.Query) migration.Query {
	each, search := query.Each, query.UIDs.Empty()
	query.Each = func(m migration.Message) error {
		if s.mutant == dateNotCompared {
			m.Date = time.Time{}
		}
		err := each(m)
		for n := migration.UID(1); s.mutant == matchesAsSet && search && n < 4 && err == nil; n++ {
			m.UID += alias
			err = each(m)
		}
		return err
	}
	return query
}

func (s *mutantSession) Open(ctx context.Context, open migration.Open) (migration.FolderStatus, error) {
	if open.Query != nil {
		query := s.bend(*open.Query)
		open.Query = &query
	}
	status, err := s.session.Open(ctx, open)
	if s.mutant == rebuildIgnored {
		status.UIDValidity = 1
	}
	switch {
	case s.mutant == restoredTargetIgnored && !open.ReadOnly:
		status.UIDNextGuessed = true
	case s.mutant == restoredSourceIgnored && open.ReadOnly:
		status.UIDNext, status.HighestModSeq = 0, 0
	}
	return status, err
}

func (s *mutantSession) Messages(ctx context.Context, query migration.Query) error {
	return s.session.Messages(ctx, s.bend(query))
}

func (s *mutantSession) Bodies(ctx context.Context, uids migration.UIDSet, each func(migration.Body) error) error {
	if s.mutant != matchesAsSet {
		return s.session.Bodies(ctx, uids, each)
	}
	for uid := range uids.All() {
		err := s.session.Bodies(ctx, migration.NewUIDSet(uid%alias), func(body migration.Body) error {
			body.UID = uid
			return each(body)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *mutantSession) Appender(raw string, options migration.AppendOptions, done func(migration.AppendResult)) Appender {
	return s.session.Appender(raw, options, func(result migration.AppendResult) {
		if s.mutant == rebuildIgnored && result.UIDValidity != 0 {
			result.UIDValidity = 1
		}
		done(result)
	})
}

func (s *mutantSession) Expunge(ctx context.Context, uids migration.UIDSet) error {
	if s.mutant == noSettleNoAudit || s.mutant == noAudit {
		return nil
	}
	return s.session.Expunge(ctx, uids)
}

// real takes the aliases off.
func (w *world) real(pairs map[migration.UID]migration.UID) map[migration.UID]migration.UID {
	out := make(map[migration.UID]migration.UID, len(pairs))
	for source, target := range pairs {
		out[source] = target % alias
	}
	return out
}
