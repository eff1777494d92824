package imapfake

import (
	"io"
	"sync"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Rule says when something goes wrong. Every field that is set must fit; one
// that is zero fits everything. When several rules fit, the first acts.
type Rule struct {
	// Conn is the number of the connection, from 1.
	Conn int
	// User is the user signed in.
	User string
	// Command is a name in upper case, "UID FETCH"; "FETCH" fits both
	// forms, "GREETING" the greeting of a connection.
	Command string
	// Folder is the folder the command names, or else the open one.
	Folder string
	// UID is a message of a FETCH; the rule then acts on that message.
	UID migration.UID
	// Message looks at a message of an APPEND, after all of it has come;
	// the rule then acts on that APPEND.
	Message func(Arrival) bool
	// Nth acts the n-th time all else fits, zero each time.
	Nth int
	// First acts only the first so many times, zero without end.
	First int
	Do    Action
}

// Arrival is a message on its way in, before its commit.
type Arrival struct {
	Folder string
	Size   int64
	Flags  []string
	// Raw is nil with Options.DiscardBodies, Header then what is kept.
	Raw, Header []byte
	// HasNUL, BareLF and EightBitHeader tell of such bytes; LongestLine is
	// in bytes without CRLF.
	HasNUL, BareLF, EightBitHeader bool
	LongestLine                    int64
}

// Kind is a way to go wrong.
type Kind string

// Kinds for commands. The command is carried out unless it says otherwise.
const (
	// Close cuts the line before the command is carried out.
	Close Kind = "close"
	// CloseUnanswered carries it out, and cuts the line without an answer.
	CloseUnanswered Kind = "close unanswered"
	// CloseAnswered answers and then cuts the line.
	CloseAnswered Kind = "close answered"
	// CutAnswer cuts the line after N bytes of the answer.
	CutAnswer Kind = "cut answer"
	// CutLiteral cuts the line after N bytes of the literal of an APPEND, or
	// all of it when it is shorter, before the end of the command.
	CutLiteral Kind = "cut literal"
	// DropAnswer never sends the tagged answer. The line stays.
	DropAnswer Kind = "drop answer"
	// Answer gives Text as the tagged answer and does nothing else: "NO
	// [LIMIT] ...", "BAD ...", or "OK ..." for a lie. "BYE ..." goes out
	// untagged and ends the connection.
	Answer Kind = "answer"
	// AnswerAfter carries it out and then answers Text.
	AnswerAfter Kind = "answer after"
	// Send sends raw bytes (Text, or From) in the place of any answer, and
	// does nothing else.
	Send Kind = "send"
	// SendBefore and SendAfter send raw bytes before the answer or after it.
	SendBefore Kind = "send before"
	SendAfter  Kind = "send after"
	// Wait waits for Until before the command is carried out; WaitAnswer
	// waits before the tagged answer.
	Wait       Kind = "wait"
	WaitAnswer Kind = "wait answer"
	// Stall reads on, and never answers anything on this connection again.
	Stall Kind = "stall"
	// Deaf neither reads nor answers until the server is closed.
	Deaf Kind = "deaf"
	// Renumber changes the UIDVALIDITY of the folder first (see
	// Mailbox.SetUIDValidity), by one.
	Renumber Kind = "renumber"
)

// Kinds for APPEND.
const (
	// NoAppendUID leaves APPENDUID out; SwapAppendUID swaps its two numbers;
	// OtherAppendUID adds N to the UID and UIDValidity to the UIDVALIDITY.
	NoAppendUID    Kind = "no appenduid"
	SwapAppendUID  Kind = "swap appenduid"
	OtherAppendUID Kind = "other appenduid"
	// Lose answers as always and stores nothing.
	Lose Kind = "lose"
)

// Kinds for the messages of a FETCH. Close, Answer, Send, Wait, Stall and Deaf
// can be had there too, with Rule.UID.
const (
	// Omit leaves the message out of the answer.
	Omit Kind = "omit"
	// OmitBody leaves it out when a body is asked for, and only then.
	OmitBody Kind = "omit body"
	// ShortLiteral announces the body's size, sends N bytes and cuts the line.
	ShortLiteral Kind = "short literal"
	// WrongLiteral announces N bytes more than it sends (less, if negative).
	WrongLiteral Kind = "wrong literal"
	// NoBody sends the other attributes without the body.
	NoBody Kind = "no body"
	// NilBody sends NIL for the body.
	NilBody Kind = "nil body"
	// Substitute serves Text in the place of the body, as Exchange does for
	// messages it cannot convert.
	Substitute Kind = "substitute"
)

// Kinds for whole connections; only Rule.Conn, Nth and First are looked at.
const (
	// CutIn cuts the line when the N-th byte has come from the client (TLS
	// included); what came is still carried out.
	CutIn Kind = "cut in"
	// CutOut cuts the line when the N-th byte has gone to the client.
	CutOut Kind = "cut out"
)

// Action is what a rule does.
type Action struct {
	Kind Kind
	Text string
	// From gives raw bytes for the Send kinds in the place of Text.
	From func() io.Reader
	N    int64
	// UIDValidity is for OtherAppendUID.
	UIDValidity uint32
	// Until is what Wait and WaitAnswer wait for to be closed.
	Until <-chan struct{}
	// Reset cuts with RST where the transport has it, not with FIN.
	Reset bool
}

// phase is where a rule is looked at.
type phase int

const (
	atCommand phase = iota
	atMessage
	atArrival
	atConnection
)

func (r *Rule) phase() phase {
	switch r.Do.Kind {
	case CutIn, CutOut:
		return atConnection
	case Omit, OmitBody, ShortLiteral, WrongLiteral, NoBody, NilBody, Substitute:
		return atMessage
	}
	switch {
	case r.Message != nil:
		return atArrival
	case r.UID != 0:
		return atMessage
	}
	return atCommand
}

type faults struct {
	mu    sync.Mutex
	rules []*activeRule
	// any tells per phase whether there is a rule at all.
	any [4]bool
}

type activeRule struct {
	Rule
	fitted, acted int
}

// occasion is what rules are held against.
type occasion struct {
	conn                  int
	user, command, folder string
	uid                   migration.UID
	arrival               *Arrival
}

// SetFaults replaces the rules; their counting starts anew.
func (s *Server) SetFaults(rules ...Rule) { s.faults.set(rules) }

func (f *faults) set(rules []Rule) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules, f.any = nil, [4]bool{}
	for _, rule := range rules {
		f.rules = append(f.rules, &activeRule{Rule: rule})
		f.any[rule.phase()] = true
	}
}

