package imap

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/mailhaul/mailhaul/internal/imap/wire"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// Dial connects to the endpoint, protects the line as the endpoint says, and
// signs in. Where the greeting carries the capabilities and the server takes an
// initial response, signing in is one round trip after the greeting.
func Dial(ctx context.Context, options Options) (*Session, error) {
	options = options.withDefaults()
	network, err := connect(ctx, options)
	if err != nil {
		return nil, err
	}
	opening := &opening{options: options, net: network}
	if err := opening.greet(ctx); err != nil {
		abort(opening.net)
		return nil, err
	}
	c := newConn(options, opening.net, opening.meter, opening.in)
	c.setCapabilities(opening.caps)
	c.roundTrips.Store(opening.roundTrips)
	s := &Session{conn: c, greeting: opening.greeting.text}
	c.start()
	if err := s.open(ctx); err != nil {
		c.kill(err)
		c.close()
		return nil, err
	}
	return s, nil
}

// connect resolves the host and makes the TCP connection, and TLS if it is
// implicit.
func connect(ctx context.Context, options Options) (net.Conn, error) {
	e := options.Endpoint
	if e.Security == migration.Cleartext && !e.AllowCleartext {
		return nil, &migration.Fault{Class: migration.Login, Code: migration.CodePolicy, Doing: "connecting to " + e.Host,
			Err: errors.New("a connection without TLS is not allowed"), Remedy: "Use an imaps:// address, or allow cleartext for this endpoint."}
	}
	ctx, cancel := context.WithTimeout(ctx, options.Timeouts.Dial)
	defer cancel()
	network, err := dialNetwork(ctx, options)
	if err != nil {
		return nil, err
	}
	if e.Security == migration.StartTLS || e.Security == migration.Cleartext {
		return network, nil
	}
	return handshake(ctx, options, network)
}

// opening is the talk before the queue of commands starts: the greeting, and
// STARTTLS.
type opening struct {
	options    Options
	net        net.Conn
	meter      *meter
	in         *wire.Reader
	greeting   statusResponse
	caps       capabilities
	roundTrips int64
}

func (o *opening) attach() {
	o.meter = newMeter(o.net, o.options.Timeouts.Slow)
	o.in = wire.NewReader(o.meter, o.options.Limits)
}

// greet reads the greeting and, where asked for, starts TLS. Both must be done
// within the greeting's time.
func (o *opening) greet(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, o.options.Timeouts.Greeting)
	defer cancel()
	network := o.net
	stop := context.AfterFunc(ctx, func() { abort(network) })
	defer stop()
	o.attach()
	if err := o.readGreeting(ctx); err != nil {
		o.options.Steps(StepGreeting, o.options.Endpoint.Host, err)
		return err
	}
	o.options.Steps(StepGreeting, o.greeting.text, nil)
	if o.options.Endpoint.Security != migration.StartTLS {
		return nil
	}
	return o.startTLS(ctx)
}

// fault makes the fault of this stage.
func (o *opening) fault(ctx context.Context, code string, err error, remedy string) error {
	class := migration.Again
	if code == migration.CodePolicy || code == migration.CodeTLS {
		class = migration.Login
	}
	if cause := context.Cause(ctx); cause != nil {
		class, code, err = migration.Again, migration.CodeTimeout, cause
		if errors.Is(cause, context.Canceled) {
			code = migration.CodeInterrupted
		}
	}
	return &migration.Fault{Class: class, Code: code, Doing: "greeting " + o.options.Endpoint.Host, Err: err, Remedy: remedy}
}

// readGreeting reads the server's first line (RFC 3501 section 7.1).
func (o *opening) readGreeting(ctx context.Context) error {
	err := o.in.Begin()
	if err != nil && errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return o.silence()
	}
	if err != nil {
		return o.fault(ctx, migration.CodeGreeting, err, "Check that an IMAP server answers at this address and port, and that the kind of TLS is right: a port for TLS, such as 993, wants imaps://.")
	}
	line, err := o.in.Text()
	if err != nil {
		return o.fault(ctx, migration.CodeGreeting, err, "Check that an IMAP server answers at this address and port.")
	}
	rest, isUntagged := strings.CutPrefix(line, "* ")
	word, text, _ := strings.Cut(rest, " ")
	o.greeting = parseStatus(word, text)
	c := &conn{options: o.options, scrub: o.options.Credential.scrubber()}
	c.trace("S: " + line)
	switch {
	case isUntagged && o.greeting.status == "BYE":
		fault := c.judge(o.greeting, kindPlain)
		if fault.Class != migration.Later {
			fault.Class, fault.Code, fault.Remedy = migration.Again, migration.CodeGreeting, "The server turns connections away; it is tried again."
		}
		fault.Doing = "greeting " + o.options.Endpoint.Host
		return fault
	case isUntagged && o.greeting.status == "PREAUTH":
		if o.options.Endpoint.Security == migration.StartTLS || o.options.Credential.signsIn() {
			return o.fault(ctx, migration.CodePolicy, errors.New("the server says that somebody is signed in already"),
				"Such a server cannot be used with this kind of address: TLS or the sign-in could not take place.")
		}
	case !isUntagged || o.greeting.status != "OK":
		return o.fault(ctx, migration.CodeGreeting, errors.New("what answers there is not an IMAP server"),
			"Check the address, the port and the kind of TLS.")
	}
	o.greeting.text = c.clean(o.greeting.text)
	if o.greeting.code == "CAPABILITY" {
		o.caps = c.words(o.greeting.arguments)
	}
	return nil
}

