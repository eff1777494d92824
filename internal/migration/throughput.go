package migration

import "time"

// Copied is how much passes have copied in a stretch of time.
type Copied struct{ Messages, Bytes int64 }

// Add adds up.
func (c *Copied) Add(more Copied) {
	c.Messages += more.Messages
	c.Bytes += more.Bytes
}

// MinuteOf is the number of the minute since 1970.
func MinuteOf(at time.Time) int64 { return at.Unix() / 60 }

// CopiedFor is how long it is on record what was copied in a minute.
const CopiedFor = 30 * 24 * time.Hour
