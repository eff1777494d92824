package imap_test

import (
	"github.com/mailhaul/mailhaul/internal/imap"
	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// target is the adapter that makes a session a mailsync.Target.
type target struct{ *imap.Session }

func (t target) Appender(rawName string, options migration.AppendOptions, done func(migration.AppendResult)) mailsync.Appender {
	return t.Session.Appender(rawName, options, done)
}

var (
	_ mailsync.Session = (*imap.Session)(nil)
	_ mailsync.Target  = target{}
)
