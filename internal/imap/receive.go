package imap

import (
	"errors"
	"strings"

	"github.com/mailhaul/mailhaul/internal/imap/wire"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// receive reads responses until the line ends, and then ends every command.
func (c *conn) receive() {
	defer close(c.readerDone)
	receiver := &receiver{conn: c, in: c.in, flags: map[string]string{}}
	for {
		c.meter.response(false)
		err := c.in.Begin()
		if err == nil {
			c.meter.response(true)
			c.answered()
			err = receiver.response()
		}
		var malformed *wire.SyntaxError
		if errors.As(err, &malformed) {
			c.options.Log.Debug("response skipped", "host", c.options.Endpoint.Host, "error", err)
			if err = c.in.SkipLine(); err == nil {
				err = receiver.count()
			}
		}
		if err != nil {
			c.kill(c.readFault(err))
			c.endAll()
			return
		}
	}
}

// readFault keeps a fault that says more than that the line broke.
func (c *conn) readFault(err error) error {
	if fault := migration.FaultOf(err); fault != nil {
		return fault
	}
	var slow *timeoutError
	if errors.As(err, &slow) {
		return &migration.Fault{Class: migration.Again, Code: migration.CodeTimeout,
			Doing: "reading from " + c.options.Endpoint.Host, Err: err, Remedy: "The connection is made anew."}
	}
	return c.lost(err)
}

// receiver is the state of the reader's goroutine.
type receiver struct {
	conn *conn
	in   *wire.Reader
	// flags are the flag names seen, so that equal ones share memory.
	flags map[string]string
	// unasked counts the responses nobody took since the last tagged one, taken
	// the others without the messages; exists is the last EXISTS.
	unasked, taken int
	exists         uint32
	// held is where a body is kept until its UID is known.
	held []byte
}

// response handles one response.
func (r *receiver) response() error {
	b, err := r.in.Peek()
	if err != nil {
		return err
	}
	switch b {
	case '+':
		return r.continuation()
	case '*':
		return r.untagged()
	}
	return r.tagged()
}

// continuation hands on a "+" to whoever waits for it. One that nobody waits
// for is dropped, as is one that comes before it was asked for: were it kept, the
// next literal would go out without leave.
func (r *receiver) continuation() error {
	text, err := r.in.Text()
	if err != nil {
		return err
	}
	c := r.conn
	c.trace("S: + ...")
	sent := c.out.sent()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.continuing == nil || sent < c.continuingFrom {
		return r.count()
	}
	select {
	case c.goOn <- strings.TrimPrefix(text[1:], " "):
		return nil
	default:
		return r.count()
	}
}

// tagged ends the command that the tag belongs to.
func (r *receiver) tagged() error {
	word, err := r.in.Atom()
	if err != nil {
		return err
	}
	tag := string(word)
	if err := r.in.Spaces(); err != nil {
		return err
	}
	if word, err = r.in.Atom(); err != nil {
		return err
	}
	name := string(word)
	r.in.Allow(r.in.Limits().ListLine)
	rest, err := r.in.Text()
	if err != nil {
		return err
	}
	status := parseStatus(name, rest)
	c := r.conn
	cmd := c.byTag(tag)
	if cmd == nil {
		c.trace("S: ...") // it may be a line of a message that strayed
		return r.count()
	}
	c.trace("S: " + tag + " " + name + " " + rest)
	r.unasked, r.taken = 0, 0
	sent := c.out.sent()
	c.mu.Lock()
	end := cmd.end
	c.mu.Unlock()
	if status.status == "OK" && (end == 0 || end > sent) {
		return &migration.Fault{Class: migration.Again, Code: migration.CodeServerBug, Doing: cmd.doing,
			Text: c.clean(rest), Remedy: "The server answered a command before it was sent, which no honest server can."}
	}
	if status.code == "CAPABILITY" {
		r.announced(r.conn.words(status.arguments))
	}
	cmd.status = status
	c.budget.answered(cmd.kind, status.status)
	c.ended(cmd, c.refusal(cmd, status))
	return nil
}

// byTag finds the command of a tagged answer.
func (c *conn) byTag(tag string) *command {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, cmd := range c.queue {
		if cmd.tag == tag {
			return cmd
		}
	}
	return nil
}

// untagged handles "* ...".
func (r *receiver) untagged() error {
	if err := r.in.Expect('*'); err != nil {
		return err
	}
	if err := r.in.Spaces(); err != nil {
		return err
	}
	b, err := r.in.Peek()
	if err != nil {
		return err
	}
	if b >= '0' && b <= '9' {
		return r.numbered()
	}
	word, err := r.in.Atom()
	if err != nil {
		return err
	}
	name := strings.ToUpper(string(word))
	switch name {
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
		return r.condition(name)
	}
	parse, known := parsers[name]
	if !known {
		r.conn.trace("S: * " + name + " ...")
		if err := r.count(); err != nil {
			return err
		}
		return r.in.SkipLine()
	}
	if err := r.in.Spaces(); err != nil {
		return err
	}
	response, err := parse(r)
	if err != nil {
		return err
	}
	r.conn.trace("S: * " + name + " ...")
	return r.offer(response)
}

// numbered handles "* n NAME".
func (r *receiver) numbered() error {
	n, err := r.in.Number()
	if err != nil {
		return err
	}
	if err := r.in.Spaces(); err != nil {
		return err
	}
	word, err := r.in.Atom()
	if err != nil {
		return err
	}
	switch strings.ToUpper(string(word)) {
	case "FETCH":
		return r.fetch()
	case "EXISTS":
		r.exists = uint32(min(n, 1<<32-1))
		if err := r.in.SkipLine(); err != nil {
			return err
		}
		return r.offer(existsResponse(r.exists))
	}
	if err := r.count(); err != nil {
		return err
	}
	return r.in.SkipLine()
}

// condition handles an untagged status.
func (r *receiver) condition(name string) error {
	r.in.Allow(r.in.Limits().ListLine)
	rest, err := r.in.Text()
	if err != nil {
		return err
	}
	status := parseStatus(name, rest)
	c := r.conn
	c.trace("S: * " + name + " " + rest)
	switch {
	case status.code == "CAPABILITY":
		r.announced(r.conn.words(status.arguments))
	case name == "BYE":
		c.mu.Lock()
		c.bye = rest
		c.mu.Unlock()
	case name == "NO" || name == "BAD":
		c.notice(status)
	}
	return r.offer(status)
}

// announced keeps the capabilities.
func (r *receiver) announced(caps capabilities) {
	r.conn.setCapabilities(caps)
}

// offer gives the response to the oldest command that wants it.
func (r *receiver) offer(response any) error {
	if caps, ok := response.(capabilityResponse); ok {
		r.announced(capabilities(caps))
	}
	for i := 0; ; i++ {
		cmd := r.conn.queued(i)
		if cmd == nil {
			return r.count()
		}
		if cmd.take != nil && cmd.take(response) {
			return r.countTaken()
		}
	}
}

// queued gives the i-th command of the queue. Only the reader's goroutine takes
// commands out, so that the index stays good between calls.
func (c *conn) queued(i int) *command {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i >= len(c.queue) {
		return nil
	}
	return c.queue[i]
}

// countTaken bounds what comes in answer to commands, messages not counted.
func (r *receiver) countTaken() error {
	r.taken++
	limits := r.in.Limits()
	if most := limits.Untagged + 4*limits.Folders; r.taken > most {
		return &wire.LimitError{What: "number of responses to one command", Limit: int64(most)}
	}
	return nil
}

// count bounds what comes without being asked for.
func (r *receiver) count() error {
	r.unasked++
	most := r.in.Limits().Untagged + 4*int(min(r.exists, 1<<24))
	if r.unasked > most {
		return &wire.LimitError{What: "number of responses nobody asked for", Limit: int64(most)}
	}
	return nil
}
