package mailsync

import (
	"slices"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

type box struct {
	// sealed: it is listed, and all that is asked of it is refused.
	sealed     bool
	name       string
	validity   uint32
	next       migration.UID
	modSeq     uint64
	letters    []*letter
	use        string
	subscribed bool
	hidden     []migration.UID // not told by Messages with From
}

// letter is a message in a folder. The world knows more of it than a server.
type letter struct {
	id     int
	uid    migration.UID
	body   string
	date   time.Time
	flags  migration.Flags
	modSeq uint64
	// key is the source UID of a letter that came by APPEND, zero for others.
	key migration.UID
	// late: it landed when the line it came on was long gone.
	late bool
}

// backup is a folder as it was.
type backup struct {
	validity uint32
	next     migration.UID
	modSeq   uint64
	letters  []letter
}

func (b *box) find(uid migration.UID) *letter {
	i, found := slices.BinarySearchFunc(b.letters, uid, func(l *letter, uid migration.UID) int { return int(l.uid) - int(uid) })
	if !found {
		return nil
	}
	return b.letters[i]
}

func (b *box) remove(uid migration.UID) {
	b.letters = slices.DeleteFunc(b.letters, func(l *letter) bool { return l.uid == uid })
	b.modSeq++
}

func (b *box) setFlags(l *letter, flags migration.Flags) {
	b.modSeq++
	l.flags, l.modSeq = flags, b.modSeq
}

// rebuild gives the folder a new UIDVALIDITY and new numbers.
func (b *box) rebuild() {
	b.validity += 1000
	for i, l := range b.letters {
		l.uid = migration.UID(i + 1)
	}
	b.next = migration.UID(len(b.letters) + 1)
}

func (b *box) backup() *backup {
	kept := &backup{validity: b.validity, next: b.next, modSeq: b.modSeq}
	for _, l := range b.letters {
		kept.letters = append(kept.letters, *l)
	}
	return kept
}

// restore brings the folder back to what it was, its counters included.
func (b *box) restore(kept *backup) {
	b.next, b.modSeq, b.letters = kept.next, kept.modSeq, nil
	for _, l := range kept.letters {
		b.letters = append(b.letters, &l)
	}
}

func (b *box) status() migration.FolderStatus {
	return migration.FolderStatus{UIDValidity: b.validity, UIDNext: b.next, Messages: uint32(len(b.letters)), HighestModSeq: b.modSeq}
}

func (b *box) selected(query migration.Query) []migration.Message {
	var found []migration.Message
	for _, l := range b.letters {
		wanted := l.uid >= query.From && !slices.Contains(b.hidden, l.uid)
		if !query.UIDs.Empty() {
			wanted = query.UIDs.Contains(l.uid)
		}
		if !wanted || l.modSeq <= query.ChangedSince {
			continue
		}
		m := migration.Message{UID: l.uid, Size: -1, ModSeq: l.modSeq}
		if query.Flags {
			m.Flags = slices.Clone(l.flags)
		}
		if query.Date {
			m.Date = l.date
		}
		if query.Size {
			m.Size = int64(len(l.body))
		}
		if len(query.Header) > 0 {
			m.Header = []byte("Subject: letter " + l.body + "\r\n")
		}
		found = append(found, m)
	}
	return found
}
