package imap

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// parseFlags reads "(\Seen \*)".
func parseFlags(text string) []string {
	flags := strings.Fields(strings.Trim(text, "()"))
	if flags == nil {
		flags = []string{}
	}
	return flags
}

// StoreFlags adds or removes flags of messages of the open folder (RFC 3501
// section 6.4.6). UID STORE passes without a word over messages that the session
// was not told of, such as those that another connection has added. A NOOP ahead, in
// the same burst, may have it told (section 6.1.2), and a search tells which messages
// it knows. For the others the folder is opened anew; those that are still unknown are
// not there any more.
func (s *Session) StoreFlags(ctx context.Context, uids migration.UIDSet, add bool, flags migration.Flags) error {
	if uids.Empty() || len(flags) == 0 {
		return nil
	}
	unknown, err := s.storeKnown(ctx, uids, add, flags)
	if err != nil || unknown.Empty() {
		return err
	}
	s.mu.Lock()
	folder := s.opened.raw
	s.mu.Unlock()
	if _, err := s.Open(ctx, migration.Open{Folder: folder}); err != nil {
		return err
	}
	_, err = s.storeKnown(ctx, unknown, add, flags)
	return err
}

// storeKnown changes the flags of messages that the session knows, and gives the others.
// Where the server does not search, all count as known.
func (s *Session) storeKnown(ctx context.Context, uids migration.UIDSet, add bool, flags migration.Flags) (unknown migration.UIDSet, err error) {
	noop := s.conn.newCommand(kindFolder, "asking for new messages")
	noop.line.Raw("NOOP")
	commands := []*command{noop}
	var searches []*searching
	for _, part := range sets(uids) {
		known := s.searchFor("asking which messages are known", "UID "+part.String())
		searches = append(searches, known)
		commands = append(commands, known.cmd)
	}
	stores := s.storeCommands(uids, add, flags)
	err = s.conn.run(ctx, append(commands, stores...)...)
	for _, cmd := range stores {
		if cmd.err != nil {
			return unknown, cmd.err
		}
	}
	if slices.ContainsFunc(searches, (*searching).failed) {
		return unknown, nil
	}
	unknown = uids
	for _, known := range searches {
		unknown = unknown.Minus(known.uids)
	}
	return unknown, err
}

func (s *Session) storeCommands(uids migration.UIDSet, add bool, flags migration.Flags) []*command {
	sign := "-"
	if add {
		sign = "+"
	}
	var commands []*command
	for _, part := range sets(uids) {
		cmd := s.conn.newCommand(kindFolder, "changing flags")
		cmd.line.Raw("UID STORE " + part.String() + " " + sign + "FLAGS.SILENT ").Flags(flags)
		commands = append(commands, cmd)
	}
	return commands
}

// Expunge removes exactly these messages of the open folder for good, by UID
// EXPUNGE (RFC 4315 section 2.1). Without UIDPLUS it does nothing.
func (s *Session) Expunge(ctx context.Context, uids migration.UIDSet) error {
	if uids.Empty() {
		return nil
	}
	if !s.conn.capabilities().has("UIDPLUS") {
		return &migration.Fault{Class: migration.OneFolder, Code: migration.CodeUnsupported, Doing: "removing messages",
			Err: errors.New("the server cannot remove single messages (UIDPLUS)"), Remedy: "Remove the messages named in the report by hand."}
	}
	commands := s.storeCommands(uids, true, migration.Flags{migration.FlagDeleted})
	for _, part := range sets(uids) {
		cmd := s.conn.newCommand(kindFolder, "removing messages")
		cmd.line.Raw("UID EXPUNGE " + part.String())
		commands = append(commands, cmd)
	}
	return s.conn.run(ctx, commands...)
}
