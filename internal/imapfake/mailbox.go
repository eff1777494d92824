package imapfake

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Mailbox is one user's mail. Its exported methods go past IMAP: they are for
// seeding, for changing things behind a client's back, and for looking at what
// arrived. They may be used at any time from any goroutine. Folder names are
// as on the wire: modified UTF-7, with the delimiter and prefix of the
// server's personality.
type Mailbox struct {
	name     string
	password string
	rules    *NameRules

	mu       sync.Mutex
	folders  map[string]*folder
	subs     map[string]string
	validity uint32
	quota    int64
	sessions int
	standing Standing
	language string
	// limit and maxSessions are those of this mailbox, zero the server's.
	limit       int64
	maxSessions int
	bucket      bucket
	// originals is the one store behind the folders of a server with labels, nil
	// for others.
	originals *originals
	day       day24
}

// ErrNoFolder is what direct access returns for a folder that is not there.
var ErrNoFolder = errors.New("no such folder")

const firstUIDValidity = 1700000000

func newMailbox(name, password string, options *Options) *Mailbox {
	m := &Mailbox{
		name: name, password: password, rules: &options.Personality.Names,
		folders: map[string]*folder{}, subs: map[string]string{}, validity: firstUIDValidity, language: "en-US",
	}
	if options.Personality.has(labelExtension) {
		m.originals = newOriginals(&options.Personality)
	}
	m.make("INBOX")
	for _, d := range m.rules.Folders {
		f := m.make(d.Name)
		f.use, f.noSelect, f.label = d.Use, d.NoSelect, d.Label
	}
	return m
}

// Name is the user's name.
func (m *Mailbox) Name() string { return m.name }

// make creates a folder and its parents; the lock is held (or not needed yet).
func (m *Mailbox) make(name string) *folder {
	name = m.rules.canonical(name)
	for _, parent := range m.rules.parents(name) {
		if m.folders[m.rules.key(parent)] == nil && parent+m.rules.Delimiter != m.rules.Prefix {
			m.makeOne(parent).noSelect = m.rules.ParentsNoSelect
		}
	}
	if f := m.folders[m.rules.key(name)]; f != nil {
		if f.noSelect {
			m.validity++
			f.noSelect, f.validity = false, m.validity
		}
		return f
	}
	return m.makeOne(name)
}

func (m *Mailbox) makeOne(name string) *folder {
	m.validity++
	f := newFolder(name, m.validity)
	if m.originals != nil {
		f.shown = m.originals.shown
	}
	m.folders[m.rules.key(name)] = f
	return f
}

// get finds a folder that holds messages; the lock is held.
func (m *Mailbox) get(name string) *folder {
	f := m.folders[m.rules.key(name)]
	if f == nil || f.noSelect || f.hidden {
		return nil
	}
	return f
}

// sorted are the folders with INBOX first and the others by name; the lock is
// held.
func (m *Mailbox) sorted() []*folder {
	list := slices.Collect(maps.Values(m.folders))
	slices.SortFunc(list, func(a, b *folder) int {
		if a.name == "INBOX" || b.name == "INBOX" {
			return boolOrder(b.name == "INBOX") - boolOrder(a.name == "INBOX")
		}
		return strings.Compare(a.name, b.name)
	})
	return list
}

func boolOrder(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (m *Mailbox) children(f *folder) []*folder {
	var list []*folder
	if m.rules.Delimiter == "" {
		return nil
	}
	above := m.rules.key(f.name) + m.rules.Delimiter
	for key, child := range m.folders {
		if strings.HasPrefix(key, above) {
			list = append(list, child)
		}
	}
	return list
}

// delete removes a folder; with children it stays as \NoSelect (RFC 3501
// section 6.3.4). The lock is held.
func (m *Mailbox) delete(f *folder) {
	if m.originals != nil {
		m.take(f, slices.Clone(f.messages))
	}
	f.close("Selected mailbox was deleted, have to disconnect.")
	if len(m.children(f)) > 0 {
		rest := newFolder(f.name, f.validity)
		rest.noSelect = true
		m.folders[m.rules.key(f.name)] = rest
		return
	}
	delete(m.folders, m.rules.key(f.name))
}

// rename moves a folder and what is below it. INBOX is special: its messages
// move and it stays, empty (RFC 3501 section 6.3.5). The lock is held.
func (m *Mailbox) rename(f *folder, to string) {
	if f.name == "INBOX" {
		target := m.make(to)
		gone := slices.Clone(f.messages)
		for _, msg := range gone {
			m.file(target, msg)
		}
		m.take(f, gone)
		return
	}
	moving := append(m.children(f), f)
	for _, parent := range m.rules.parents(to) {
		m.make(parent)
	}
	from := len(f.name)
	for _, part := range moving {
		delete(m.folders, m.rules.key(part.name))
		was := part.name
		part.name = to + part.name[from:]
		m.renameLabel(was, part.name)
		m.folders[m.rules.key(part.name)] = part
	}
}

func (m *Mailbox) bytes() int64 {
	var sum int64
	for _, f := range m.folders {
		sum += f.bytes
	}
	return sum
}

func missing(name string) error { return fmt.Errorf("folder %q: %w", name, ErrNoFolder) }

// bucket is the state of a Throttle.
type bucket struct {
	tokens       float64
	filled       time.Time
	refusedUntil time.Time
}

// take takes a token, or tells how long the refusals go on.
func (b *bucket) take(t *Throttle, now time.Time) (wait time.Duration) {
	if b.filled.IsZero() {
		b.tokens = float64(t.Burst)
	} else {
		b.tokens = min(float64(t.Burst), b.tokens+now.Sub(b.filled).Seconds()*t.PerSecond)
	}
	b.filled = now
	if now.Before(b.refusedUntil) || b.tokens < 1 {
		b.refusedUntil = now.Add(t.Backoff)
		return t.Backoff
	}
	b.tokens--
	return 0
}