// silence is the fault of a server that does not greet. On a port for TLS it waits
// for the client to speak first.
func (o *opening) silence() error {
	fault := &migration.Fault{Class: migration.Again, Code: migration.CodeTimeout, Doing: "greeting " + o.options.Endpoint.Host,
		Err:    fmt.Errorf("no greeting within %g s", o.options.Timeouts.Greeting.Seconds()),
		Remedy: "Check that an IMAP server answers at this address and port."}
	if o.options.Endpoint.Security != migration.Implicit {
		fault.Remedy = "Is this the port for TLS? Then try imaps://. Else check that an IMAP server answers there."
	}
	return fault
}

// open signs in and prepares what rides along with the first command.
func (s *Session) open(ctx context.Context) error {
	c := s.conn
	if c.capabilities() == nil {
		c.setCapabilities(c.options.Known.get(signedOut))
	}
	if c.capabilities() == nil {
		err := s.askCapabilities(ctx)
		c.options.Steps(StepCapability, strings.Join(c.capabilities(), " "), err)
		if err != nil {
			return err
		}
	} else {
		c.options.Steps(StepCapability, strings.Join(c.capabilities(), " "), nil)
	}
	c.options.Known.put(signedOut, c.capabilities())
	if !c.options.Credential.signsIn() {
		return nil
	}
	err := s.signIn(ctx)
	c.options.Steps(StepLogin, c.options.Credential.User, err)
	if err != nil {
		return err
	}
	if c.options.Compress && c.capabilities().has("COMPRESS=DEFLATE") {
		if err := s.compress(ctx); err != nil {
			return err
		}
	}
	c.budget.limit(c.traits(s.greeting))
	s.identify()
	return nil
}

// askCapabilities sends CAPABILITY.
func (s *Session) askCapabilities(ctx context.Context) error {
	return s.conn.run(ctx, s.capabilityCommand())
}

func (s *Session) capabilityCommand() *command {
	cmd := s.conn.newCommand(kindPlain, "asking for the capabilities")
	cmd.line.Raw("CAPABILITY")
	return cmd
}

// compress starts DEFLATE (RFC 4978). Nothing may be under way meanwhile.
func (s *Session) compress(ctx context.Context) error {
	c := s.conn
	if err := c.lockLine(ctx); err != nil {
		return err
	}
	defer c.unlockLine()
	cmd := c.newCommand(kindPlain, "starting compression")
	cmd.line.Raw("COMPRESS DEFLATE")
	var compressed error
	cmd.finish = func(err error) {
		// On the reader's goroutine: the very next byte is compressed.
		if err == nil {
			compressed = c.startCompression()
		}
	}
	if err := c.write(ctx, cmd); err != nil {
		return err
	}
	c.out.flush()
	if err := c.wait(ctx, cmd); failed(err) {
		return err
	}
	return compressed
}

// startCompression changes both directions over.
func (c *conn) startCompression() error {
	early, err := c.in.Take(c.in.Buffered())
	if err != nil {
		return err
	}
	return c.meter.compress(early)
}

// identify has ID (RFC 2971) ride along with the first command.
func (s *Session) identify() {
	c := s.conn
	if !c.capabilities().has("ID") || len(c.options.ClientID) == 0 {
		return
	}
	cmd := c.newCommand(kindPlain, "telling this program's name")
	cmd.line.Raw("ID (")
	for i, key := range slices.Sorted(maps.Keys(c.options.ClientID)) {
		if i > 0 {
			cmd.line.Raw(" ")
		}
		cmd.line.Quoted(key).Raw(" ").Quoted(c.options.ClientID[key])
	}
	cmd.line.Raw(")")
	if _, waits, err := cmd.line.Bytes(); err != nil || len(waits) > 0 {
		return
	}
	cmd.take = func(response any) bool {
		id, ok := response.(idResponse)
		if ok {
			s.setServer(c.clean(strings.TrimSpace(id["name"] + " " + id["version"])))
		}
		return ok
	}
	c.ride(cmd)
}

// Identity asks the server for its name (RFC 2971), signed in or not. It is nil
// where ID is not offered or tells nothing; keys are in lower case, values fit to be
// shown.
func (s *Session) Identity(ctx context.Context) (map[string]string, error) {
	c := s.conn
	if !c.capabilities().has("ID") {
		return nil, nil
	}
	var told map[string]string
	cmd := c.newCommand(kindPlain, "asking for the server's name")
	cmd.line.Raw("ID NIL")
	cmd.take = func(response any) bool {
		id, ok := response.(idResponse)
		if ok {
			told = make(map[string]string, len(id))
			for key, value := range id {
				told[c.clean(key)] = c.clean(value)
			}
		}
		return ok
	}
	if err := c.run(ctx, cmd); err != nil {
		return nil, err
	}
	return told, nil
}

// secure reports whether a credential may be sent: over TLS that was verified
// or pinned, or where the operator allowed cleartext.
func (c *conn) secure() bool {
	if c.options.Endpoint.Security == migration.Cleartext {
		return c.options.Endpoint.AllowCleartext
	}
	protected, ok := c.net.(*tls.Conn)
	if !ok {
		return false
	}
	state := protected.ConnectionState()
	return state.HandshakeComplete && (len(state.VerifiedChains) > 0 || c.options.Endpoint.Pin != "")
}
