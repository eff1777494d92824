package imapfake

import (
	"cmp"
	"crypto/sha256"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// labelExtension is the capability of a server whose folders are labels.
const labelExtension = "X-GM-EXT-1"

// The labels that Gmail itself gives.
const (
	LabelInbox     = `\Inbox`
	LabelSent      = `\Sent`
	LabelDraft     = `\Draft`
	LabelStarred   = `\Starred`
	LabelImportant = `\Important`
	LabelSpam      = `\Spam`
	LabelTrash     = `\Trash`
	LabelChat      = `\Chat`
)

// originals is the one store of a mailbox with labels. Every original is in exactly one
// of All Mail, Spam, Trash and Chats, and one in All Mail is in the folder of each
// of its labels too: folders are views. The mailbox's lock guards all of it.
type originals struct {
	all   []*original
	last  uint64
	shown int
	merge bool
}

// original is a message of the store.
type original struct {
	id, thread uint64
	// labels as X-GM-LABELS tells them; those of a person are folder names.
	labels []string
	views  map[*folder]*message
}

func newOriginals(p *Personality) *originals {
	const first = 1_700_000_000_000 << 20 // as Gmail numbers: milliseconds, and something behind
	return &originals{last: first, shown: p.Limits.FolderMessages, merge: p.Append.MergeDuplicates}
}

// Letter is a copy of what the store of a mailbox with labels holds of a message.
type Letter struct {
	// ID is the X-GM-MSGID, Thread the X-GM-THRID.
	ID, Thread uint64
	Labels     []string
	Sum        [sha256.Size]byte
	Date       time.Time
	Flags      []string
}

// DeliverLabelled adds a message to a mailbox with labels and returns its
// X-GM-MSGID. A label that has no folder gets one. A message with \Starred is
// \Flagged. With \Spam or \Trash it is in that folder only, with \Chat in Chats;
// any other is in All Mail.
func (m *Mailbox) DeliverLabelled(raw []byte, date time.Time, labels []string, flags ...string) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := &content{raw: raw, size: int64(len(raw))}
	return m.write(c, date, flags, labels).id
}

// Relabel replaces the labels of a message, nil archives it. An ID that is not
// there is nothing.
func (m *Mailbox) Relabel(id uint64, labels ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if l := m.originals.find(id); l != nil {
		m.relabel(l, labels)
	}
}

// Letters are copies of all messages of a mailbox with labels, in the order in
// which they came.
func (m *Mailbox) Letters() []Letter {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]Letter, len(m.originals.all))
	for i, l := range m.originals.all {
		view := l.any()
		out[i] = Letter{ID: l.id, Thread: l.thread, Labels: slices.Clone(l.labels), Sum: view.content.sum(), Date: view.date, Flags: slices.Clone(view.flags)}
	}
	return out
}

// Hide takes a folder out of IMAP, as "Show in IMAP" does when it is off; its
// label is told as before. A folder that is not there is nothing.
func (m *Mailbox) Hide(name string, hidden bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.folders[m.rules.key(name)]; f != nil {
		f.hidden = hidden
	}
}

func (ls *originals) find(id uint64) *original {
	i, found := slices.BinarySearchFunc(ls.all, id, func(l *original, id uint64) int { return cmp.Compare(l.id, id) })
	if !found {
		return nil
	}
	return ls.all[i]
}

// twin finds an identical message.
func (ls *originals) twin(c *content) *original {
	for _, l := range ls.all {
		if have := l.any().content; have.size == c.size && have.sum() == c.sum() {
			return l
		}
	}
	return nil
}

// any gives one of the original's views; there is always one.
func (l *original) any() *message {
	for _, view := range l.views {
		return view
	}
	return nil
}

// write puts a original into the store.
func (m *Mailbox) write(c *content, date time.Time, flags, labels []string) *original {
	m.originals.last += 1000<<20 + uint64(len(m.originals.all))%7919
	l := &original{id: m.originals.last, thread: m.originals.last, views: map[*folder]*message{}}
	m.originals.all = append(m.originals.all, l)
	flags = cleanFlags(flags)
	if hasFold(labels, LabelStarred) && !hasFold(flags, migration.FlagFlagged) {
		flags = append(flags, migration.FlagFlagged)
	}
	l.labels = starred(labels, flags)
	for _, f := range m.foldersOf(l.labels) {
		l.show(f, c, date, flags)
	}
	return l
}

