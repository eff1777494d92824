package imapfake

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// session carries out the commands of one connection.
type session struct {
	server *Server
	p      *Personality
	line   *line
	// text, scratch and buffer are for the line at hand, for answers and for
	// copying.
	text, scratch, buffer []byte

	user *Mailbox
	// admin is the administrator who may open others' mailboxes from here,
	// notConnected the answer to what needs the mailbox.
	// token is the bearer token that opened it.
	admin, notConnected, token string
	sel                        *selection
	// condstore and qresync are on once the client has shown that it knows
	// them (RFC 7162 sections 3.1 and 3.2.3).
	condstore, qresync bool
	// rev2 is IMAP4rev2, enabled.
	rev2 bool
	// errors are BAD answers, refused the throttled commands, denied all that were not
	// answered OK so far.
	errors, refused, denied int
	// countedIn and countedOut are the bytes that count for the day already.
	countedIn, countedOut int64

	// Of the command at hand:
	tag, command, folderName string
	fault                    *Action
	// then runs when the command's answer has left.
	then func() error
}

// errEnd ends a session that has said what it had to say.
var errEnd = errors.New("imapfake: end of session")

// refusal is an answer that is not OK: "NO ...", "BAD ..." or "BYE ...".
type refusal string

func (r refusal) Error() string { return string(r) }

func no(format string, a ...any) error  { return refusal("NO " + fmt.Sprintf(format, a...)) }
func bad(format string, a ...any) error { return refusal("BAD " + fmt.Sprintf(format, a...)) }

func newSession(server *Server, l *line) *session {
	return &session{server: server, p: &server.personality, line: l}
}

func (s *session) run() {
	defer s.end()
	s.command = "GREETING"
	s.event(Connected, 0)
	if s.greet() != nil {
		s.line.flush()
		return
	}
	for s.next() == nil {
	}
	s.line.flush()
}

func (s *session) end() {
	s.leave()
	s.user.signOut()
	s.tag, s.command = "", ""
	s.event(Disconnected, 0)
}

func (s *session) leave() {
	if s.sel == nil {
		return
	}
	s.sel.owner.mu.Lock()
	s.sel.leave()
	s.sel.owner.mu.Unlock()
	s.sel = nil
}

func (s *session) greet() error {
	s.fault = s.server.faults.match(atCommand, &occasion{conn: s.line.number, command: "GREETING"})
	if err := s.faultBefore(); err != nil {
		var r refusal
		if errors.As(err, &r) {
			if s.fault.Kind == DropAnswer {
				return nil
			}
			s.write("* ", string(r), "\r\n")
			if strings.HasPrefix(string(r), "BYE") {
				return errEnd
			}
			return nil
		}
		return err
	}
	text := s.p.Greeting
	if user := s.server.options.Preauth; user != "" {
		if m := s.server.User(user); m != nil && s.signIn(entry{mailbox: m}) == nil {
			text = "PRE" + strings.Replace(text, "OK", "AUTH", 1)
		}
	}
	s.write("* ", strings.Replace(text, "$CAPABILITY", s.capabilityCode(), 1), "\r\n")
	return s.faultAfter()
}

// capabilities are those of the moment.
func (s *session) capabilities() []string {
	list := slices.Clone(s.p.Before)
	if s.user != nil {
		list = slices.Clone(s.p.After)
	}
	for i, c := range list {
		if c == "APPENDLIMIT" && s.p.Append.Limit > 0 {
			list[i] = fmt.Sprintf("APPENDLIMIT=%d", s.p.Append.Limit)
		}
	}
	secret := s.p.RequireTLS && !s.line.tls
	list = slices.DeleteFunc(list, func(c string) bool {
		return c == "STARTTLS" && (s.line.tls || s.server.options.TLS == nil) ||
			secret && strings.HasPrefix(c, "AUTH=") || s.line.deflate != nil && c == "COMPRESS=DEFLATE"
	})
	if secret && s.user == nil {
		list = append(list, "LOGINDISABLED")
	}
	return list
}

func (s *session) capabilityCode() string {
	return "[CAPABILITY " + strings.Join(s.capabilities(), " ") + "]"
}

// next reads one command, carries it out and answers it.
func (s *session) next() error {
	p, err := s.read()
	if err != nil {
		return err
	}
	s.tag, s.command, s.folderName, s.fault, s.then = "", "", "", nil, nil
	tag, name, ok := p.begin()
	if !ok {
		s.write("* BAD Invalid tag or command\r\n")
		return s.countError(p.skip())
	}
	s.tag, s.command = tag, name
	s.server.counts.command(name)
	cmd, known := s.server.commands[name]
	known = known && s.knows(cmd)
	s.folderName = s.namedFolder(p, cmd)
	s.event(CommandRead, 0)
	var reply string
	if s.sel != nil && s.selectionGone() != "" {
		s.write("* BYE ", s.selectionGone(), "\r\n")
		return errEnd
	}
	if s.tokenExpired() {
		s.write("* BYE ", s.p.Limits.TokenExpired, "\r\n")
		return errEnd
	}
	s.fault = s.server.faults.match(atCommand, s.occasion())
	if err = s.faultBefore(); err == nil {
		if known {
			reply, err = s.perform(p, cmd)
		} else {
			err = bad("Error in IMAP command %s: Unknown command.", name)
			if own := s.p.Answers.Unknown; own != "" {
				err = refusal(own)
			}
		}
	}
	var refused refusal
	if err != nil && !errors.As(err, &refused) {
		return err
	}
	if skipErr := p.skip(); skipErr != nil {
		return skipErr
	}
	return s.answer(cmd, reply, refused)
}

