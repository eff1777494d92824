package imap

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// resync is how far a session has got with ENABLE QRESYNC (RFC 7162 section
// 3.2.3).
type resync int32

const (
	resyncUntried resync = iota
	// resyncAsked: sent, and what needs it may be sent behind it.
	resyncAsked
	// resyncRefused: announced and not had. It is not asked for again.
	resyncRefused
)

// opened is the folder that is open.
type opened struct {
	raw      string
	readOnly bool
}

// Open selects a folder; what else the caller wants of it goes out in the same
// burst: CREATE and SUBSCRIBE before, the query after. Where a server is known
// to leave UIDNEXT out, STATUS asks for it.
func (s *Session) Open(ctx context.Context, open migration.Open) (migration.FolderStatus, error) {
	if open.Unselected {
		return s.lookAt(ctx, open)
	}
	if err := s.conn.settle(ctx); err != nil {
		return migration.FolderStatus{}, err
	}
	o := s.newOpening(open)
	if err := s.conn.send(ctx, o.commands...); err != nil {
		return migration.FolderStatus{}, err
	}
	if err := s.conn.wait(ctx, o.commands...); failed(err) {
		return migration.FolderStatus{}, err
	}
	if o.resyncRefused() {
		s.resync.Store(int32(resyncRefused))
		if err := o.firstError(); migration.ClassOf(err) == migration.OneFolder && err != nil && !o.received.any {
			open.Create, open.Since = false, nil
			return s.Open(ctx, open)
		}
	}
	if s.refusesCondStore(append([]*command{o.choose}, o.queries...)...) && !o.received.any {
		var status migration.FolderStatus
		err := s.withoutCondStore(func() (err error) {
			status, err = s.Open(ctx, open)
			return err
		})
		return status, err
	}
	if o.choose.err != nil {
		s.setOpened(opened{})
		return migration.FolderStatus{}, createdFirst(o.commands, o.choose)
	}
	status := o.state.status
	status.ReadOnly = status.ReadOnly || o.choose.status.code == "READ-ONLY"
	status.Resynced = o.state.told && status.UIDValidity == open.Since.UIDValidity && status.HighestModSeq != 0
	s.setOpened(opened{raw: open.Folder, readOnly: status.ReadOnly})
	if status.UIDNext == 0 {
		next, err := s.askUIDNext(ctx, open.Folder, o.next)
		if failed(err) {
			return status, err
		}
		status.UIDNext = next
	}
	return status, o.firstError()
}

// folderOpening are the commands of one Open.
type folderOpening struct {
	commands []*command
	// enable and next may be missing.
	enable, choose *command
	queries        []*command
	state          *selected
	received       *receipt
	enabled        bool
	next           *migration.FolderStatus
}

func (s *Session) newOpening(open migration.Open) *folderOpening {
	o := &folderOpening{received: &receipt{}}
	if open.Query != nil && open.Query.Vanished != nil && s.conn.capabilities().has("QRESYNC") &&
		s.resync.CompareAndSwap(int32(resyncUntried), int32(resyncAsked)) {
		o.enable = s.enableCommand(&o.enabled)
		o.commands = append(o.commands, o.enable)
	}
	o.commands = append(o.commands, s.makingCommands(open)...)
	if s.hidesUIDNext.Load() {
		// Before the folder is open: of an open one, STATUS should not be
		// asked (RFC 3501 section 6.3.10).
		o.commands = append(o.commands, s.statusCommand(open.Folder, "UIDNEXT", &o.next))
	}
	o.state = &selected{open: open, received: o.received}
	o.choose = s.selectCommand(open, o.state)
	o.commands = append(o.commands, o.choose)
	if open.Query != nil {
		o.queries = s.queryCommands(*open.Query, o.received)
		o.commands = append(o.commands, o.queries...)
	}
	return o
}

// makingCommands make the folder and subscribe to it, as far as that is wanted.
func (s *Session) makingCommands(open migration.Open) (commands []*command) {
	if open.Create {
		commands = append(commands, s.folderCommand("CREATE", "making ", open.Folder))
	}
	if open.Create && open.Subscribe {
		commands = append(commands, s.folderCommand("SUBSCRIBE", "subscribing to ", open.Folder))
	}
	return commands
}

