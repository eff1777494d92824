package mailsync

import (
	"context"
	"slices"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Extent is what a source holds that a first pass would look through.
type Extent struct {
	// Folders are those that the rules take, LeftOut those that they do not, and
	// Uncounted those taken that the server does not count.
	Folders, LeftOut, Uncounted int
	Messages                    int64
	// Sized: Bytes are known, those of all messages together.
	Sized bool
	Bytes int64
	// Largest is the folder with the most bytes, where they are known, else with the
	// most messages.
	Largest FolderExtent
	// LargestMessage is in bytes; 0 unless every message was asked for its size.
	LargestMessage int64
}

// FolderExtent is what one folder holds. Bytes are 0 where they are not known.
type FolderExtent struct {
	Name            string
	Messages, Bytes int64
}

// Survey counts what a first pass would take: with LIST-STATUS (RFC 5819) in one round
// trip, else in two, and with STATUS=SIZE (RFC 8438) the bytes too. With sizes every
// message is asked for its size (RFC822.SIZE), a round trip for each folder; only then
// the bytes of other servers and the largest message are known. Of the job it looks at
// what Choices does.
//
// Where folders are labels, a message counts once however many labels it has, unless
// each label gets a copy (LabelsCopies). What rules leave of such a mailbox is then at
// most what is told, and its bytes are in proportion to its messages.
func Survey(ctx context.Context, session Session, job Job, sizes bool) (Extent, error) {
	listed, err := session.Folders(ctx)
	if err != nil {
		return Extent{}, err
	}
	profile := session.Profile()
	choices, err := Choices(ctx, listed, profile, job)
	if err != nil {
		return Extent{}, err
	}
	s := &extents{session: session, sized: sizes || slices.Contains(profile.Capabilities, "STATUS=SIZE"), holders: map[string]*holder{}}
	for _, c := range choices {
		if c.Taken {
			s.taken = append(s.taken, c)
		} else {
			s.extent.LeftOut++
		}
	}
	if err := s.count(ctx); err != nil {
		return Extent{}, err
	}
	s.hold(listed)
	if sizes {
		if err := s.measure(ctx); err != nil {
			return Extent{}, err
		}
	}
	return s.sum(job.Labels == migration.LabelsCopies), nil
}

// extents is a survey under way.
type extents struct {
	session Session
	sized   bool
	taken   []Choice
	// holders are the server's folders that hold the messages, by raw name.
	holders map[string]*holder
	order   []*holder
	extent  Extent
}

// holder is a folder of the server, and what is taken of it: all of it, or views.
type holder struct {
	raw             string
	messages, bytes int64
	// views are what is taken of it: the folder itself, or labels.
	views []Choice
}

// count asks for the counters of the folders that the listing did not count.
func (s *extents) count(ctx context.Context) error {
	var names []string
	var which []int
	for i, c := range s.taken {
		if c.Folder.Status == nil {
			names, which = append(names, c.Holder), append(which, i)
		}
	}
	if len(names) == 0 {
		return nil
	}
	found, err := s.session.Status(ctx, names)
	if err != nil {
		return err
	}
	for i, status := range found {
		s.taken[which[i]].Folder.Status = status
	}
	return nil
}

// hold finds who holds what is taken.
func (s *extents) hold(listed []migration.Folder) {
	for _, c := range s.taken {
		s.extent.Folders++
		if c.Folder.Status == nil {
			s.extent.Uncounted++
			continue
		}
		h := s.holders[c.Holder]
		if h == nil {
			h = &holder{raw: c.Holder}
			s.holders[c.Holder], s.order = h, append(s.order, h)
			status := statusOf(listed, c.Holder)
			if status == nil {
				status = c.Folder.Status
			}
			h.messages, h.bytes = int64(status.Messages), status.Size
		}
		h.views = append(h.views, c)
	}
}

// measure asks every message for its size. A folder that cannot be opened is not
// counted: a pass would not get at it either.
func (s *extents) measure(ctx context.Context) error {
	for _, h := range s.order {
		if h.messages == 0 {
			continue
		}
		var messages, bytes, largest int64
		_, err := s.session.Open(ctx, migration.Open{Folder: h.raw, ReadOnly: true, Query: &migration.Query{From: 1, Size: true, Each: func(m migration.Message) error {
			messages, bytes, largest = messages+1, bytes+m.Size, max(largest, m.Size)
			return nil
		}}})
		if err != nil && migration.ClassOf(err) != migration.OneFolder {
			return err
		}
		if err != nil {
			s.extent.Uncounted += len(h.views)
			h.views, h.messages, h.bytes = nil, 0, 0
			continue
		}
		if len(h.views) == 1 && h.views[0].Folder.Raw == h.raw {
			h.messages = messages // more may have come since they were counted
			h.views[0].Folder.Status.Messages = uint32(messages)
		}
		h.bytes = bytes
		s.extent.LargestMessage = max(s.extent.LargestMessage, largest)
	}
	return nil
}

// sum adds up. Copies: what is in several views counts in each.
func (s *extents) sum(copies bool) Extent {
	e := s.extent
	// RFC 8438 section 3: no message has the size 0, so that the server has not told it.
	e.Sized = s.sized && !slices.ContainsFunc(s.order, func(h *holder) bool { return h.messages > 0 && h.bytes == 0 })
	for _, h := range s.order {
		if !e.Sized {
			h.bytes = 0
		}
		share := func(messages int64) int64 {
			if h.messages == 0 {
				return 0
			}
			return int64(float64(h.bytes) / float64(h.messages) * float64(messages))
		}
		var viewed int64
		for _, c := range h.views {
			messages := int64(c.Folder.Status.Messages)
			viewed += messages
			e.Largest = e.Largest.larger(FolderExtent{Name: c.Folder.Name, Messages: messages, Bytes: share(messages)})
		}
		if !copies {
			viewed = min(viewed, h.messages)
		}
		bytes := h.bytes
		if viewed != h.messages {
			bytes = share(viewed)
		}
		e.Messages, e.Bytes = e.Messages+viewed, e.Bytes+bytes
	}
	return e
}

// larger is the one of two folders that holds more.
func (f FolderExtent) larger(g FolderExtent) FolderExtent {
	if g.Bytes > f.Bytes || g.Bytes == f.Bytes && g.Messages > f.Messages {
		return g
	}
	return f
}
