package imapfake

import (
	"crypto/sha256"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Create makes a folder and its parents, unless they are there. No rule of the
// personality is asked.
func (m *Mailbox) Create(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.make(name)
}

// SetSpecialUse gives a folder a special use, with its backslash (RFC 6154).
func (m *Mailbox) SetSpecialUse(name, use string) error {
	return m.with(name, func(f *folder) { f.use = use })
}

// Deliver adds a message, as an MTA would, and returns its UID. The folder is
// made if it is missing. raw is kept as it is and must not be changed later.
func (m *Mailbox) Deliver(name string, raw []byte, date time.Time, flags ...string) migration.UID {
	return m.deliver(name, &content{raw: raw, size: int64(len(raw))}, date, flags)
}

// DeliverGenerated adds a message whose bytes are made each time it is read.
// generate must give the same size bytes every time.
func (m *Mailbox) DeliverGenerated(name string, size int64, generate func() io.Reader, date time.Time, flags ...string) migration.UID {
	return m.deliver(name, &content{generate: generate, size: size}, date, flags)
}

func (m *Mailbox) deliver(name string, c *content, date time.Time, flags []string) migration.UID {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.put(m.make(name), c, date, flags)
}

// Messages are copies of the messages of a folder in the order of their UIDs,
// none when there is no such folder.
func (m *Mailbox) Messages(name string) []Message {
	m.mu.Lock()
	f := m.get(name)
	if f == nil {
		m.mu.Unlock()
		return nil
	}
	list := make([]message, len(f.messages))
	for i, msg := range f.messages {
		list[i] = *msg
	}
	m.mu.Unlock()
	out := make([]Message, len(list))
	for i := range list {
		out[i] = list[i].copy()
	}
	return out
}

// Len is the number of messages of a folder, without hashing any.
func (m *Mailbox) Len(name string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.get(name); f != nil {
		return len(f.messages)
	}
	return 0
}

// Folders are the names of the folders that can be selected, INBOX first.
func (m *Mailbox) Folders() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for _, f := range m.sorted() {
		if !f.noSelect {
			names = append(names, f.name)
		}
	}
	return names
}

// SetFlags replaces the flags of a message. A UID that is not there is nothing.
func (m *Mailbox) SetFlags(name string, uid migration.UID, flags ...string) error {
	return m.with(name, func(f *folder) {
		if msg := f.find(uid); msg != nil {
			m.mark(f, msg, flags, nil)
		}
	})
}

// SetDate changes the INTERNALDATE of a message, which no IMAP command can: for
// seeding damage. Sessions that have the folder open keep the old one.
func (m *Mailbox) SetDate(name string, uid migration.UID, date time.Time) error {
	return m.replace(name, uid, func(msg *message) { msg.date = date })
}

// SetRaw changes the bytes of a message in place: for seeding damage. Sessions
// that have the folder open keep the old ones.
func (m *Mailbox) SetRaw(name string, uid migration.UID, raw []byte) error {
	return m.replace(name, uid, func(msg *message) { msg.content = &content{raw: raw, size: int64(len(raw))} })
}

func (m *Mailbox) replace(name string, uid migration.UID, change func(*message)) error {
	return m.with(name, func(f *folder) {
		if i, found := slices.BinarySearchFunc(f.messages, uid, byUID); found {
			fresh := *f.messages[i]
			change(&fresh)
			f.bytes += fresh.content.size - f.messages[i].content.size
			f.messages[i] = &fresh
			fresh.original.replace(f, &fresh)
		}
	})
}

// Expunge removes messages. UIDs that are not there are nothing.
func (m *Mailbox) Expunge(name string, uids ...migration.UID) error {
	return m.with(name, func(f *folder) { m.take(f, f.pick(uids)) })
}

// Move moves messages to another folder, which is made if it is missing, and
// returns their new UIDs in ascending order of the old ones.
func (m *Mailbox) Move(from, to string, uids ...migration.UID) ([]migration.UID, error) {
	var moved []migration.UID
	err := m.with(from, func(f *folder) {
		target := m.make(to)
		gone := f.pick(uids)
		for _, msg := range gone {
			moved = append(moved, m.file(target, msg))
		}
		m.take(f, gone)
	})
	return moved, err
}

func (f *folder) pick(uids []migration.UID) []*message {
	var list []*message
	for uid := range migration.NewUIDSet(uids...).All() {
		if msg := f.find(uid); msg != nil {
			list = append(list, msg)
		}
	}
	return list
}

// Delete removes a folder. Sessions that have it open get a BYE.
func (m *Mailbox) Delete(name string) error {
	return m.with(name, m.delete)
}

// Rename renames a folder and those below it.
func (m *Mailbox) Rename(from, to string) error {
	return m.with(from, func(f *folder) { m.rename(f, m.rules.canonical(to)) })
}

// UIDValidity is the UIDVALIDITY of a folder, zero when it is not there.
func (m *Mailbox) UIDValidity(name string) (validity uint32) {
	_ = m.with(name, func(f *folder) { validity = f.validity })
	return validity
}

// SetUIDValidity gives a folder a new UIDVALIDITY and numbers its messages
// from 1 on, as after a restore from backup. Sessions that have it open get a
// BYE.
func (m *Mailbox) SetUIDValidity(name string, validity uint32) error {
	return m.with(name, func(f *folder) { m.renumber(f, validity) })
}

func (m *Mailbox) renumber(f *folder, validity uint32) {
	fresh := newFolder(f.name, validity)
	fresh.use, fresh.label, fresh.shown, fresh.hidden = f.use, f.label, f.shown, f.hidden
	for _, msg := range f.messages {
		anew := fresh.add(msg.content, msg.date, msg.flags)
		anew.original = msg.original
		msg.original.move(f, fresh, anew)
	}
	m.validity = max(m.validity, validity)
	m.folders[m.rules.key(f.name)] = fresh
	f.close("Mailbox UIDVALIDITY changed, have to disconnect.")
}

// SetUIDNext skips UIDs, as if messages had come and gone. It never goes back.
func (m *Mailbox) SetUIDNext(name string, next migration.UID) error {
	return m.with(name, func(f *folder) { f.uidNext = max(f.uidNext, next) })
}

// Subscribe puts names on the list of subscriptions, whether there are such
// folders or not.
func (m *Mailbox) Subscribe(names ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range names {
		m.subs[m.rules.key(name)] = m.rules.canonical(name)
	}
}

// Unsubscribe takes names off the list of subscriptions.
func (m *Mailbox) Unsubscribe(names ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range names {
		delete(m.subs, m.rules.key(name))
	}
}

// Subscribed are the subscribed names in order.
func (m *Mailbox) Subscribed() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Values(m.subs))
}

// SetQuota limits the bytes of all folders together; zero is no limit. What is
// over the limit already stays.
func (m *Mailbox) SetQuota(bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.quota = bytes
}

// SetPassword changes the password for later logins.
func (m *Mailbox) SetPassword(password string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.password = password
}

// Sum is the SHA-256 of a message, for comparing with Message.Sum.
func Sum(raw []byte) [sha256.Size]byte { return sha256.Sum256(raw) }

func (m *Mailbox) with(name string, do func(*folder)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.get(name)
	if f == nil {
		return missing(name)
	}
	do(f)
	return nil
}
