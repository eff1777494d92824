package imap

import (
	"context"
	"errors"
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
// section 6.4.6).
func (s *Session) StoreFlags(ctx context.Context, uids migration.UIDSet, add bool, flags migration.Flags) error {
	if uids.Empty() || len(flags) == 0 {
		return nil
	}
	return s.conn.run(ctx, s.storeCommands(uids, add, flags)...)
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
