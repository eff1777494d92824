package imap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/mailhaul/mailhaul/internal/imap/wire"
	"github.com/mailhaul/mailhaul/internal/migration"
)

const (
	// windowMessages and windowBytes are how much may be unanswered: enough to
	// fill a line of 40 ms and 1 Gbit/s with small messages.
	windowMessages = 128
	windowBytes    = 8 << 20
	// groupMessages and groupBytes end a group (MULTIAPPEND, RFC 3502): it is
	// refused or lost as a whole, so that it must not be large.
	groupMessages = 50
	groupBytes    = 4 << 20
	// groupSmall is the largest message that shares a command with others.
	groupSmall = 1 << 20
	// groupIdle is how long a group stays open while nothing is added.
	groupIdle = 20 * time.Millisecond
	// groupRefusals is how many groups in a row may be answered BAD before a
	// session sends no more: some servers announce MULTIAPPEND and have it not.
	groupRefusals = 2
)

// Appender is a pipeline of APPEND commands (RFC 3501 section 6.3.11) to one
// folder. Messages go out without waiting for the answers to those before; small
// ones share a command where the server has MULTIAPPEND.
type Appender struct {
	conn    *conn
	raw     string
	doing   string
	options migration.AppendOptions
	done    func(migration.AppendResult)
	// turn is held by the Append call under way.
	turn   chan struct{}
	buffer []byte
	// idle ends the open group when no message has come for a while.
	idle *time.Timer
	// open is the group that still takes messages. With conn.line.
	open *group

	mu sync.Mutex
	// messages and bytes are unanswered; changed is closed when one is answered.
	messages int
	bytes    int64
	changed  chan struct{}
}

// group is one APPEND command and its messages.
type group struct {
	cmd *command
	// members and answered are under Appender.mu, bytes with conn.line.
	members  []*member
	answered bool
	bytes    int64
}

// member is one message of a group.
type member struct {
	message migration.AppendMessage
	// end is the offset in the outgoing stream just after the last byte.
	end  int64
	left time.Time
}

// Appender makes a pipeline into a folder, which need not be open. done is
// called exactly once for every message given to Append, in most cases on the
// goroutine that reads the connection; it must not block.
func (s *Session) Appender(rawName string, options migration.AppendOptions, done func(migration.AppendResult)) *Appender {
	a := &Appender{
		conn: s.conn, raw: rawName, doing: "adding a message to " + s.named(rawName), options: options, done: done,
		turn: make(chan struct{}, 1), buffer: make([]byte, outgoingSize), changed: make(chan struct{}),
	}
	a.idle = time.AfterFunc(time.Hour, a.idled)
	a.idle.Stop() // until a group is open
	return a
}

// Append sends one message, whose body must yield exactly Size bytes. It returns
// when the last byte was handed on to be sent or the server refused the message,
// and blocks while too much is unanswered. No byte is sent that the body has
// not given. When the body fails, the line is cut; when it fails before its
// first byte with a fault of class OneMessage, that is the message's result and
// nothing is sent. An error means that the session is dead.
func (a *Appender) Append(ctx context.Context, message migration.AppendMessage, body io.Reader) error {
	head := &wire.Command{}
	if len(message.Flags) > 0 {
		head.Raw(" ").Flags(withoutRecent(append(migration.Flags{}, message.Flags...)))
	}
	if wire.FitsDate(message.Date) {
		head.Raw(` "` + wire.FormatDate(message.Date) + `"`)
	}
	text, _, err := head.Bytes()
	if err != nil {
		a.done(migration.AppendResult{Key: message.Key, Err: &migration.Fault{Class: migration.OneMessage, Code: migration.CodeRejected,
			Doing: a.doing, Err: err, Remedy: "Leave out this flag."}})
		return nil //nolint:nilerr // the message is refused, the session is fine
	}
	if most := a.conn.capabilities().appendLimit(); most > 0 && message.Size > most {
		a.done(migration.AppendResult{Key: message.Key, Err: &migration.Fault{Class: migration.OneMessage, Code: migration.CodeTooLarge,
			Doing: a.doing, Err: fmt.Errorf("it has %d bytes, and the server takes %d at most", message.Size, most), Remedy: remedyTooLarge}})
		return nil
	}
	registered, err := a.append(ctx, message, text, body)
	if err != nil && !registered {
		a.done(migration.AppendResult{Key: message.Key, Err: err})
	}
	return err
}

