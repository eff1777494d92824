package mailsync

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// server is a mail server without a protocol: folders of letters in memory,
// and hooks that decide what goes wrong. The zero hooks make a server that does
// everything right and at once.
type server struct {
	// mu guards everything; a model shares it between both servers and the
	// ledger, so that one instant is one instant everywhere.
	mu      *sync.Mutex
	profile migration.Profile
	// permanent are the flags it keeps.
	permanent []string
	// group is how many messages share an APPEND command (MULTIAPPEND).
	group    int
	boxes    []*box
	sessions []*session
	limit    int  // sessions at once, 0 is any number
	curt     bool // one too many is told that its sign-in failed
	foldCase bool // names that differ in case alone are one folder
	// hidesNext leaves UIDNEXT out, and mute are messages that no answer to
	// Messages has.
	hidesNext bool
	mute      []migration.UID
	dials     int
	lastID    int
	late      []landing

	// before is called before each operation takes effect, without the lock.
	// A fault of class Again breaks the session.
	before func(op operation) error
	// fate decides about an APPEND command that has come whole.
	fate func(c *command) fate
	// wreck decides what becomes of the commands that were under way when the
	// line broke: how many of them are stored at once, how many of the next
	// ones later, and when. The rest never arrives.
	wreck func(commands []*command) (now, later int, after time.Duration)
	// landed is told each letter that an APPEND has stored.
	landed func(b *box, l *letter)
	// received is told each message whose last byte has come.
	received func(m migration.AppendMessage)
	// removing and flagging are told each letter that Expunge and StoreFlags
	// concern.
	removing, flagging func(l *letter)
}

// operation is what a hook gets to see.
type operation struct {
	kind   kind
	folder string
	uid    migration.UID // the first one concerned, or the key
	n      int           // how many
}

type kind uint8

const (
	opDial kind = iota
	opFolders
	opStatus
	opOpen
	opMessages
	opUIDs
	opBodies
	opBody
	opAppend
	opFlush
	opStore
	opExpunge
	opCreate
	opLedger
	opFate
	opWreck
	opChurn
)

var kindNames = [...]string{"dial", "folders", "status", "open", "messages", "uids", "bodies", "body", "append", "flush", "store", "expunge", "create", "ledger", "fate", "wreck", "churn"}

func (k kind) String() string { return kindNames[k] }

// What a hook answers about a body, beside faults.
var (
	errNoBody   = errors.New("say nothing about this message")
	errHalfBody = errors.New("break off in the middle of this message")
)

// fate is what becomes of an APPEND command.
type fate struct {
	refused error
	// cut breaks the line after the command was stored or, with lost, before.
	cut, lost bool
	// silent leaves APPENDUID out of the answer.
	silent bool
}

type landing struct {
	at  time.Time
	cmd *command
}

// command is an APPEND command with its messages.
type command struct {
	raw     string
	members []*member
	done    func(migration.AppendResult)
	closed  bool
}

type member struct {
	message migration.AppendMessage
	body    string
}

