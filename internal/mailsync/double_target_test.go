package mailsync

import (
	"context"
	"io"
	"slices"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// window is how many APPEND commands the double lets a session have under way.
const doubleWindow = 6

// appender is a pipeline into a folder. Its messages wait in the session's queue
// until the server gets to them: when the queue is full or is flushed.
type appender struct {
	*session
	raw    string
	single bool
	done   func(migration.AppendResult)
	open   *command
}

func (s *session) Appender(raw string, options migration.AppendOptions, done func(migration.AppendResult)) Appender {
	return &appender{session: s, raw: raw, single: options.Single, done: done}
}

func (a *appender) Append(ctx context.Context, message migration.AppendMessage, body io.Reader) error {
	if a.before != nil {
		if err := a.before(operation{kind: opAppend, folder: a.raw, uid: message.Key}); err != nil {
			a.done(migration.AppendResult{Key: message.Key, Err: err})
			if migration.ClassOf(err) == migration.OneMessage {
				return nil
			}
			a.cut()
			return err
		}
	}
	text := make([]byte, message.Size)
	if _, err := io.ReadFull(body, text); err != nil {
		a.cut()
		a.done(migration.AppendResult{Key: message.Key, Err: lostFault()})
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tick()
	if a.dead {
		a.done(migration.AppendResult{Key: message.Key, Err: lostFault(), Doubt: true})
		return lostFault()
	}
	if a.received != nil {
		a.received(message)
	}
	a.enqueue(&member{message, string(text)})
	for len(a.queue) >= doubleWindow && a.queue[0].closed && !a.dead {
		a.serve()
	}
	if a.dead {
		return lostFault()
	}
	return nil
}

// enqueue adds the message to the open group, or begins a command.
func (a *appender) enqueue(m *member) {
	if a.open != nil && !a.open.closed && len(a.open.members) < a.group {
		a.open.members = append(a.open.members, m)
	} else {
		for _, c := range a.queue {
			c.closed = true // a command has to end before the next begins
		}
		a.open = &command{raw: a.raw, members: []*member{m}, done: a.done}
		a.queue = append(a.queue, a.open)
	}
	if len(a.open.members) >= a.group || a.single {
		a.open.closed = true
	}
}

// serve answers the oldest command.
func (s *session) serve() {
	c := s.queue[0]
	f := fate{}
	if s.server.fate != nil {
		f = s.server.fate(c)
	}
	if f.cut && f.lost {
		s.hangUp()
		return
	}
	if f.refused != nil {
		s.queue = s.queue[1:]
		for _, m := range c.members {
			err := f.refused
			if len(c.members) > 1 && migration.ClassOf(err) == migration.OneMessage {
				err = &migration.Fault{Class: migration.OneMessage, Code: migration.CodeGroupRefused, Doing: "adding a group"}
			}
			c.done(migration.AppendResult{Key: m.message.Key, Err: err})
		}
		return
	}
	stored := s.land(c)
	if f.cut {
		s.queue = s.queue[1:]
		for _, m := range c.members {
			c.done(migration.AppendResult{Key: m.message.Key, Err: lostFault(), Doubt: true})
		}
		s.hangUp()
		return
	}
	s.queue = s.queue[1:]
	b := s.box(c.raw)
	for i, m := range c.members {
		result := migration.AppendResult{Key: m.message.Key, Took: 1}
		switch {
		case stored == nil:
			result.Err = &migration.Fault{Class: migration.OneFolder, Code: migration.CodeFolderMissing, Doing: "adding a message"}
		case s.profile.UIDPlus && !f.silent:
			result.UID, result.UIDValidity = stored[i].uid, b.validity
		}
		c.done(result)
	}
}

func (a *appender) Flush(ctx context.Context) error {
	waiting := func() bool {
		return slices.ContainsFunc(a.queue, func(c *command) bool { return c.raw == a.raw })
	}
	a.mu.Lock()
	for _, c := range a.queue {
		c.closed = true
	}
	idle := !waiting()
	a.mu.Unlock()
	if idle {
		return nil
	}
	err := a.do(ctx, operation{kind: opFlush, folder: a.raw}, func() error {
		for waiting() && !a.dead {
			a.queue[0].closed = true
			a.serve()
		}
		if a.dead {
			return lostFault()
		}
		return nil
	})
	if err != nil {
		a.cut()
	}
	return err
}

func (s *session) StoreFlags(ctx context.Context, uids migration.UIDSet, add bool, flags migration.Flags) error {
	return s.do(ctx, operation{kind: opStore, folder: s.opened, uid: uids.Min(), n: uids.Len()}, func() error {
		b, err := s.here()
		if err != nil {
			return err
		}
		for uid := range uids.All() {
			if l := b.find(uid); l != nil {
				if s.flagging != nil {
					s.flagging(l)
				}
				rest := slices.DeleteFunc(slices.Clone(l.flags), flags.Has)
				if add {
					rest = append(rest, flags...)
				}
				b.setFlags(l, rest)
			}
		}
		return nil
	})
}

func (s *session) Expunge(ctx context.Context, uids migration.UIDSet) error {
	if !s.profile.UIDPlus {
		return &migration.Fault{Class: migration.OneFolder, Code: migration.CodeUnsupported, Doing: "removing single messages"}
	}
	return s.do(ctx, operation{kind: opExpunge, folder: s.opened, uid: uids.Min(), n: uids.Len()}, func() error {
		b, err := s.here()
		if err != nil {
			return err
		}
		for uid := range uids.All() {
			if l := b.find(uid); l != nil {
				if s.removing != nil {
					s.removing(l)
				}
				b.remove(uid)
			}
		}
		return nil
	})
}

func (s *session) RawName(name string) string { return name }

func (s *session) Create(ctx context.Context, raw string) error {
	return s.do(ctx, operation{kind: opCreate, folder: raw}, func() error {
		if s.box(raw) != nil {
			return &migration.Fault{Class: migration.OneFolder, Code: migration.CodeFolderExists, Doing: "making a folder"}
		}
		s.server.make(raw)
		return nil
	})
}

func (s *session) Subscribe(ctx context.Context, raw string) error {
	return s.do(ctx, operation{kind: opCreate, folder: raw}, func() error {
		s.box(raw).subscribed = true
		return nil
	})
}
