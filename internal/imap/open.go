package imap

import (
	"context"
	"strconv"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Open selects a folder; what else the caller wants of it goes out in the same
// burst: CREATE and SUBSCRIBE before, the query after.
func (s *Session) Open(ctx context.Context, open migration.Open) (migration.FolderStatus, error) {
	caps := s.conn.capabilities()
	var commands []*command
	if open.Query != nil && open.Query.Vanished != nil && caps.has("QRESYNC") && !s.qresync.Swap(true) {
		enable := s.conn.newCommand(kindPlain, "enabling QRESYNC")
		enable.line.Raw("ENABLE QRESYNC")
		commands = append(commands, enable)
	}
	if open.Create {
		commands = append(commands, s.folderCommand("CREATE", "making ", open.Folder))
	}
	if open.Create && open.Subscribe {
		commands = append(commands, s.folderCommand("SUBSCRIBE", "subscribing to ", open.Folder))
	}
	state := &selected{}
	choose := s.selectCommand(open, caps, state)
	commands = append(commands, choose)
	received := &receipt{}
	var queries []*command
	if open.Query != nil {
		queries = s.queryCommands(*open.Query, received)
		commands = append(commands, queries...)
	}
	if err := s.conn.send(ctx, commands...); err != nil {
		return migration.FolderStatus{}, err
	}
	if err := s.conn.wait(ctx, commands...); failed(err) {
		return migration.FolderStatus{}, err
	}
	if choose.err != nil {
		return migration.FolderStatus{}, createdFirst(commands, choose)
	}
	status := state.status
	status.ReadOnly = status.ReadOnly || choose.status.code == "READ-ONLY"
	for _, query := range queries {
		if query.err != nil {
			return status, query.err
		}
	}
	return status, received.err
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
	status migration.FolderStatus
}

func (s *Session) selectCommand(open migration.Open, caps capabilities, state *selected) *command {
	cmd := s.conn.newCommand(kindFolder, "opening "+s.named(open.Folder))
	verb := "SELECT "
	if open.ReadOnly {
		verb = "EXAMINE "
	}
	cmd.line.Raw(verb).String(open.Folder)
	if caps.has("CONDSTORE") || caps.has("QRESYNC") {
		cmd.line.Raw(" (CONDSTORE)")
	}
	cmd.take = state.take
	return cmd
}

func (state *selected) take(response any) bool {
	switch answer := response.(type) {
	case existsResponse:
		state.status.Messages = uint32(answer)
	case flagsResponse:
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
	case "READ-ONLY":
		state.status.ReadOnly = true
	default:
		return answer.code == "CLOSED" || answer.code == "UNSEEN"
	}
	return true
}
