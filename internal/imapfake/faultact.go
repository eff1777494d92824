package imapfake

import (
	"io"
	"strings"
)

// cut sends what is buffered and cuts the line.
func (s *session) cut() error {
	s.line.flush()
	s.line.abort(s.fault != nil && s.fault.Reset)
	return errEnd
}

// faultBefore does what a fault does before its command. An error that is a
// refusal is the command's answer.
func (s *session) faultBefore() error {
	a := s.fault
	if a == nil {
		return nil
	}
	switch a.Kind {
	case Close:
		return s.cut()
	case Stall:
		return s.stall()
	case Deaf:
		return s.wait(nil)
	case Wait:
		return s.wait(a.Until)
	case Answer:
		return refusal(a.Text)
	case Send:
		s.sendRaw()
		s.fault = &Action{Kind: DropAnswer}
		return refusal("NO not sent")
	case SendBefore:
		s.sendRaw()
	case CutAnswer:
		s.line.flush()
		s.line.answerLeft = a.N
	case CloseUnanswered:
		s.line.flush()
	case Renumber:
		s.renumber()
	}
	return nil
}

func (s *session) renumber() {
	if s.user == nil {
		return
	}
	s.user.mu.Lock()
	defer s.user.mu.Unlock()
	if f := s.user.get(s.folderName); f != nil {
		s.user.renumber(f, f.validity+1)
	}
}

func (s *session) sendRaw() {
	from := io.Reader(strings.NewReader(s.fault.Text))
	if s.fault.From != nil {
		from = s.fault.From()
	}
	buffer := make([]byte, 32<<10)
	for !s.line.broken {
		n, err := from.Read(buffer)
		_, _ = s.line.out.Write(buffer[:n])
		if err != nil {
			return
		}
	}
}

// faultAnswer does what a fault does when its command is carried out and not
// answered.
func (s *session) faultAnswer() error {
	a := s.fault
	if a == nil {
		return nil
	}
	switch a.Kind {
	case CloseUnanswered:
		s.line.out.Reset(plainWriter{s.line})
		return s.cut()
	case WaitAnswer:
		return s.wait(a.Until)
	}
	return nil
}

// faultAfter does what a fault does behind its command's answer.
func (s *session) faultAfter() error {
	a := s.fault
	if a == nil {
		return nil
	}
	switch a.Kind {
	case SendAfter:
		s.sendRaw()
	case CloseAnswered:
		return s.cut()
	case CutAnswer:
		return s.cut()
	}
	return nil
}
