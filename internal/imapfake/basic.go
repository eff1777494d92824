package imapfake

import (
	"fmt"
	"strings"
)

func (s *session) doCapability(p *parser) (string, error) {
	if err := p.end(); err != nil {
		return "", err
	}
	s.write("* CAPABILITY ", strings.Join(s.capabilities(), " "), "\r\n")
	return "CAPABILITY completed.", nil
}

func (s *session) doNoop(p *parser) (string, error) {
	return s.command + " completed.", p.end()
}

func (s *session) doLogout(p *parser) (string, error) {
	if err := p.end(); err != nil {
		return "", err
	}
	s.write("* BYE Logging out\r\n")
	s.then = func() error { return errEnd }
	return "LOGOUT completed.", nil
}

// doID is ID of RFC 2971; what the client tells of itself is read over.
func (s *session) doID(p *parser) (string, error) {
	if err := p.space(); err != nil {
		return "", err
	}
	if p.take('(') {
		for !p.take(')') {
			p.take(' ')
			if _, err := p.astring(); err != nil {
				return "", err
			}
		}
	} else if !strings.EqualFold(p.word(), "NIL") {
		return "", bad("Error in IMAP command ID: invalid arguments")
	}
	s.write(`* ID ("name" `, quote(s.p.Name), ")\r\n")
	return "ID completed.", p.end()
}

// doStartTLS answers in the clear; the handshake follows the answer (RFC 3501
// section 6.2.1).
func (s *session) doStartTLS(p *parser) (string, error) {
	if err := p.end(); err != nil {
		return "", err
	}
	if s.line.tls {
		return "", bad("TLS is active already")
	}
	s.then = func() error {
		s.line.flush()
		return s.line.startTLS(s.server.options.TLS)
	}
	return "Begin TLS negotiation now.", nil
}

// doCompress is COMPRESS of RFC 4978.
func (s *session) doCompress(p *parser) (string, error) {
	if err := p.space(); err != nil {
		return "", err
	}
	if !strings.EqualFold(p.word(), "DEFLATE") {
		return "", bad("Unknown compression mechanism")
	}
	if s.line.deflate != nil {
		return "", no("[COMPRESSIONACTIVE] COMPRESS is active already")
	}
	s.then = func() error {
		s.line.flush()
		return s.line.startDeflate()
	}
	return "Begin compression.", p.end()
}

// doEnable is ENABLE of RFC 5161; what is not known is not confirmed.
func (s *session) doEnable(p *parser) (string, error) {
	var enabled []string
	for p.take(' ') {
		name := strings.ToUpper(p.word())
		switch {
		case !s.p.has(name):
		case name == "QRESYNC":
			s.qresync, s.condstore = true, true
			enabled = append(enabled, name)
		case name == "IMAP4REV2":
			s.rev2 = true
			enabled = append(enabled, "IMAP4rev2")
		case name == "CONDSTORE":
			s.condstore = true
			enabled = append(enabled, name)
		}
	}
	s.write("* ENABLED")
	for _, name := range enabled {
		s.write(" ", name)
	}
	s.write("\r\n")
	return "ENABLE completed.", p.end()
}

func (s *session) doNamespace(p *parser) (string, error) {
	s.write("* NAMESPACE ", s.p.Names.Namespaces, "\r\n")
	return "NAMESPACE completed.", p.end()
}

// doGetQuota and doGetQuotaRoot are of RFC 2087, with one root per user.
func (s *session) doGetQuota(p *parser) (string, error) {
	if err := p.space(); err != nil {
		return "", err
	}
	if _, err := p.astring(); err != nil {
		return "", err
	}
	s.tellQuota()
	return "GETQUOTA completed.", p.end()
}

func (s *session) doGetQuotaRoot(p *parser) (string, error) {
	name, err := p.folder()
	if err != nil {
		return "", err
	}
	s.write("* QUOTAROOT ", quote(name), ` ""`, "\r\n")
	s.tellQuota()
	return "GETQUOTAROOT completed.", p.end()
}

func (s *session) tellQuota() {
	s.user.mu.Lock()
	quota, used := s.user.quota, s.user.bytes()
	s.user.mu.Unlock()
	if quota > 0 {
		s.write(fmt.Sprintf("* QUOTA \"\" (STORAGE %d %d)\r\n", (used+1023)/1024, quota/1024))
		return
	}
	s.write("* QUOTA \"\" ()\r\n")
}

// doIdle is IDLE of RFC 2177. While the client says nothing, another goroutine
// tells the news; it ends before the command does.
func (s *session) doIdle(p *parser) (string, error) {
	if err := p.end(); err != nil {
		return "", err
	}
	s.write("+ idling\r\n")
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		s.tellWhileIdle(stop)
	}()
	err := p.more()
	close(stop)
	<-ended
	if err != nil {
		return "", err
	}
	done := strings.EqualFold(string(p.text), "DONE")
	p.at = len(p.text)
	if !done {
		return "", bad("Expected DONE.")
	}
	return "IDLE completed.", nil
}

func (s *session) tellWhileIdle(stop <-chan struct{}) {
	if s.sel == nil {
		return
	}
	for {
		s.line.writing.Lock()
		s.tellNews(true)
		s.line.flushLocked()
		s.line.writing.Unlock()
		select {
		case <-stop:
			return
		case <-s.sel.wake:
		}
	}
}
