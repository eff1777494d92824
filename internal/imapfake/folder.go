package imapfake

import (
	"slices"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// folder is one folder, guarded by the lock of its mailbox. Sessions that have
// it open keep a selection, which catches up by reading the two logs from
// where it stopped: nothing here costs more with more messages, but expunging.
type folder struct {
	name     string
	use      string
	noSelect bool
	// label is what the folder shows, where use and name do not tell.
	label string
	// hidden: a label that is not shown in IMAP. shown is how many messages are,
	// the newest, zero for all.
	hidden   bool
	shown    int
	validity uint32
	uidNext  migration.UID
	modSeq   uint64
	bytes    int64
	messages []*message
	// recentFrom is the first UID no session has been told of as \Recent.
	recentFrom migration.UID
	// expunged is the log of removals. It is kept for QRESYNC.
	expunged []removal
	// changed is the log of flag changes, kept while anyone has the folder
	// open. changedBase is the number of the first entry.
	changed     []change
	changedBase int
	open        map[*selection]struct{}
	// gone is the text of the BYE for sessions whose folder was deleted or
	// replaced, empty while it is there.
	gone string
}

type removal struct {
	uid    migration.UID
	modSeq uint64
}

type change struct {
	message *message
	by      *selection
}

func newFolder(name string, validity uint32) *folder {
	return &folder{name: name, validity: validity, uidNext: 1, modSeq: 1, recentFrom: 1, open: map[*selection]struct{}{}}
}

func byUID(m *message, uid migration.UID) int {
	switch {
	case m.uid < uid:
		return -1
	case m.uid > uid:
		return 1
	}
	return 0
}

func (f *folder) find(uid migration.UID) *message {
	i, found := slices.BinarySearchFunc(f.messages, uid, byUID)
	if !found {
		return nil
	}
	return f.messages[i]
}

func (f *folder) add(c *content, date time.Time, flags []string) *message {
	f.modSeq++
	m := &message{uid: f.uidNext, date: date, content: c, flags: cleanFlags(flags), modSeq: f.modSeq}
	f.uidNext++
	f.bytes += c.size
	f.messages = append(f.messages, m)
	f.wake()
	return m
}

// setFlags replaces the flags of a message. by is the session that did it,
// which is not told again.
func (f *folder) setFlags(m *message, flags []string, by *selection) {
	f.modSeq++
	m.flags, m.modSeq = cleanFlags(flags), f.modSeq
	if len(f.open) > 0 {
		f.changed = append(f.changed, change{m, by})
		f.wake()
	}
}

// remove expunges messages, which must be in the folder, in ascending order.
func (f *folder) remove(gone []*message) {
	if len(gone) == 0 {
		return
	}
	f.modSeq++
	for _, m := range gone {
		m.dead = true
		f.bytes -= m.content.size
		f.expunged = append(f.expunged, removal{m.uid, f.modSeq})
	}
	f.messages = without(f.messages, gone)
	f.wake()
}

// without takes messages out of an ascending list. Few are cut out one by one,
// many in one pass.
func without(list, gone []*message) []*message {
	const few = 16
	if len(gone) > few {
		return slices.DeleteFunc(list, func(m *message) bool { return m.dead })
	}
	for _, m := range gone {
		if i, found := slices.BinarySearchFunc(list, m.uid, byUID); found {
			list = slices.Delete(list, i, i+1)
		}
	}
	return list
}

func (f *folder) wake() {
	for s := range f.open {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

// close ends the folder for the sessions that have it open.
func (f *folder) close(text string) {
	f.gone = text
	f.wake()
}

// counters are what SELECT and STATUS tell.
type counters struct {
	messages, recent, unseen int
	firstUnseen              int
	uidNext                  migration.UID
	validity                 uint32
	modSeq                   uint64
	size                     int64
	deleted                  int
}

func (f *folder) counters() counters {
	shown := f.visible()
	c := counters{messages: len(shown), uidNext: f.uidNext, validity: f.validity, modSeq: f.modSeq, size: f.bytes}
	for i, m := range shown {
		if !hasFold(m.flags, `\Seen`) {
			c.unseen++
			if c.firstUnseen == 0 {
				c.firstUnseen = i + 1
			}
		}
		if hasFold(m.flags, `\Deleted`) {
			c.deleted++
		}
	}
	i, _ := slices.BinarySearchFunc(shown, f.recentFrom, byUID)
	c.recent = len(shown) - i
	return c
}

// visible are the messages that IMAP shows.
func (f *folder) visible() []*message {
	if f.shown > 0 && len(f.messages) > f.shown {
		return f.messages[len(f.messages)-f.shown:]
	}
	return f.messages
}

// vanished is the set of UIDs expunged after a mod-sequence (RFC 7162 section
// 3.2.10).
func (f *folder) vanished(since uint64) migration.UIDSet {
	from, _ := slices.BinarySearchFunc(f.expunged, since, func(r removal, since uint64) int {
		if r.modSeq <= since {
			return -1
		}
		return 1
	})
	var uids []migration.UID
	for _, r := range f.expunged[from:] {
		uids = append(uids, r.uid)
	}
	return migration.NewUIDSet(uids...)
}