// append sends a message whose head is made. registered is true when the
// result comes with the command's end.
func (a *Appender) append(ctx context.Context, message migration.AppendMessage, head []byte, body io.Reader) (registered bool, err error) {
	select {
	case a.turn <- struct{}{}:
	case <-ctx.Done():
		return false, interrupted(context.Cause(ctx))
	}
	defer func() { <-a.turn }()
	a.idle.Stop()
	if err := a.waitForRoom(ctx, message.Size); err != nil {
		return false, err
	}
	first, refused := a.first(message, body)
	if refused != nil {
		a.done(migration.AppendResult{Key: message.Key, Err: refused})
		return true, a.endGroup(ctx)
	}
	c := a.conn
	if err := c.budget.enter(ctx, c, func() error { return a.endGroup(ctx) }); err != nil {
		return false, err
	}
	if err := c.lockLine(ctx); err != nil {
		c.budget.leave(1)
		return false, err
	}
	defer c.unlockLine()
	m := &member{message: message}
	g, goOn, err := a.join(ctx, m)
	if g == nil {
		c.budget.leave(1)
	}
	if err == nil && goOn {
		goOn, err = a.announce(ctx, g, m, head)
	}
	if err != nil || !goOn {
		a.open = nil
		return g != nil, err
	}
	if err := a.copyBody(ctx, m, first); err != nil {
		return true, err
	}
	g.bytes += message.Size
	return true, a.keepOrEnd(ctx, g, m)
}

// first reads the beginning of a body before anything of its message is sent,
// so that one which cannot be read at all costs no connection. refused is the
// message's own fault; any other trouble comes up again where the body is sent.
func (a *Appender) first(message migration.AppendMessage, body io.Reader) (whole io.Reader, refused error) {
	if message.Size < 2 {
		return body, nil // the only byte may be withheld
	}
	begin := make([]byte, 1)
	n, err := io.ReadFull(body, begin)
	switch {
	case migration.ClassOf(err) == migration.OneMessage:
		return nil, err
	case err != nil:
		body = failingReader{err}
	}
	return io.MultiReader(bytes.NewReader(begin[:n]), body), nil
}

// grouping reports whether a message may share its command with others. An empty
// one may not: among others it cancels them all (RFC 3502 section 6.3.11).
func (a *Appender) grouping(size int64) bool {
	caps := a.conn.capabilities()
	return !a.options.Single && size > 0 && size <= groupSmall && a.conn.groupsRefused.Load() < groupRefusals &&
		caps.has("MULTIAPPEND") && caps.has("LITERAL+")
}

// join puts the message into the open group, or begins a command for it. The
// caller holds the line. goOn is false when the server refused the folder's
// name. With an error, a group means that the message's result comes with the
// group's end.
func (a *Appender) join(ctx context.Context, m *member) (g *group, goOn bool, err error) {
	c := a.conn
	if g := a.open; g != nil {
		a.mu.Lock()
		fits := !g.answered && a.grouping(m.message.Size) && g.bytes+m.message.Size <= groupBytes
		if fits {
			a.register(g, m)
		}
		a.mu.Unlock()
		if fits {
			return g, true, nil
		}
	}
	if c.closeGroup != nil {
		c.closeGroup()
	}
	for _, cmd := range c.takePrelude() {
		if err := c.write(ctx, cmd); err != nil {
			return nil, false, err
		}
	}
	g = &group{cmd: c.newCommand(kindAppend, a.doing)}
	g.cmd.finish = func(err error) { a.finish(g, err) }
	g.cmd.line.Raw("APPEND ").String(a.raw)
	if _, _, err := g.cmd.line.Bytes(); err != nil {
		return nil, false, uncarried(kindAppend, a.doing, err)
	}
	a.mu.Lock()
	a.register(g, m)
	a.mu.Unlock()
	goOn, err = c.writeHead(ctx, g.cmd)
	if g.cmd.tag == "" { // it never began
		a.withdraw(g, m)
		return nil, false, err
	}
	a.open = g
	return g, goOn, err
}

