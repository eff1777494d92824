package imap

import (
	"crypto/tls"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/mailhaul/mailhaul/internal/imap/wire"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// Session is a signed-in connection to one mailbox. Several goroutines may use
// it: what they ask goes out in the order of the calls, without waiting for each
// other's answers. Every error carries a *migration.Fault; after one of class
// Again the session is dead. A context that ends while an answer is awaited
// cuts the line.
//
// Callbacks run on the goroutine that reads the connection: while one is busy
// nothing else of this session is read, so that a callback must not wait for
// another call on the same session. A call returns only after its callback has.
type Session struct {
	conn     *conn
	greeting string
	// resync is a value of type resync.
	resync atomic.Int32
	// condStoreRefused is true once the server has answered BAD to what it
	// announces with CONDSTORE (RFC 7162).
	condStoreRefused atomic.Bool
	// hidesUIDNext is true once a SELECT has left UIDNEXT out.
	hidesUIDNext atomic.Bool

	mu         sync.Mutex
	opened     opened
	server     string
	namespaces []migration.Namespace
	spaced     bool
}

// RawName spells a decoded folder name as this session's folders are addressed
// (RFC 3501 section 5.1.3).
func (s *Session) RawName(name string) string { return wire.EncodeName(name) }

// Pin is the pin of the key that the server has shown, as Endpoint.Pin has it;
// empty without TLS.
func (s *Session) Pin() string {
	if protected, ok := s.conn.net.(*tls.Conn); ok {
		return pinOf(protected.ConnectionState().PeerCertificates)
	}
	return ""
}

// Profile is what the server can do.
func (s *Session) Profile() migration.Profile {
	caps := s.conn.capabilities()
	s.mu.Lock()
	defer s.mu.Unlock()
	profile := migration.Profile{
		Server:       s.server,
		Capabilities: slices.Clone(caps),
		CondStore:    s.condStore(),
		UIDPlus:      caps.has("UIDPLUS"),
		ListStatus:   caps.has("LIST-STATUS"),
		SpecialUse:   caps.has("SPECIAL-USE") || caps.has("XLIST"),
		MultiAppend:  caps.has("MULTIAPPEND"),
		LiteralPlus:  caps.has("LITERAL+"),
		Namespaces:   slices.Clone(s.namespaces),
		RoundTrip:    s.conn.roundTrip(),
		AppendLimit:  caps.appendLimit(),
		Traits:       s.conn.traits(s.greeting, s.server),
	}
	if profile.Server == "" {
		profile.Server = s.greeting
	}
	return profile
}

// Scrub takes the secrets of this session out of what the server has served.
func (s *Session) Scrub(text string) string { return s.conn.scrub.Scrub(text) }

// SignedIn reports whether somebody has signed in on this session.
func (s *Session) SignedIn() bool { return s.conn.options.Credential.signsIn() }

func (s *Session) setServer(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if name != "" {
		s.server = name
	}
}

// Traffic is what the session has cost so far. A round trip is counted whenever
// something is sent while nothing was under way, and for each wait for a
// server's leave to go on.
func (s *Session) Traffic() migration.Traffic {
	return migration.Traffic{RoundTrips: s.conn.roundTrips.Load(), In: s.conn.meter.in.Load(), Out: s.conn.meter.out.Load()}
}

// Close signs out when nothing is under way, and cuts the line otherwise.
func (s *Session) Close() error {
	s.conn.close()
	return nil
}
