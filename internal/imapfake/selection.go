package imapfake

import (
	"slices"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// selection is a session's view of its open folder: the messages in the order
// of their sequence numbers, as far as the client was told of them (RFC 3501
// section 2.3.1.2). Its fields are guarded by the mailbox, as the folder's.
type selection struct {
	// owner is whose folder it is; its lock guards the selection.
	owner    *Mailbox
	folder   *folder
	readOnly bool
	view     []*message
	// recent are the messages this session was the first to be told of.
	recent migration.UIDSet
	// seenTo is the highest UID in view, or ever was.
	seenTo migration.UID
	// expungedAt and changedAt are how far the folder's logs are read.
	expungedAt, changedAt int
	// wake has a token when there may be news.
	wake chan struct{}
}

func (f *folder) selectBy(readOnly bool) *selection {
	s := &selection{
		folder: f, readOnly: readOnly, view: slices.Clone(f.visible()), expungedAt: len(f.expunged),
		changedAt: f.changedBase + len(f.changed), wake: make(chan struct{}, 1), seenTo: f.uidNext - 1,
	}
	s.takeRecent()
	f.open[s] = struct{}{}
	return s
}

func (s *selection) takeRecent() {
	f := s.folder
	s.recent.AddRange(f.recentFrom, f.uidNext-1)
	if !s.readOnly {
		f.recentFrom = f.uidNext
	}
}

// leave ends the selection.
func (s *selection) leave() {
	f := s.folder
	delete(f.open, s)
	if len(f.open) == 0 {
		f.changedBase += len(f.changed)
		f.changed = nil
	}
}

// news is what a session has to be told.
type news struct {
	// expunged are sequence numbers, each counted after the ones before it
	// were taken out; vanished are the same messages as UIDs.
	expunged []int
	vanished migration.UIDSet
	// exists is the new number of messages, -1 when it did not grow.
	exists, recent int
	flags          []flagNews
}

type flagNews struct {
	sequence int
	message  *message
	flags    []string
	modSeq   uint64
}

// catchUp brings the view up to date. Without expunges, the removed messages
// keep their places.
func (s *selection) catchUp(expunges bool) news {
	f := s.folder
	out := news{exists: -1}
	if expunges && s.expungedAt < len(f.expunged) {
		s.catchUpExpunged(&out)
	}
	if s.seenTo < f.uidNext-1 {
		i, _ := slices.BinarySearchFunc(f.messages, s.seenTo+1, byUID)
		s.takeRecent()
		s.seenTo = f.uidNext - 1
		if i < len(f.messages) {
			s.view = append(s.view, f.messages[i:]...)
			out.exists = len(s.view)
			out.recent = s.recentCount()
		}
	}
	if at := s.changedAt - f.changedBase; at < len(f.changed) {
		s.catchUpFlags(&out, f.changed[at:])
		s.changedAt = f.changedBase + len(f.changed)
	}
	return out
}

func (s *selection) recentCount() int {
	count := 0
	for r := range s.recent.Ranges() {
		first, _ := slices.BinarySearchFunc(s.view, r.First, byUID)
		last, found := slices.BinarySearchFunc(s.view, r.Last, byUID)
		if found {
			last++
		}
		count += last - first
	}
	return count
}

func (s *selection) catchUpExpunged(out *news) {
	var uids []migration.UID
	for _, r := range s.folder.expunged[s.expungedAt:] {
		uids = append(uids, r.uid)
	}
	s.expungedAt = len(s.folder.expunged)
	slices.Sort(uids)
	const few = 16
	if len(uids) > few {
		left := 0
		for i, m := range s.view {
			if m.dead {
				out.expunged = append(out.expunged, i+1-len(out.expunged))
				out.vanished.Add(m.uid)
				continue
			}
			s.view[left] = m
			left++
		}
		clear(s.view[left:])
		s.view = s.view[:left]
		return
	}
	for _, uid := range uids {
		if i, found := slices.BinarySearchFunc(s.view, uid, byUID); found {
			out.expunged = append(out.expunged, i+1)
			out.vanished.Add(uid)
			s.view = slices.Delete(s.view, i, i+1)
		}
	}
}

func (s *selection) catchUpFlags(out *news, log []change) {
	told := map[*message]bool{}
	for _, c := range log {
		if c.by == s || told[c.message] || c.message.dead {
			continue
		}
		i, found := slices.BinarySearchFunc(s.view, c.message.uid, byUID)
		if !found {
			continue
		}
		told[c.message] = true
		out.flags = append(out.flags, flagNews{i + 1, c.message, s.flagsOf(c.message), c.message.modSeq})
	}
}

// flagsOf adds \Recent to a message's flags where it is due.
func (s *selection) flagsOf(m *message) []string {
	if s.recent.Contains(m.uid) {
		return append(slices.Clone(m.flags), `\Recent`)
	}
	return m.flags
}

// item is a message of the view with its sequence number.
type item struct {
	sequence int
	message  *message
}

// resolve gives the messages a set names, ascending. Sequence numbers beyond
// the view are an error (ok is false); unknown UIDs are nothing. What is
// expunged and not yet announced is left out, and gone says that it was.
func (s *selection) resolve(set numberSet, uid bool) (items []item, gone, ok bool) {
	for _, r := range set.normal(s.max(uid)) {
		var from, to int
		if uid {
			from, _ = slices.BinarySearchFunc(s.view, migration.UID(r.first), byUID)
			to = from
			for to < len(s.view) && uint32(s.view[to].uid) <= r.last {
				to++
			}
		} else {
			if r.first == 0 || int64(r.last) > int64(len(s.view)) {
				return nil, false, false
			}
			from, to = int(r.first)-1, int(r.last)
		}
		for i := from; i < to; i++ {
			if s.view[i].dead {
				gone = true
				continue
			}
			items = append(items, item{i + 1, s.view[i]})
		}
	}
	return items, gone, true
}

// max is what "*" stands for (RFC 3501 section 9, seq-number).
func (s *selection) max(uid bool) uint32 {
	if len(s.view) == 0 {
		return 0
	}
	if uid {
		return uint32(s.view[len(s.view)-1].uid)
	}
	return uint32(len(s.view))
}
