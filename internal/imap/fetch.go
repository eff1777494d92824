package imap

import (
	"context"
	"strings"

	"github.com/mailhaul/mailhaul/internal/imap/wire"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// setMost is the longest UID set in one command, in bytes, so that its line
// stays below the 8 KiB that servers must take (RFC 7162 section 4).
const setMost = 7000

// receipt is shared by the commands of one call.
type receipt struct {
	// err is the first error of the caller's callback; after it, everything is
	// dropped.
	err error
	// any is true once something was given to the caller.
	any bool
}

// fetching is what a UID FETCH command still wants. The reader's goroutine owns
// it until the command has ended.
type fetching struct {
	receipt *receipt
	// uids are asked for; with none, everything from from up.
	uids migration.UIDSet
	from migration.UID
	got  migration.UIDSet

	// bodies is true for BODY[]; served is then that of the command.
	bodies bool
	body   func(migration.Body) error
	redo   migration.UIDSet
	served chan struct{}

	query migration.Query
	// early are flags that came apart from what else was asked for.
	early map[migration.UID]migration.Flags
	extra func(migration.UID, map[string]string) error
}

// wants reports whether the message was asked for and has not come yet.
func (f *fetching) wants(uid migration.UID) bool {
	if f.uids.Empty() {
		return uid >= f.from && !f.got.Contains(uid)
	}
	return f.uids.Contains(uid) && !f.got.Contains(uid)
}

// answeredBy reports whether a response is an answer to this command, and not
// news about flags that came in between.
func (f *fetching) answeredBy(it *item) bool {
	switch {
	case f.extra != nil:
		return it.extra != nil
	case f.query.Date || f.query.Size || len(f.query.Header) > 0:
		return it.date || it.size || it.header
	case f.query.Flags:
		return it.flags
	}
	return true
}

// earlyMost is how many messages may have their flags told apart at a time.
const earlyMost = 1000

// remember keeps flags that may belong to an answer that comes in several
// responses (RFC 3501 section 7.4.2 allows it).
func (f *fetching) remember(it *item) {
	if !it.flags || !f.query.Flags || len(f.early) >= earlyMost {
		return
	}
	if f.early == nil {
		f.early = map[migration.UID]migration.Flags{}
	}
	f.early[it.message.UID] = it.message.Flags
}

// give hands a message to the caller.
func (f *fetching) give(it *item) {
	f.got.Add(it.message.UID)
	if flags, told := f.early[it.message.UID]; told {
		delete(f.early, it.message.UID)
		if !it.flags {
			it.message.Flags = flags
		}
	}
	f.receipt.any = true
	if f.receipt.err != nil {
		return
	}
	if f.extra != nil {
		f.receipt.err = f.extra(it.message.UID, it.extra)
	} else if f.query.Each != nil {
		f.receipt.err = f.query.Each(it.message)
	}
}

// deliver hands a body to the caller, and skips what the caller leaves. The
// error is that of the line; the caller's is kept.
func (f *fetching) deliver(body migration.Body, literal *wire.Literal) error {
	f.got.Add(body.UID)
	if f.receipt.err == nil {
		f.receipt.err = f.body(body)
	}
	if literal == nil {
		return nil
	}
	return literal.Drain()
}

// ended notes that a response has ended that had a body.
func (f *fetching) ended() {
	if f.got.Len() == f.uids.Len() {
		close(f.served)
	}
}

// wanting finds the oldest command that wants the message.
func (c *conn) wanting(uid migration.UID, bodies bool) *fetching {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, cmd := range c.queue {
		if f := cmd.fetch; f != nil && f.bodies == bodies && f.wants(uid) {
			return f
		}
	}
	return nil
}

// soleBody gives the UID of the only body that is still to come, zero when
// there is none or more than one.
func (c *conn) soleBody() migration.UID {
	c.mu.Lock()
	defer c.mu.Unlock()
	var sole migration.UID
	for _, cmd := range c.queue {
		if cmd.fetch == nil || !cmd.fetch.bodies {
			continue
		}
		left := cmd.fetch.uids.Minus(cmd.fetch.got)
		switch n := left.Len(); {
		case n == 0:
		case n > 1 || sole != 0:
			return 0
		default:
			sole = left.Min()
		}
	}
	return sole
}

// sets cuts a UID set into texts that fit a command line.
func sets(uids migration.UIDSet) []migration.UIDSet {
	var out []migration.UIDSet
	const rangeMost = 22 // "4294967295:4294967295,"
	if uids.RangeCount()*rangeMost <= setMost {
		return append(out, uids)
	}
	for part := range uids.Chunks(setMost / rangeMost) {
		out = append(out, part)
	}
	return out
}

// Messages streams what the query asks of the open folder. A server that refuses
// the modifiers of RFC 7162 although it announces them is asked for everything.
func (s *Session) Messages(ctx context.Context, query migration.Query) error {
	received := &receipt{}
	commands := s.queryCommands(query, received)
	if len(commands) == 0 {
		return nil
	}
	err := s.conn.run(ctx, commands...)
	if query.Flags && !received.any && s.refusesCondStore(commands...) {
		return s.withoutCondStore(func() error { return s.Messages(ctx, query) })
	}
	if err != nil {
		return err
	}
	return received.err
}

// queryCommands makes the commands of a query, none when it asks for nothing.
func (s *Session) queryCommands(query migration.Query, received *receipt) []*command {
	if !query.UIDs.Empty() {
		var commands []*command
		for i, part := range sets(query.UIDs) {
			cmd := s.queryCommand(query, part.String(), i == 0, received)
			cmd.fetch.uids = part
			commands = append(commands, cmd)
		}
		return commands
	}
	from := max(query.From, 1)
	text := string(wireNumber(from)) + ":*"
	cmd := s.queryCommand(query, text, true, received)
	cmd.fetch.from = from
	return []*command{cmd}
}

// wireNumber is a UID's text.
func wireNumber(uid migration.UID) []byte {
	line, _, _ := (&wire.Command{}).Number(uint64(uid)).Bytes()
	return line
}

func (s *Session) queryCommand(query migration.Query, set string, first bool, received *receipt) *command {
	cmd := s.conn.newCommand(kindFolder, "listing messages")
	cmd.fetch = &fetching{receipt: received, query: query}
	items := []string{"UID"}
	if query.Flags {
		items = append(items, "FLAGS")
	}
	if query.Date {
		items = append(items, "INTERNALDATE")
	}
	if query.Size {
		items = append(items, "RFC822.SIZE")
	}
	if query.Flags && s.conn.capabilities().has("CONDSTORE") && !s.condStoreRefused.Load() {
		items = append(items, "MODSEQ")
	}
	cmd.line.Raw("UID FETCH " + set + " (" + strings.Join(items, " "))
	if len(query.Header) > 0 {
		cmd.line.Raw(" BODY.PEEK[HEADER.FIELDS (")
		for i, field := range query.Header {
			if i > 0 {
				cmd.line.Raw(" ")
			}
			cmd.line.String(field)
		}
		cmd.line.Raw(")]")
	}
	cmd.line.Raw(")")
	s.changedSince(cmd, query, first)
	return cmd
}

// changedSince adds the modifiers of RFC 7162 and takes what they bring.
func (s *Session) changedSince(cmd *command, query migration.Query, first bool) {
	if query.ChangedSince == 0 || s.condStoreRefused.Load() {
		return
	}
	cmd.line.Raw(" (CHANGEDSINCE ").Number(query.ChangedSince)
	if query.Vanished != nil && resync(s.resync.Load()) == resyncAsked {
		cmd.line.Raw(" VANISHED")
	}
	cmd.line.Raw(")")
	if query.Vanished == nil || !first {
		return
	}
	cmd.take = func(response any) bool {
		vanished, ok := response.(vanishedResponse)
		if ok {
			query.Vanished(vanished.uids)
		}
		return ok
	}
}

// Bodies streams messages of the open folder.
func (s *Session) Bodies(ctx context.Context, uids migration.UIDSet, each func(migration.Body) error) error {
	if uids.Empty() {
		return nil
	}
	received := &receipt{}
	if err := s.conn.whole.share(ctx); err != nil {
		return err
	}
	redo, err := s.fetchBodies(ctx, uids, each, received)
	s.conn.whole.unshare()
	if err != nil || received.err != nil || redo.Empty() {
		return firstOf(err, received.err)
	}
	// The server told these UIDs after their bodies: with nothing else under
	// way it is clear whose a body is.
	done, err := s.conn.whole.alone(ctx)
	if err != nil {
		return err
	}
	defer done()
	for uid := range redo.All() {
		if _, err := s.fetchBodies(ctx, migration.NewUIDSet(uid), each, received); err != nil || received.err != nil {
			return firstOf(err, received.err)
		}
	}
	return nil
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// fetchBodies asks for the bodies in one burst, and gives the UIDs to be asked
// for again alone. It ends with the last body: Dovecot answers no command before it
// has done all that it was sent behind it.
func (s *Session) fetchBodies(ctx context.Context, uids migration.UIDSet, each func(migration.Body) error, received *receipt) (migration.UIDSet, error) {
	var commands []*command
	for _, part := range sets(uids) {
		cmd := s.conn.newCommand(kindFetch, "fetching messages")
		cmd.line.Raw("UID FETCH " + part.String() + " (UID BODY.PEEK[])")
		cmd.served = make(chan struct{})
		cmd.fetch = &fetching{receipt: received, uids: part, bodies: true, body: each, served: cmd.served}
		commands = append(commands, cmd)
	}
	err := s.conn.run(ctx, commands...)
	var redo migration.UIDSet
	for _, cmd := range commands {
		if err == nil {
			redo = redo.Union(cmd.fetch.redo)
		}
	}
	return redo, err
}

// Attributes streams attributes beyond those of a message, as text with one
// value a line: EMAILID, THREADID (RFC 8474), X-GM-MSGID, X-GM-THRID,
// X-GM-LABELS. Names of any other kind are never answered.
func (s *Session) Attributes(ctx context.Context, uids migration.UIDSet, names []string, each func(migration.UID, map[string]string) error) error {
	if uids.Empty() || len(names) == 0 {
		return nil
	}
	received := &receipt{}
	var commands []*command
	for _, part := range sets(uids) {
		cmd := s.conn.newCommand(kindFolder, "listing attributes")
		cmd.line.Raw("UID FETCH " + part.String() + " (UID")
		for _, name := range names {
			cmd.line.Raw(" ").String(name)
		}
		cmd.line.Raw(")")
		cmd.fetch = &fetching{receipt: received, uids: part, extra: each}
		commands = append(commands, cmd)
	}
	if err := s.conn.run(ctx, commands...); err != nil {
		return err
	}
	return received.err
}

// UIDs gives the UIDs of all messages of the open folder.
func (s *Session) UIDs(ctx context.Context) (migration.UIDSet, error) {
	all := s.searchFor("listing the folder's messages", "ALL")
	if err := s.conn.run(ctx, all.cmd); err != nil {
		return all.uids, err
	}
	return all.uids, all.fault()
}

// searching is a UID SEARCH and what it has found.
type searching struct {
	cmd       *command
	uids      migration.UIDSet
	malformed error
	answers   int
}

// searchFor makes a UID SEARCH (RFC 3501 section 6.4.4, RFC 4731).
func (s *Session) searchFor(doing, key string) *searching {
	found := &searching{cmd: s.conn.newCommand(kindFolder, doing)}
	returning := ""
	if s.conn.capabilities().has("ESEARCH") {
		returning = "RETURN (ALL) "
	}
	found.cmd.line.Raw("UID SEARCH " + returning + key)
	found.cmd.take = found.take
	return found
}

func (k *searching) take(response any) bool {
	found, ok := response.(searchResponse)
	if !ok || k.answers >= answersMost || k.uids.RangeCount() > migration.MaxUIDRanges {
		return false
	}
	k.answers++
	switch {
	case found.malformed != nil:
		k.malformed = found.malformed
	case k.uids.Empty():
		k.uids = found.uids.Set()
	default:
		k.uids = k.uids.Union(found.uids.Set())
	}
	return true
}

// failed reports whether the search found nothing out.
func (k *searching) failed() bool { return k.cmd.err != nil || k.fault() != nil }

// fault tells an answer that makes no sense.
func (k *searching) fault() error {
	if k.uids.RangeCount() > migration.MaxUIDRanges {
		k.malformed = &wire.LimitError{What: "number of UID ranges", Limit: migration.MaxUIDRanges}
	}
	if k.malformed == nil {
		return nil
	}
	return &migration.Fault{Class: migration.OneFolder, Code: migration.CodeServerBug, Doing: k.cmd.doing,
		Err: k.malformed, Remedy: "Look at what the server answers to SEARCH."}
}

// answersMost is how many SEARCH responses one command may have.
const answersMost = 1000