// show gives the original a view in a folder.
func (l *original) show(f *folder, c *content, date time.Time, flags []string) *message {
	view := f.add(c, date, flags)
	view.original = l
	l.views[f] = view
	return view
}

// starred gives the labels with \Starred as the flags have it.
func starred(labels, flags []string) []string {
	out := slices.DeleteFunc(slices.Clone(labels), func(label string) bool { return strings.EqualFold(label, LabelStarred) })
	if hasFold(flags, migration.FlagFlagged) {
		out = append(out, LabelStarred)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// foldersOf are the folders in which a original with these labels is.
func (m *Mailbox) foldersOf(labels []string) []*folder {
	for _, label := range apart {
		if hasFold(labels, label) {
			return []*folder{m.labelled(label)}
		}
	}
	in := []*folder{m.labelled("")}
	for _, label := range labels {
		switch {
		case !strings.HasPrefix(label, `\`):
			in = append(in, m.make(label))
		case label == LabelInbox:
			in = append(in, m.make("INBOX"))
		default:
			if f := m.labelled(label); f != nil {
				in = append(in, f)
			}
		}
	}
	return in
}

// apart are the labels of what is not in All Mail.
var apart = []string{LabelTrash, LabelSpam, LabelChat}

// labelOfUse are the labels by the special use of their folder.
var labelOfUse = map[string]string{
	`\Sent`: LabelSent, `\Drafts`: LabelDraft, `\Flagged`: LabelStarred, `\Important`: LabelImportant,
	`\Junk`: LabelSpam, `\Trash`: LabelTrash, `\All`: "",
}

// labelled finds the folder of a label of Gmail's own.
func (m *Mailbox) labelled(label string) *folder {
	for _, f := range m.folders {
		if labelOf(f) == label && !f.noSelect {
			return f
		}
	}
	return nil
}

// labelOf is the label whose view a folder is, empty for All Mail.
func labelOf(f *folder) string {
	if f.name == "INBOX" {
		return LabelInbox
	}
	if label, known := labelOfUse[f.use]; known {
		return label
	}
	return cmp.Or(f.label, f.name)
}

// relabel gives a original other labels, and with them other views. Trash and Spam
// hold nothing that is elsewhere; what leaves them loses their label.
func (m *Mailbox) relabel(l *original, labels []string) {
	view := l.any()
	flags := slices.Clone(view.flags)
	if is := hasFold(labels, LabelStarred); is != hasFold(l.labels, LabelStarred) {
		flags = slices.DeleteFunc(flags, func(flag string) bool { return strings.EqualFold(flag, migration.FlagFlagged) })
		if is {
			flags = append(flags, migration.FlagFlagged)
		}
	}
	if hasFold(labels, LabelTrash) && hasFold(labels, LabelSpam) {
		labels = []string{LabelTrash}
	}
	l.labels = starred(labels, flags)
	wanted := m.foldersOf(l.labels)
	for _, f := range wanted {
		if l.views[f] == nil {
			l.show(f, view.content, view.date, flags)
		}
	}
	for f, view := range maps.Clone(l.views) {
		if !slices.Contains(wanted, f) {
			f.remove([]*message{view})
			delete(l.views, f)
			continue
		}
		f.setFlags(view, shared(flags, view.flags), nil) // a mod-sequence for the labels too
	}
}

// shared gives the flags of a original as a view has them: \Deleted is a view's own.
func shared(flags, own []string) []string {
	out := slices.DeleteFunc(slices.Clone(flags), func(flag string) bool { return strings.EqualFold(flag, migration.FlagDeleted) })
	if hasFold(own, migration.FlagDeleted) {
		out = append(out, migration.FlagDeleted)
	}
	return out
}

// put stores a message in a folder and returns its UID there. With labels it gets
// that of the folder; an identical one gets the label, and a UID that names nothing
// where it has it already, as Gmail does it.
func (m *Mailbox) put(f *folder, c *content, date time.Time, flags []string) migration.UID {
	if m.originals == nil {
		return f.add(c, date, flags).uid
	}
	if m.originals.merge {
		if twin := m.originals.twin(c); twin != nil {
			if twin.views[f] == nil {
				return m.attach(f, twin)
			}
			f.uidNext++
			return f.uidNext - 1
		}
	}
	var labels []string
	if label := labelOf(f); label != "" {
		labels = []string{label}
	}
	return m.write(c, date, flags, labels).views[f].uid
}

// file copies a message to another folder: with labels it gets one more.
func (m *Mailbox) file(target *folder, msg *message) migration.UID {
	if msg.original == nil {
		return target.add(msg.content, msg.date, msg.flags).uid
	}
	return m.attach(target, msg.original)
}

// attach gives a original the label of a folder and returns its UID there.
func (m *Mailbox) attach(f *folder, l *original) migration.UID {
	label := labelOf(f)
	switch {
	case hasFold(apart, label):
		m.relabel(l, starred([]string{label}, l.any().flags))
	default:
		labels := slices.DeleteFunc(slices.Clone(l.labels), func(have string) bool { return hasFold(apart, have) })
		if label != "" {
			labels = append(labels, label)
		}
		m.relabel(l, labels)
	}
	return l.views[f].uid
}

// take removes messages from a folder. With labels they lose that of the folder
// and stay in All Mail; what is removed from All Mail, Spam, Trash or Chats is gone
// for good.
func (m *Mailbox) take(f *folder, gone []*message) {
	if m.originals == nil {
		f.remove(gone)
		return
	}
	for _, msg := range gone {
		l := msg.original
		if l.views[f] == nil {
			continue // a copy to Trash or out of it has taken it away already
		}
		label := labelOf(f)
		if label != "" && !hasFold(apart, label) {
			m.relabel(l, slices.DeleteFunc(slices.Clone(l.labels), func(have string) bool { return have == label }))
			continue
		}
		for view, msg := range l.views {
			view.remove([]*message{msg})
		}
		m.originals.all = slices.DeleteFunc(m.originals.all, func(other *original) bool { return other == l })
	}
}

// mark replaces the flags of a message, in all its views.
func (m *Mailbox) mark(f *folder, msg *message, flags []string, by *selection) {
	f.setFlags(msg, flags, by)
	l := msg.original
	if l == nil {
		return
	}
	for view, other := range l.views {
		if view != f {
			view.setFlags(other, shared(flags, other.flags), nil)
		}
	}
	if hasFold(flags, migration.FlagFlagged) != hasFold(l.labels, LabelStarred) {
		m.relabel(l, starred(l.labels, flags))
	}
}

// renameLabel follows the renaming of a folder.
func (m *Mailbox) renameLabel(was, is string) {
	if m.originals == nil {
		return
	}
	for _, l := range m.originals.all {
		for i, label := range l.labels {
			if label == was {
				l.labels[i] = is
			}
		}
	}
}

// replace notes that a view is another message; a original that is none is nothing.
func (l *original) replace(f *folder, view *message) {
	if l != nil {
		l.views[f] = view
	}
}

// move notes that a folder is another one.
func (l *original) move(from, to *folder, view *message) {
	if l != nil {
		delete(l.views, from)
		l.views[to] = view
	}
}

// fits decides on a search key of the extension.
func (l *original) fits(key, text string) bool {
	switch key {
	case "X-GM-MSGID":
		return strconv.FormatUint(l.id, 10) == text
	case "X-GM-THRID":
		return strconv.FormatUint(l.thread, 10) == text
	}
	return hasFold(l.labels, text)
}

// appendLabels writes an attribute of the extension. The label of the open folder
// is not told.
func (s *session) appendLabels(b []byte, m *message, name string) []byte {
	s.user.mu.Lock()
	defer s.user.mu.Unlock()
	b = append(append(b, name...), ' ')
	switch name {
	case "X-GM-MSGID":
		return strconv.AppendUint(b, m.original.id, 10)
	case "X-GM-THRID":
		return strconv.AppendUint(b, m.original.thread, 10)
	}
	here := labelOf(s.sel.folder)
	b = append(b, '(')
	for _, label := range m.original.labels {
		if label == here {
			continue
		}
		if b[len(b)-1] != '(' {
			b = append(b, ' ')
		}
		if strings.ContainsAny(label, ` \"(){%*]`) {
			label = quote(label)
		}
		b = append(b, label...)
	}
	return append(b, ')')
}

// labels reads the labels of a STORE: one, or several in parentheses.
func (p *parser) labels() ([]string, error) {
	if !p.take('(') {
		label, err := p.astring()
		return []string{label}, err
	}
	var list []string
	for !p.take(')') {
		p.take(' ')
		label, err := p.astring()
		if err != nil {
			return nil, err
		}
		list = append(list, label)
	}
	return list, nil
}