func (f *faults) has(at phase) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.any[at]
}

// match counts the occasion for every rule of the phase and returns the action
// of the first that acts, nil if none does.
func (f *faults) match(at phase, o *occasion) *Action {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.any[at] {
		return nil
	}
	var act *Action
	for _, r := range f.rules {
		if r.phase() != at || !r.fits(o) {
			continue
		}
		r.fitted++
		if act != nil || r.Nth != 0 && r.fitted != r.Nth || r.First != 0 && r.acted >= r.First {
			continue
		}
		r.acted++
		act = &r.Do
	}
	return act
}

func (r *Rule) fits(o *occasion) bool {
	return (r.Conn == 0 || r.Conn == o.conn) &&
		(r.User == "" || r.User == o.user) &&
		(r.Command == "" || r.Command == o.command || "UID "+r.Command == o.command || o.command == "") &&
		(r.Folder == "" || r.Folder == o.folder) &&
		(r.UID == 0 || r.UID == o.uid) &&
		(r.Message == nil || o.arrival != nil && r.Message(*o.arrival))
}

// cuts are the byte counts at which a new connection is cut, -1 for never.
func (f *faults) cuts(conn int) (in, out int64, reset bool) {
	in, out = -1, -1
	act := f.match(atConnection, &occasion{conn: conn})
	if act == nil {
		return in, out, false
	}
	if act.Kind == CutIn {
		in = act.N
	} else {
		out = act.N
	}
	return in, out, act.Reset
}
