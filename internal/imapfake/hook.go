package imapfake

import "github.com/mailhaul/mailhaul/internal/migration"

// Point is a moment in the life of a connection or command.
type Point string

// The points, in the order a command passes them.
const (
	// Connected comes before the greeting.
	Connected Point = "connected"
	// CommandRead: the first line of a command has come; nothing is done.
	CommandRead Point = "command read"
	// LiteralStarted: an APPEND's literal was announced and accepted.
	LiteralStarted Point = "literal started"
	// Arrived: the last byte of an APPEND's literal has come.
	Arrived Point = "arrived"
	// BeforeCommit and AfterCommit enclose the storing of an APPEND; a hook
	// that blocks in BeforeCommit while its client leaves makes the message
	// appear late.
	BeforeCommit Point = "before commit"
	AfterCommit  Point = "after commit"
	// BeforeMessage comes before each message a FETCH sends.
	BeforeMessage Point = "before message"
	// BeforeAnswer comes before the tagged answer, AfterAnswer after it,
	// when it need not have left the buffer.
	BeforeAnswer Point = "before answer"
	AfterAnswer  Point = "after answer"
	// Disconnected comes when a connection's commands have ended.
	Disconnected Point = "disconnected"
)

// Event is what a hook is told.
type Event struct {
	Point Point
	Conn  int
	// User is the user signed in, Tag and Command those of the command.
	User, Tag, Command string
	// Folder is the one the command names, or else the open one.
	Folder string
	// UIDs are those of an APPEND after its commit, or the message of a
	// FETCH.
	UIDs []migration.UID
	// Size is that of an APPEND's literal.
	Size int64
	// Remote is the address of the client.
	Remote string
}

func (s *session) event(point Point, size int64, uids ...migration.UID) {
	if s.server.options.Hook == nil {
		return
	}
	s.server.options.Hook(Event{
		Point: point, Conn: s.line.number, User: s.userName(), Tag: s.tag, Command: s.command,
		Folder: s.folderName, UIDs: uids, Size: size, Remote: s.line.tap.RemoteAddr().String(),
	})
}
