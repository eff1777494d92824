package imapfake

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
)

// Options are the settings of a server. The zero value is a Generic server
// without TLS.
type Options struct {
	// Personality is the make of server; one without a name is Generic().
	Personality Personality
	// TLS makes STARTTLS work, where the personality has it.
	TLS *tls.Config
	// Masters are administrators with their passwords. How they open others'
	// mailboxes is up to the personality; see AdminRules.
	Masters map[string]string
	// MayOpen tells whether an administrator may open a user's mailbox; nil
	// is all of them.
	MayOpen func(admin, user string) bool
	// Domain is what a user name with a domain must tell; empty is any.
	Domain string
	// Token checks the token of XOAUTH2 and OAUTHBEARER; nil takes the
	// user's password for the token.
	Token func(user, token string) bool
	// Tokens are the tokens of XOAUTH2 and OAUTHBEARER with their times, in
	// the place of Token.
	Tokens *Tokens
	// MaxConnections is how many connections one user may have, zero any.
	MaxConnections int
	// Preauth is the user who is signed in from the start, with a greeting
	// of PREAUTH (RFC 3501 section 7.1.4).
	Preauth string
	// DiscardBodies keeps only size and SHA-256 of appended messages, and
	// the first KeepHeader bytes of their headers, so that a test of memory
	// does not measure this server. Their bodies cannot be fetched.
	DiscardBodies bool
	KeepHeader    int
	// Faults are rules to begin with; see SetFaults.
	Faults []Rule
	// Hook is called at the points of each command, on the goroutine of its
	// connection, which waits for it.
	Hook func(Event)
	// Record is what is kept of the bytes on the line; nothing by default.
	Record RecordOptions
}

// Server is an IMAP server in memory.
type Server struct {
	options     Options
	personality Personality
	forms       []nameForm
	commands    map[string]command
	faults      faults
	counts      counts
	record      recorder
	done        chan struct{}

	mu        sync.Mutex
	users     map[string]*Mailbox
	listeners []net.Listener
	lines     map[*line]struct{}
	numbered  int
	closed    bool
	running   sync.WaitGroup
}

// New makes a server without users that listens nowhere yet.
func New(options Options) *Server {
	if options.Personality.Name == "" {
		options.Personality = Generic()
	}
	s := &Server{
		options: options, personality: options.Personality, forms: compileForms(options.Personality.Admin.Names),
		commands: commandTable(), done: make(chan struct{}),
		users: map[string]*Mailbox{}, lines: map[*line]struct{}{},
	}
	s.record.options = options.Record
	s.faults.set(options.Faults)
	return s
}

// AddUser adds a user with an INBOX and the personality's folders, or returns
// the one there is.
func (s *Server) AddUser(name, password string) *Mailbox {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.users[name]; m != nil {
		return m
	}
	m := newMailbox(name, password, &s.options)
	s.users[name] = m
	return m
}

// User finds a user's mailbox, nil if there is none.
func (s *Server) User(name string) *Mailbox {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.users[name]
}

// all are the mailboxes, later names first.
func (s *Server) all() []*Mailbox {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.Collect(maps.Values(s.users))
	slices.SortFunc(list, func(a, b *Mailbox) int { return strings.Compare(b.name, a.name) })
	return list
}

// Listen listens on a free port of 127.0.0.1, without TLS to begin with, and
// returns the address as host:port.
func (s *Server) Listen() (string, error) { return s.listen(nil) }

// ListenTLS listens on a free port of 127.0.0.1 with TLS from the first byte.
func (s *Server) ListenTLS(certificate tls.Certificate) (string, error) {
	return s.listen(&tls.Config{Certificates: []tls.Certificate{certificate}})
}

// ListenTLSConfig is ListenTLS for tests that choose versions and ciphers.
func (s *Server) ListenTLSConfig(config *tls.Config) (string, error) { return s.listen(config) }

func (s *Server) listen(config *tls.Config) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listening: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return "", errors.Join(net.ErrClosed, l.Close())
	}
	s.listeners = append(s.listeners, l)
	s.running.Go(func() { s.accept(l, config) })
	return l.Addr().String(), nil
}

func (s *Server) accept(l net.Listener, config *tls.Config) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		s.running.Go(func() { s.serve(conn, config) })
	}
}

// Serve speaks IMAP on a connection, a net.Pipe for instance, until it ends.
func (s *Server) Serve(conn net.Conn) { s.ServeTLS(conn, nil) }

// ServeTLS is Serve with TLS from the first byte, unless config is nil.
func (s *Server) ServeTLS(conn net.Conn, config *tls.Config) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		_ = conn.Close()
		return
	}
	s.running.Add(1)
	s.mu.Unlock()
	defer s.running.Done()
	s.serve(conn, config)
}

func (s *Server) serve(conn net.Conn, config *tls.Config) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		_ = conn.Close()
		return
	}
	s.numbered++
	l := newLine(s, conn, s.numbered)
	s.lines[l] = struct{}{}
	s.mu.Unlock()
	s.counts.connected()
	defer func() {
		s.counts.disconnected()
		l.close()
		s.mu.Lock()
		delete(s.lines, l)
		s.mu.Unlock()
	}()
	if l.tap.cutIn == 0 || l.tap.cutOut == 0 {
		l.abort(l.tap.cutReset)
		return
	}
	if config != nil && l.startTLS(config) != nil {
		return
	}
	newSession(s, l).run()
}

// Disconnect cuts every connection, with RST when reset is set and FIN
// otherwise. The server goes on listening.
func (s *Server) Disconnect(reset bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.lines {
		l.abort(reset)
	}
}

// Close stops listening, cuts every connection and waits until all their
// goroutines have ended. A Hook that blocks holds it up.
func (s *Server) Close() {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.done)
	}
	for _, l := range s.listeners {
		_ = l.Close()
	}
	for l := range s.lines {
		l.abort(false)
		_ = l.tap.Conn.Close()
	}
	s.mu.Unlock()
	s.running.Wait()
}