// register counts the message in, under mu.
func (a *Appender) register(g *group, m *member) {
	g.members = append(g.members, m)
	a.messages++
	a.bytes += m.message.Size
}

// withdraw undoes register, for a command that never began.
func (a *Appender) withdraw(g *group, m *member) {
	a.mu.Lock()
	defer a.mu.Unlock()
	g.members = nil
	a.messages--
	a.bytes -= m.message.Size
}

// announce sends flags, date and the literal's length. goOn is false when the
// server refused the message before its first byte.
func (a *Appender) announce(ctx context.Context, g *group, m *member, head []byte) (goOn bool, err error) {
	c := a.conn
	line := &wire.Command{}
	line.Raw(string(head)).Raw(" {").Number(uint64(m.message.Size))
	nonSync := m.message.Size <= int64(c.nonSync())
	if nonSync {
		line.Raw("+}\r\n")
	} else {
		line.Raw("}\r\n")
	}
	text, _, _ := line.Bytes()
	c.trace(fmt.Sprintf("C: %s ...%s {%d bytes}", g.cmd.tag, head, m.message.Size))
	a.mu.Lock()
	m.end = c.out.offset() + int64(len(text)) + m.message.Size
	a.mu.Unlock()
	if !nonSync {
		return c.ask(ctx, g.cmd, text)
	}
	if err := c.out.write(ctx, text); err != nil {
		return false, c.cut(ctx, err)
	}
	return true, nil
}

// copyBody sends the message itself.
func (a *Appender) copyBody(ctx context.Context, m *member, body io.Reader) error {
	c := a.conn
	idle := 0
	for left := m.message.Size; left > 0; {
		chunk := a.buffer[:min(int64(len(a.buffer)), left)]
		n, err := body.Read(chunk)
		if n > 0 {
			if err := c.out.write(ctx, chunk[:n]); err != nil {
				return c.cut(ctx, err)
			}
			left -= int64(n)
			idle = 0
		}
		if idle++; err == nil && idle > 100 {
			err = io.ErrNoProgress
		}
		if err == io.EOF && left > 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil && left > 0 {
			return a.brokeOff(err)
		}
	}
	a.mu.Lock()
	m.left = time.Now()
	a.mu.Unlock()
	return nil
}

// brokeOff cuts the line in the middle of a message, so that no part of it can
// be taken for the whole.
func (a *Appender) brokeOff(err error) error {
	a.conn.kill(&migration.Fault{Class: migration.Again, Code: migration.CodeInterrupted, Doing: a.doing,
		Err: fmt.Errorf("the message broke off on its way: %w", err), Remedy: remedyAgain})
	return a.conn.dead()
}

// keepOrEnd leaves the group open for the next message, or ends the command.
func (a *Appender) keepOrEnd(ctx context.Context, g *group, last *member) error {
	a.mu.Lock()
	full := len(g.members) >= groupMessages || g.answered
	a.mu.Unlock()
	c := a.conn
	if full || g.bytes >= groupBytes || !a.grouping(last.message.Size) {
		a.open, c.closeGroup = nil, nil
		err := c.endCommand(ctx, g.cmd)
		c.out.flush()
		return err
	}
	c.closeGroup = func() {
		a.open, c.closeGroup = nil, nil
		_ = c.endCommand(context.Background(), g.cmd)
		c.out.flush()
	}
	a.idle.Reset(groupIdle)
	return nil
}

// idled ends the group, unless an Append call is under way: then it looks again, since one
// that is about to return may have armed the timer already.
func (a *Appender) idled() {
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
	default:
		a.idle.Reset(groupIdle)
		return
	}
	_ = a.endGroup(context.Background())
}

// endGroup ends the open group, if there is one.
func (a *Appender) endGroup(ctx context.Context) error {
	c := a.conn
	if err := c.lockLine(ctx); err != nil {
		return err
	}
	defer c.unlockLine()
	if a.open != nil && c.closeGroup != nil {
		c.closeGroup()
	}
	return nil
}