// lookAt asks for a folder's counters and opens nothing.
func (s *Session) lookAt(ctx context.Context, open migration.Open) (migration.FolderStatus, error) {
	var status *migration.FolderStatus
	ask := s.statusCommand(open.Folder, statusItems(s.conn.capabilities()), &status)
	commands := append(s.makingCommands(open), ask)
	if err := s.conn.send(ctx, commands...); err != nil {
		return migration.FolderStatus{}, err
	}
	if err := s.conn.wait(ctx, commands...); failed(err) {
		return migration.FolderStatus{}, err
	}
	switch {
	case ask.err != nil:
		return migration.FolderStatus{}, createdFirst(commands, ask)
	case status == nil:
		return migration.FolderStatus{}, &migration.Fault{Class: migration.OneFolder, Code: migration.CodeServerBug, Doing: ask.doing, Err: errors.New("the server answered without telling it")}
	}
	return *status, nil
}

// enableCommand is ENABLE QRESYNC (RFC 5161). enabled becomes true when the
// server says that it did.
func (s *Session) enableCommand(enabled *bool) *command {
	cmd := s.conn.newCommand(kindPlain, "enabling QRESYNC")
	cmd.line.Raw("ENABLE QRESYNC")
	cmd.take = func(response any) bool {
		words, ok := response.(enabledResponse)
		*enabled = *enabled || slices.Contains(words, "QRESYNC")
		return ok
	}
	return cmd
}

// resyncRefused reports whether ENABLE was sent and did not work.
func (o *folderOpening) resyncRefused() bool {
	return o.enable != nil && (o.enable.err != nil || !o.enabled)
}

// firstError is the first trouble of SELECT and the query.
func (o *folderOpening) firstError() error {
	if o.choose.err != nil {
		return o.choose.err
	}
	for _, query := range o.queries {
		if query.err != nil {
			return query.err
		}
	}
	return o.received.err
}

// askUIDNext gives the UIDNEXT that SELECT left out, which told is the answer of
// a STATUS that went out with it. Zero when STATUS has none either.
func (s *Session) askUIDNext(ctx context.Context, raw string, told *migration.FolderStatus) (migration.UID, error) {
	if told == nil && !s.hidesUIDNext.Swap(true) {
		if err := s.conn.run(ctx, s.statusCommand(raw, "UIDNEXT", &told)); err != nil {
			return 0, err
		}
	}
	if told == nil {
		return 0, nil
	}
	return told.UIDNext, nil
}

func (s *Session) setOpened(folder opened) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened = folder
}

// Unselect leaves the open folder without removing anything from it: UNSELECT
// (RFC 3691), or where that is missing CLOSE after EXAMINE, which removes
// nothing either (RFC 3501 section 6.4.2).
func (s *Session) Unselect(ctx context.Context) error {
	s.mu.Lock()
	folder := s.opened
	s.mu.Unlock()
	if folder.raw == "" {
		return nil
	}
	verb := "UNSELECT"
	if !s.conn.capabilities().has("UNSELECT") {
		verb = "CLOSE"
		if !folder.readOnly {
			status, err := s.Open(ctx, migration.Open{Folder: folder.raw, ReadOnly: true})
			if err != nil || !status.ReadOnly {
				return err // it stays open: CLOSE would remove what is marked \Deleted
			}
		}
	}
	cmd := s.conn.newCommand(kindFolder, "leaving "+s.named(folder.raw))
	cmd.line.Raw(verb)
	err := s.conn.run(ctx, cmd)
	if err == nil {
		s.setOpened(opened{})
	}
	return err
}

// createdFirst prefers the reason why the folder could not be made to that it
// then could not be opened.
func createdFirst(commands []*command, choose *command) error {
	if migration.ClassOf(choose.err) != migration.OneFolder {
		return choose.err
	}
	for _, cmd := range commands {
		if cmd == choose {
			break
		}
		if cmd.kind == kindFolder && cmd.err != nil && migration.CodeOf(cmd.err) != migration.CodeFolderExists {
			return cmd.err
		}
	}
	return choose.err
}