func newServer(names ...string) *server {
	s := &server{mu: &sync.Mutex{}, group: 1, permanent: []string{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`, `\*`},
		profile: migration.Profile{Server: "double", CondStore: true, UIDPlus: true, ListStatus: true, MultiAppend: true, LiteralPlus: true}}
	for _, name := range append([]string{"INBOX"}, names...) {
		s.make(name)
	}
	return s
}

func (s *server) make(name string) *box {
	s.lastID++
	b := &box{name: name, validity: uint32(1000 + s.lastID), next: 1, modSeq: 1}
	s.boxes = append(s.boxes, b)
	return b
}

func (s *server) box(name string) *box {
	for _, b := range s.boxes {
		if b.name == name || (s.foldCase || strings.EqualFold(name, "INBOX")) && strings.EqualFold(b.name, name) {
			return b
		}
	}
	return nil
}

// remove deletes a folder.
func (s *server) remove(b *box) {
	s.boxes = slices.DeleteFunc(s.boxes, func(other *box) bool { return other == b })
}

// put delivers a letter.
func (s *server) put(b *box, body string, date time.Time, flags ...string) *letter {
	s.lastID++
	b.modSeq++
	l := &letter{id: s.lastID, uid: b.next, body: body, date: date, flags: flags, modSeq: b.modSeq}
	b.next++
	b.letters = append(b.letters, l)
	return l
}

func (s *server) statusOf(b *box) migration.FolderStatus {
	status := b.status()
	if !s.profile.CondStore {
		status.HighestModSeq = 0
	}
	if s.hidesNext {
		status.UIDNext = 0
	}
	status.PermanentFlags = s.permanent
	return status
}

func lostFault() *migration.Fault {
	return &migration.Fault{Class: migration.Again, Code: migration.CodeLost, Doing: "talking to the double"}
}

// tick stores what has been held up on the way until now.
func (s *server) tick() {
	if len(s.late) == 0 {
		return
	}
	now := time.Now()
	s.late = slices.DeleteFunc(s.late, func(l landing) bool {
		if l.at.After(now) {
			return false
		}
		for _, stored := range s.land(l.cmd) {
			stored.late = true
		}
		return true
	})
}

// land stores the messages of a command, all or none.
func (s *server) land(c *command) []*letter {
	b := s.box(c.raw)
	if b == nil {
		return nil
	}
	var out []*letter
	for _, m := range c.members {
		flags := slices.Clone(m.message.Flags)
		if s.profile.Traits.FlaggedByStore {
			flags = slices.DeleteFunc(flags, func(flag string) bool { return flag == migration.FlagFlagged })
		}
		l := s.put(b, m.body, m.message.Date, flags...)
		l.key = m.message.Key
		if s.landed != nil {
			s.landed(b, l)
		}
		out = append(out, l)
	}
	return out
}

// session is a connection to a server, as source or as target.
type session struct {
	*server
	dead     bool
	opened   string
	validity uint32
	queue    []*command
}

var _ Target = (*session)(nil)

func (s *server) source(context.Context) (Session, error) { return s.dial() }

func (s *server) target(context.Context) (Target, error) { return s.dial() }

func (s *server) dial() (*session, error) {
	if s.before != nil {
		if err := s.before(operation{kind: opDial}); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch full := s.limit > 0 && len(s.sessions) >= s.limit; {
	case full && s.curt:
		return nil, &migration.Fault{Class: migration.Login, Code: migration.CodeLogin, Doing: "signing in to the double"}
	case full:
		return nil, &migration.Fault{Class: migration.Again, Code: migration.CodeTooManyConns, Doing: "signing in to the double"}
	}
	s.dials++
	n := &session{server: s}
	s.sessions = append(s.sessions, n)
	return n, nil
}

// do performs an operation: the hook, then the effect under the lock.
func (s *session) do(ctx context.Context, op operation, effect func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.before != nil {
		if err := s.before(op); err != nil {
			s.fail(err)
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick()
	if s.dead {
		return lostFault()
	}
	return effect()
}

// fail breaks the session when the fault is one of the line.
func (s *session) fail(err error) {
	if migration.ClassOf(err) == migration.Again {
		s.cut()
	}
}

func (s *session) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hangUp()
}

// hangUp cuts the line: what is under way meets its fate, and every message of
// it is in doubt.
func (s *session) hangUp() {
	if s.dead {
		return
	}
	s.dead = true
	s.sessions = slices.DeleteFunc(s.sessions, func(other *session) bool { return other == s })
	whole := slices.DeleteFunc(slices.Clone(s.queue), func(c *command) bool { return !c.closed })
	if s.wreck != nil && len(whole) > 0 {
		now, later, after := s.wreck(whole)
		for i, c := range whole {
			switch {
			case i < now:
				s.land(c)
			case i < now+later:
				s.server.late = append(s.server.late, landing{time.Now().Add(after), c})
			}
		}
	}
	for _, c := range s.queue {
		for _, m := range c.members {
			c.done(migration.AppendResult{Key: m.message.Key, Err: lostFault(), Doubt: true})
		}
	}
	s.queue = nil
}

// here is the open folder. A folder that was rebuilt or deleted meanwhile breaks
// the line, as servers do.
func (s *session) here() (*box, error) {
	b := s.box(s.opened)
	if b == nil || b.validity != s.validity {
		s.hangUp()
		return nil, lostFault()
	}
	return b, nil
}

func (s *session) Folders(ctx context.Context) (folders []migration.Folder, err error) {
	err = s.do(ctx, operation{kind: opFolders}, func() error {
		for _, b := range s.boxes {
			status := s.statusOf(b)
			f := migration.Folder{Name: b.name, Raw: b.name, Delimiter: '/', Selectable: true, Use: b.use, Subscribed: b.subscribed}
			if s.profile.ListStatus && !b.sealed {
				f.Status = &status
			}
			folders = append(folders, f)
		}
		return nil
	})
	return folders, err
}

func (s *session) Status(ctx context.Context, names []string) (statuses []*migration.FolderStatus, err error) {
	err = s.do(ctx, operation{kind: opStatus, n: len(names)}, func() error {
		for _, name := range names {
			if b := s.box(name); b != nil && !b.sealed {
				status := s.statusOf(b)
				statuses = append(statuses, &status)
			} else {
				statuses = append(statuses, nil)
			}
		}
		return nil
	})
	return statuses, err
}

func (s *session) Open(ctx context.Context, open migration.Open) (status migration.FolderStatus, err error) {
	var found []migration.Message
	err = s.do(ctx, operation{kind: opOpen, folder: open.Folder}, func() error {
		b := s.box(open.Folder)
		if b == nil && open.Create {
			b = s.server.make(open.Folder)
			b.subscribed = open.Subscribe
		}
		if b == nil {
			return &migration.Fault{Class: migration.OneFolder, Code: migration.CodeFolderMissing, Doing: "opening folder " + open.Folder}
		}
		if b.sealed {
			return faultOf(migration.OneFolder, migration.CodeFolderRefused)
		}
		status = s.statusOf(b)
		if open.Unselected {
			status.Flags, status.PermanentFlags = nil, nil
			return nil
		}
		s.opened, s.validity = b.name, b.validity
		if open.Query != nil {
			found = b.selected(*open.Query)
		}
		return nil
	})
	for _, m := range found {
		if err == nil && !slices.Contains(s.mute, m.UID) {
			err = open.Query.Each(m)
		}
	}
	return status, err
}

func (s *session) Messages(ctx context.Context, query migration.Query) error {
	var found []migration.Message
	err := s.do(ctx, operation{kind: opMessages, folder: s.opened, uid: max(query.From, query.UIDs.Min()), n: query.UIDs.Len()}, func() error {
		b, err := s.here()
		if err == nil {
			found = b.selected(query)
		}
		return err
	})
	for _, m := range found {
		if err == nil && !slices.Contains(s.mute, m.UID) {
			err = query.Each(m)
		}
	}
	return err
}

func (s *session) UIDs(ctx context.Context) (uids migration.UIDSet, err error) {
	err = s.do(ctx, operation{kind: opUIDs, folder: s.opened}, func() error {
		b, err := s.here()
		if err != nil {
			return err
		}
		for _, l := range b.letters {
			uids.Add(l.uid)
		}
		return nil
	})
	return uids, err
}

func (s *session) Attributes(context.Context, migration.UIDSet, []string, func(migration.UID, map[string]string) error) error {
	return nil // it has no labels
}

func (s *session) Bodies(ctx context.Context, uids migration.UIDSet, each func(migration.Body) error) error {
	err := s.do(ctx, operation{kind: opBodies, folder: s.opened, uid: uids.Min(), n: uids.Len()}, func() error {
		_, err := s.here()
		return err
	})
	if err != nil {
		return err
	}
	for uid := range uids.All() {
		if err := s.body(ctx, uid, each); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) body(ctx context.Context, uid migration.UID, each func(migration.Body) error) error {
	var text string
	var found bool
	var special error
	if s.before != nil {
		special = s.before(operation{kind: opBody, folder: s.opened, uid: uid})
		if special != nil && special != errHalfBody {
			if special == errNoBody {
				return nil
			}
			s.fail(special)
			return special
		}
	}
	s.mu.Lock()
	s.tick()
	b, err := s.here()
	if err == nil && s.dead {
		err = lostFault()
	}
	if err == nil {
		if l := b.find(uid); l != nil {
			text, found = l.body, true
		}
	}
	s.mu.Unlock()
	if err != nil || !found {
		return err
	}
	reader := io.Reader(strings.NewReader(text))
	if special == errHalfBody {
		reader = io.MultiReader(strings.NewReader(text[:len(text)/2]), broken{})
	}
	err = each(migration.Body{UID: uid, Size: int64(len(text)), Reader: reader})
	if special == errHalfBody {
		s.fail(lostFault())
		if err == nil {
			err = lostFault()
		}
	}
	return err
}

// broken is a line that has broken.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, lostFault() }

func (s *session) Profile() migration.Profile { return s.profile }

func (s *session) Traffic() migration.Traffic { return migration.Traffic{RoundTrips: 1} }

func (s *session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hangUp()
	return nil
}