// waitForRoom waits while the window is full, until half of it is free: so the
// line carries bursts, and not one message for each answer.
func (a *Appender) waitForRoom(ctx context.Context, size int64) error {
	most, mostBytes := windowMessages, int64(windowBytes)
	if a.options.Single {
		most = 1
	}
	if a.fits(most, mostBytes, size) {
		return nil
	}
	if err := a.endGroup(ctx); err != nil {
		return err
	}
	a.conn.roundTrips.Add(1)
	return a.await(ctx, func() bool { return a.fits(most/2+1, mostBytes/2, size) })
}

func (a *Appender) fits(most int, mostBytes, size int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.messages == 0 || a.messages < most && a.bytes+size <= mostBytes
}

// await waits until the condition holds, looking after every answer.
func (a *Appender) await(ctx context.Context, holds func() bool) error {
	for {
		a.mu.Lock()
		changed := a.changed
		a.mu.Unlock()
		if holds() {
			return nil
		}
		select {
		case <-changed:
		case <-a.conn.readerDone:
			return a.conn.afterwards(a.conn.dead())
		case <-ctx.Done():
			return a.conn.cut(ctx, context.Cause(ctx))
		}
	}
}

// Flush ends an open group and waits until every result was delivered.
func (a *Appender) Flush(ctx context.Context) error {
	select {
	case a.turn <- struct{}{}:
	case <-ctx.Done():
		return interrupted(context.Cause(ctx))
	}
	defer func() { <-a.turn }()
	if a.fits(1, 0, 0) {
		return nil
	}
	if err := a.endGroup(ctx); err != nil && a.conn.dead() == nil {
		return err
	}
	err := a.await(ctx, func() bool { return a.fits(1, 0, 0) })
	if err == nil {
		if dead := a.conn.dead(); dead != nil {
			return a.conn.afterwards(dead)
		}
	}
	return err
}

// finish delivers the results of a command that has ended.
func (a *Appender) finish(g *group, err error) {
	now := time.Now()
	sent := a.conn.out.sent()
	lost := err != nil && a.conn.dead() != nil && g.cmd.status.status == ""
	a.mu.Lock()
	g.answered = true
	members := make([]member, len(g.members))
	for i, m := range g.members {
		members[i] = *m // a server may refuse a message that is still being sent
	}
	a.mu.Unlock()
	var uids []migration.UID
	var validity uint32
	if err == nil {
		validity, uids = appendUIDs(g.cmd.status, len(members))
	} else if len(members) > 1 && !lost && migration.ClassOf(err) == migration.OneMessage {
		err = groupRefused(err)
	}
	if len(members) > 1 && err == nil {
		a.conn.groupsRefused.Store(0)
	} else if len(members) > 1 && g.cmd.status.status == "BAD" {
		a.conn.groupsRefused.Add(1)
	}
	var bytes int64
	for i, m := range members {
		result := migration.AppendResult{Key: m.message.Key, Err: err, Doubt: lost && m.end > 0 && m.end <= sent}
		if !lost && !m.left.IsZero() {
			result.Took = now.Sub(m.left)
		}
		if uids != nil {
			result.UID, result.UIDValidity = uids[i], validity
		}
		bytes += m.message.Size
		a.done(result)
	}
	a.conn.budget.leave(len(members))
	a.mu.Lock()
	a.messages -= len(members)
	a.bytes -= bytes
	close(a.changed)
	a.changed = make(chan struct{})
	a.mu.Unlock()
}

// groupRefused is the fault of every member of a refused group: which of them
// is at fault is found out one by one.
func groupRefused(err error) error {
	fault := &migration.Fault{Class: migration.OneMessage, Code: migration.CodeGroupRefused, Err: errors.New("one of a group of messages was refused")}
	if cause := migration.FaultOf(err); cause != nil {
		fault.Doing, fault.Text, fault.Remedy = cause.Doing, cause.Text, cause.Remedy
	}
	return fault
}