func (s *session) knows(cmd command) bool {
	if cmd.offered != nil {
		return cmd.offered(s.p)
	}
	if cmd.capability == "STARTTLS" {
		return hasFold(s.p.Before, "STARTTLS") && s.server.options.TLS != nil
	}
	return cmd.capability == "" || s.p.has(cmd.capability)
}

func (s *session) occasion() *occasion {
	return &occasion{conn: s.line.number, user: s.userName(), command: s.command, folder: s.folderName}
}

func (s *session) userName() string {
	if s.user == nil {
		return ""
	}
	return s.user.name
}

func (s *session) selectionGone() string {
	s.sel.owner.mu.Lock()
	defer s.sel.owner.mu.Unlock()
	return s.sel.folder.gone
}

// namedFolder is the folder a command is about: its argument, when that is not
// a literal, or the open folder.
func (s *session) namedFolder(p *parser, cmd command) string {
	if !cmd.folder {
		if s.sel != nil {
			return s.sel.folder.name
		}
		return ""
	}
	at := p.at
	defer func() { p.at = at }()
	if p.space() != nil || p.peek() == '{' {
		return ""
	}
	name, err := p.astring()
	if err != nil {
		return ""
	}
	return s.p.Names.canonical(name)
}

func (s *session) perform(p *parser, cmd command) (string, error) {
	switch {
	case cmd.state == notSignedIn && s.user != nil:
		return "", s.wrongState("Already signed in")
	case cmd.state >= signedIn && s.user == nil:
		return "", s.wrongState("Please sign in first")
	}
	if cmd.state >= signedIn {
		if text := s.disconnected(); text != "" {
			return "", refusal(text)
		}
	}
	if cmd.state == selected && s.sel == nil {
		return "", s.wrongState("No mailbox selected")
	}
	if err := s.throttle(); err != nil {
		return "", err
	}
	if err := s.daily(); err != nil {
		return "", err
	}
	return cmd.run(s, p)
}

func (s *session) wrongState(words string) error {
	if own := s.p.Answers.State; own != "" {
		return refusal(own)
	}
	return bad("%s", words)
}

// inItsWords is a refusal as the personality puts it.
func (s *session) inItsWords(text string) string {
	own := &s.p.Answers
	if own.Arguments != "" && strings.HasPrefix(text, "BAD Error in IMAP command ") {
		return own.Arguments
	}
	code, words, coded := strings.Cut(text, "] ")
	if own.NoCodes && coded && strings.HasPrefix(code, "NO [") && code != "NO [TRYCREATE" {
		return "NO " + words
	}
	return text
}

func (s *session) throttle() error {
	t := s.p.Limits.Throttle
	if t == nil || s.user == nil || !hasFold(t.Commands, s.command) {
		return nil
	}
	s.user.mu.Lock()
	wait := s.user.bucket.take(t, time.Now())
	s.user.mu.Unlock()
	if wait == 0 {
		return nil
	}
	s.refused++
	if t.ByeAfter > 0 && s.refused >= t.ByeAfter {
		s.then = func() error {
			s.write("* BYE ", s.p.Limits.Bye, "\r\n")
			return errEnd
		}
	}
	return refusal(fmt.Sprintf(t.Answer, wait.Milliseconds()))
}

// answer tells the news of the open folder, gives the tagged answer and does
// what comes after it.
func (s *session) answer(cmd command, reply string, refused refusal) error {
	if err := s.faultAnswer(); err != nil {
		return err
	}
	if s.sel != nil {
		s.tellNews(!cmd.keepsNumbers)
	}
	s.event(BeforeAnswer, 0)
	status := "OK " + reply
	if refused != "" {
		status = s.inItsWords(string(refused))
	}
	if s.fault != nil && s.fault.Kind == AnswerAfter {
		status = s.fault.Text
	}
	dropped := s.fault != nil && s.fault.Kind == DropAnswer
	if !strings.HasPrefix(status, "OK") {
		s.denied++
		s.server.counts.refusal(s.denied)
	}
	bye := strings.HasPrefix(status, "BYE")
	switch {
	case bye:
		s.write("* ", status, "\r\n")
	case !dropped:
		s.write(s.tag, " ", status, "\r\n")
	}
	s.event(AfterAnswer, 0)
	if err := s.faultAfter(); err != nil {
		return err
	}
	if bye {
		return errEnd
	}
	if s.then != nil {
		if err := s.then(); err != nil {
			return err
		}
	}
	if strings.HasPrefix(status, "BAD") {
		return s.countError(nil)
	}
	return nil
}

// countError ends the session when a client has made too many mistakes.
func (s *session) countError(err error) error {
	s.errors++
	s.server.counts.mistake(s.errors)
	if err == nil && s.p.Limits.Errors > 0 && s.errors >= s.p.Limits.Errors {
		s.write("* BYE ", s.p.Limits.Bye, "\r\n")
		return errEnd
	}
	return err
}

func (s *session) write(parts ...string) {
	for _, part := range parts {
		_, _ = s.line.out.WriteString(part)
	}
}

// wait waits for a fault's channel, or the end of the server.
func (s *session) wait(until <-chan struct{}) error {
	s.line.flush()
	select {
	case <-until:
		return nil
	case <-s.server.done:
		return errEnd
	}
}

// stall reads on without ever answering.
func (s *session) stall() error {
	s.line.flush()
	_, _ = io.Copy(io.Discard, s.line.in)
	return errEnd
}
