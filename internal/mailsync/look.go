package mailsync

import (
	"context"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// look is the enumeration of a source folder.
type look struct {
	job      *Job
	f        *folder
	status   migration.FolderStatus
	messages catalog
	flags    FlagSets
	looked   migration.UIDSet
	// asked and completed: the first question, and all of them, are answered.
	asked, completed bool
	// all is the set of every live UID, when full.
	all  migration.UIDSet
	full bool
	// silent are messages that are listed and not described.
	silent migration.UIDSet
	// fresh counts the messages above what was known.
	fresh int
	known migration.UID
	// outside were received at other times than the job takes.
	outside migration.UIDSet
}

func newLook(job *Job, f *folder) *look {
	k := &look{job: job, f: f, flags: FlagSets{}}
	if f.record.SourceUIDNext != 0 {
		k.known = f.record.SourceUIDNext - 1
	}
	return k
}

// first is the question sent with the opening: all about what is new. A folder
// that has not been through a whole pass is asked for everything.
func (k *look) first() *migration.Query {
	k.full = k.known == 0
	return &migration.Query{From: k.known + 1, Flags: true, Date: true, Size: true, Each: k.see}
}

// take takes a message up, unless it was received at another time. What the
// ledger knows already stays what it is.
func (k *look) take(m migration.Message) {
	if k.job.received(m) {
		k.messages.add(m)
	} else {
		k.outside.Add(m.UID)
	}
	k.flags.add(m.UID, m.Flags)
	k.looked.Add(m.UID)
}

func (k *look) see(m migration.Message) error {
	k.take(m)
	if k.full {
		k.all.Add(m.UID)
	} else {
		k.fresh++
	}
	return nil
}

// restart throws away what was seen and asks for everything.
func (k *look) restart(ctx context.Context, source Session) error {
	*k = look{job: k.job, f: k.f, status: k.status, flags: FlagSets{}, asked: true}
	return source.Messages(ctx, *k.first())
}

// everything makes the enumeration anew, of all that there is.
func (k *look) everything(ctx context.Context, source Session) error {
	if err := k.restart(ctx, source); err != nil {
		return err
	}
	return k.complete(ctx, source)
}

// noteStatus takes the counters as they were when the folder was opened.
func (k *look) noteStatus(status migration.FolderStatus) {
	k.asked, k.status = true, status
	k.f.examined = true
	k.f.modSeq, k.f.messages, k.f.uidNext = status.HighestModSeq, status.Messages, status.UIDNext
}

// complete asks for what the first question left out: open intents, messages to
// be tried again, changed flags, and, if the numbers do not fit, everything.
func (k *look) complete(ctx context.Context, source Session) error {
	if k.completed {
		return nil
	}
	k.completed = true
	k.messages.sort()
	if k.full && k.all.Len() >= int(k.status.Messages) {
		return nil
	}
	if k.full {
		// The list has left some out, as servers have been seen to do.
		all, err := listed(ctx, source)
		if err != nil {
			return err
		}
		k.all = k.all.Union(all)
		return k.askAgain(ctx, source)
	}
	if err := k.askFlags(ctx, source); err != nil {
		return err
	}
	if _, isView := source.(*labelled); !k.full && (isView || k.unexplained()) {
		all, err := listed(ctx, source)
		if err != nil {
			return err
		}
		k.all, k.full = all, true
	}
	return k.askAgain(ctx, source)
}

// listed gives the UIDs of all messages of the open folder. Of a view that costs
// nothing.
func listed(ctx context.Context, source Session) (migration.UIDSet, error) {
	if l, ok := source.(*labelled); ok {
		if members, isView := l.members(); isView {
			return members, nil
		}
	}
	return source.UIDs(ctx)
}

// unexplained reports whether messages have gone, or UIDs were given to messages
// that were not told: they have gone too, or the list has left them out.
func (k *look) unexplained() bool {
	return int(k.status.Messages)-k.fresh != int(k.f.record.SourceMessages) ||
		k.status.UIDNext > k.known+1+migration.UID(k.fresh)
}

// askFlags gets the flags that changed since the last pass, or all of them where
// the server keeps no mod-sequences (RFC 7162) or has begun to count anew.
func (k *look) askFlags(ctx context.Context, source Session) error {
	query := migration.Query{UIDs: migration.UIDsFrom(1, k.known), Flags: true, Each: func(m migration.Message) error {
		k.flags.add(m.UID, m.Flags)
		k.looked.Add(m.UID)
		return nil
	}}
	switch {
	case k.known == 0:
		return nil
	case k.f.record.SourceModSeq != 0 && k.status.HighestModSeq >= k.f.record.SourceModSeq:
		if k.status.HighestModSeq == k.f.record.SourceModSeq {
			return nil
		}
		query.ChangedSince = k.f.record.SourceModSeq
	default:
		// Every message answers, so this is the list of all UIDs too.
		defer func() { k.all, k.full = k.looked.Clone(), true }()
	}
	return source.Messages(ctx, query)
}

// askAgain fetches what is unaccounted for below the known mark.
func (k *look) askAgain(ctx context.Context, source Session) error {
	f := k.f
	var again migration.UIDSet
	for uid, mark := range f.marks {
		if mark.State == Retry || mark.State == Skipped {
			again.Add(uid)
		}
	}
	for _, intent := range f.intents {
		again = again.Union(intent.Sources)
	}
	again = again.Minus(k.messages.uids())
	if k.full {
		settled := f.copiedBefore.Union(f.record.Departed).Union(k.messages.uids()).Union(k.outside)
		again = again.Intersect(k.all).Union(k.all.Minus(settled))
	}
	if again.Empty() {
		return nil
	}
	answered := migration.UIDSet{}
	err := source.Messages(ctx, migration.Query{UIDs: again, Flags: true, Date: true, Size: true, Each: func(m migration.Message) error {
		answered.Add(m.UID)
		k.take(m)
		return nil
	}})
	if err == nil {
		err = k.takeSilent(ctx, source, again.Minus(answered))
	}
	k.messages.sort()
	return err
}

// takeSilent takes up messages that the server lists and does not describe, by
// their UID alone, so that they are copied or reported and never dropped in
// silence.
func (k *look) takeSilent(ctx context.Context, source Session, silent migration.UIDSet) error {
	if silent.Empty() {
		return nil
	}
	if !k.full {
		all, err := listed(ctx, source)
		if err != nil {
			return err
		}
		k.all, k.full = all, true
	}
	for uid := range silent.Intersect(k.all).All() {
		k.silent.Add(uid)
		k.messages.add(migration.Message{UID: uid, Size: -1})
	}
	return nil
}

// live reports whether the source has the message, as far as is known.
func (k *look) live(uid migration.UID) bool { return !k.full || k.all.Contains(uid) }

// count is how many messages the source holds that count.
func (k *look) count() int {
	switch {
	case k.full:
		return k.all.Minus(k.outside.Minus(k.f.accounted())).Len()
	case k.job.chooses(): // nothing tells how many of the old ones are outside
		return k.f.accounted().Union(k.messages.uids()).Len()
	default:
		return int(k.status.Messages)
	}
}