// selected gathers what SELECT tells (RFC 3501 section 7.1, RFC 7162 section
// 3.1.2.1).
type selected struct {
	open     migration.Open
	status   migration.FolderStatus
	received *receipt
	// changes takes what the opening itself tells, nil when it is not to tell.
	// told is true once it may: what comes while another folder is still open
	// is that one's (RFC 7162 section 3.2.11, CLOSED).
	changes *fetching
	told    bool
	cmd     *command
}

func (s *Session) selectCommand(open migration.Open, state *selected) *command {
	cmd := s.conn.newCommand(kindFolder, "opening "+s.named(open.Folder))
	verb := "SELECT "
	if open.ReadOnly {
		verb = "EXAMINE "
	}
	cmd.line.Raw(verb).String(open.Folder)
	switch {
	case s.resyncs(open):
		// QRESYNC implies CONDSTORE (RFC 7162 section 3.2.3).
		cmd.line.Raw(" (QRESYNC (").Number(uint64(open.Since.UIDValidity)).Raw(" ").Number(open.Since.ModSeq)
		if known := open.Since.UIDs.String(); known != "" && len(known) <= setMost {
			cmd.line.Raw(" " + known)
		}
		cmd.line.Raw("))")
		state.cmd, state.changes = cmd, &fetching{receipt: state.received, uids: open.Since.UIDs, from: 1, query: migration.Query{Flags: true, Each: open.Since.Each}}
		s.mu.Lock()
		if s.opened.raw == "" {
			state.tell()
		}
		s.mu.Unlock()
	case s.condStore():
		cmd.line.Raw(" (CONDSTORE)")
	}
	cmd.take = state.take
	return cmd
}

// condStore reports whether the server keeps mod-sequences, as it says and as it
// has shown.
func (s *Session) condStore() bool {
	caps := s.conn.capabilities()
	return (caps.has("CONDSTORE") || caps.has("QRESYNC")) && !s.condStoreRefused.Load()
}

// refusesCondStore reports whether one of the commands was answered BAD, perhaps
// for its modifiers.
func (s *Session) refusesCondStore(commands ...*command) bool {
	return s.condStore() && slices.ContainsFunc(commands, func(cmd *command) bool { return cmd.status.status == "BAD" })
}

// withoutCondStore does something again without these modifiers. That it goes well
// then proves that they were at fault.
func (s *Session) withoutCondStore(do func() error) error {
	s.condStoreRefused.Store(true)
	err := do()
	if err != nil {
		s.condStoreRefused.Store(false)
	}
	return err
}

// resyncs reports whether the opening itself is to tell what has changed.
func (s *Session) resyncs(open migration.Open) bool {
	return !s.condStoreRefused.Load() && open.Since != nil && open.Since.UIDValidity != 0 && open.Since.ModSeq != 0 &&
		open.Query != nil && open.Query.Vanished != nil && resync(s.resync.Load()) == resyncAsked
}

// tell says that what comes from now on is the new folder's.
func (state *selected) tell() {
	if state.changes != nil {
		state.told, state.cmd.fetch = true, state.changes
	}
}

func (state *selected) take(response any) bool {
	switch answer := response.(type) {
	case existsResponse:
		state.status.Messages = uint32(answer)
	case flagsResponse:
		state.status.Flags = answer
	case vanishedResponse:
		if !state.told {
			return false
		}
		state.received.any = true
		state.open.Query.Vanished(answer.uids)
	case statusResponse:
		return answer.status == "OK" && state.code(answer)
	default:
		return false
	}
	return true
}

// code takes a response code of an untagged OK.
func (state *selected) code(answer statusResponse) bool {
	n, _ := strconv.ParseUint(answer.arguments, 10, 64)
	switch answer.code {
	case "UIDVALIDITY":
		state.status.UIDValidity = uint32(uidOf(n))
	case "UIDNEXT":
		state.status.UIDNext = uidOf(n)
	case "HIGHESTMODSEQ":
		state.status.HighestModSeq = n
	case "NOMODSEQ":
		state.status.HighestModSeq = 0
	case "PERMANENTFLAGS":
		state.status.PermanentFlags = parseFlags(answer.arguments)
	case "MAILBOXID":
		state.status.ID = strings.Trim(answer.arguments, "()")
	case "READ-ONLY":
		state.status.ReadOnly = true
	case "CLOSED":
		state.status = migration.FolderStatus{}
		state.tell()
	default:
		return answer.code == "UNSEEN"
	}
	return true
}
