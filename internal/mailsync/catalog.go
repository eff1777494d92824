package mailsync

import (
	"slices"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// catalog remembers messages that are still to be copied, in 32 bytes each, so
// that a folder of 100,000 messages costs 3 MB.
type catalog struct {
	entries []entry
	// sets of flags by number; few differ.
	flags  []migration.Flags
	number map[string]uint32
}

type entry struct {
	uid   migration.UID
	flags uint32
	size  int64
	date  int64 // Unix seconds, noDate if unknown
	zone  int32 // seconds east of UTC
}

const noDate = -1 << 62

func (c *catalog) add(m migration.Message) {
	key := flagKey(m.Flags)
	number, known := c.number[key]
	if !known {
		if c.number == nil {
			c.number = map[string]uint32{}
		}
		number = uint32(len(c.flags))
		c.number[key] = number
		c.flags = append(c.flags, slices.Clone(m.Flags))
	}
	e := entry{uid: m.UID, flags: number, size: m.Size, date: noDate}
	if !m.Date.IsZero() {
		_, offset := m.Date.Zone()
		e.date, e.zone = m.Date.Unix(), int32(offset)
	}
	c.entries = append(c.entries, e)
}

func (c *catalog) message(e entry) migration.Message {
	m := migration.Message{UID: e.uid, Size: e.size, Flags: c.flags[e.flags]}
	if e.date != noDate {
		m.Date = time.Unix(e.date, 0).In(time.FixedZone("", int(e.zone)))
	}
	return m
}

// sort puts the entries in ascending UID order, each UID once.
func (c *catalog) sort() {
	slices.SortFunc(c.entries, func(a, b entry) int { return int(int64(a.uid) - int64(b.uid)) })
	c.entries = slices.CompactFunc(c.entries, func(a, b entry) bool { return a.uid == b.uid })
}

// The bounds of a window: what may be in doubt at once on one connection.
const (
	windowMessages = 128
	windowBytes    = 8 << 20
)

// take removes the newest window, of so many messages at most: the highest UIDs,
// ascending within.
func (c *catalog) take(most int) []migration.Message {
	n, size := 0, int64(0)
	for i := len(c.entries) - 1; i >= 0 && n < most; i-- {
		if size += max(c.entries[i].size, 0); n > 0 && size > windowBytes {
			break
		}
		n++
	}
	from := len(c.entries) - n
	window := make([]migration.Message, 0, n)
	for _, e := range c.entries[from:] {
		window = append(window, c.message(e))
	}
	c.entries = c.entries[:from]
	return window
}

// remove takes out the messages and returns them.
func (c *catalog) remove(uids migration.UIDSet) []migration.Message {
	var out []migration.Message
	c.entries = slices.DeleteFunc(c.entries, func(e entry) bool {
		if uids.Contains(e.uid) {
			out = append(out, c.message(e))
			return true
		}
		return false
	})
	return out
}

// uids is the set of all.
func (c *catalog) uids() migration.UIDSet {
	var set migration.UIDSet
	for _, e := range c.entries {
		set.Add(e.uid)
	}
	return set
}

// bytes is the sum of the sizes the server gave.
func (c *catalog) bytes() int64 {
	var sum int64
	for _, e := range c.entries {
		sum += max(e.size, 0)
	}
	return sum
}

func uidsOf(messages []migration.Message) migration.UIDSet {
	uids := make([]migration.UID, len(messages))
	for i, m := range messages {
		uids[i] = m.UID
	}
	return migration.NewUIDSet(uids...)
}
