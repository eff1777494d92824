package imap

import (
	"context"
	"slices"

	"github.com/mailhaul/mailhaul/internal/imap/wire"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// kind is what a command is about. It decides what a refusal without a known
// code or text means (faults.go).
type kind string

const (
	kindPlain  kind = "plain"
	kindLogin  kind = "login"
	kindFolder kind = "folder"
	kindFetch  kind = "fetch"
	kindAppend kind = "append"
)

// command is one command from its first byte to its tagged answer.
type command struct {
	kind kind
	// doing is for the fault, as in migration.Fault.
	doing string
	// line is the command without tag and CRLF.
	line *wire.Command
	// shown replaces the line in traces.
	shown string
	// take is offered every untagged response, on the reader's goroutine, and
	// says whether it was meant for this command.
	take func(response any) bool
	// fetch is set for commands that ask for messages, and served, closed once each one
	// has come, for those that ask for bodies.
	fetch  *fetching
	served chan struct{}
	// finish is called once when the command has ended, on the reader's
	// goroutine, before done is closed.
	finish func(err error)

	tag string
	// challenge is the text of the last "+" that was asked for.
	challenge string
	// end is the offset in the outgoing stream just after the command's CRLF,
	// zero while it is being written. Under conn.mu.
	end int64
	// admitted: it has a place in the budget of refusals until it is answered.
	admitted bool
	// status is the tagged answer. Valid after done.
	status statusResponse
	err    error
	done   chan struct{}
}

// newCommand makes a command of the given kind.
func (c *conn) newCommand(k kind, doing string) *command {
	return &command{kind: k, doing: doing, line: &wire.Command{NonSync: c.nonSync()}, done: make(chan struct{})}
}

// run sends the commands in one burst and waits for all of them. Each command's
// own result is in its err; run's error is the first of them.
func (c *conn) run(ctx context.Context, commands ...*command) error {
	if err := c.send(ctx, commands...); err != nil {
		return err
	}
	return c.wait(ctx, commands...)
}

// send writes the commands one after the other, behind whatever is under way.
// When it fails, either nothing was sent or the line is dead and every command
// has ended.
func (c *conn) send(ctx context.Context, commands ...*command) error {
	for _, cmd := range commands {
		if _, _, err := cmd.line.Bytes(); err != nil {
			return uncarried(cmd.kind, cmd.doing, err)
		}
	}
	err := c.writeAll(ctx, commands)
	if err != nil {
		for _, cmd := range commands {
			if cmd.tag != "" {
				<-cmd.done // no callback runs after this
			}
		}
	}
	return err
}

// uncarried is the fault for a command whose name or password no command can
// carry.
func uncarried(k kind, doing string, err error) error {
	if k == kindLogin {
		return &migration.Fault{Class: migration.Login, Code: migration.CodeLogin, Doing: doing, Err: err, Remedy: "Give this account a user name and a password without NUL."}
	}
	return &migration.Fault{Class: migration.OneFolder, Code: migration.CodeFolderRefused, Doing: doing, Err: err,
		Remedy: "Rename this folder on its server: no IMAP command can carry its name."}
}

// writeAll writes the commands, those that its budget of refusals has no room for once
// others are answered.
func (c *conn) writeAll(ctx context.Context, commands []*command) error {
	for begun := false; len(commands) > 0; begun = true {
		n, err := c.budget.admit(ctx, c, len(commands))
		if err == nil {
			err = c.writeBurst(ctx, commands[:n])
		}
		if err != nil && begun {
			c.kill(err)
			return c.dead()
		}
		if err != nil {
			return err
		}
		commands = commands[n:]
	}
	return nil
}

// writeBurst writes commands that are admitted.
func (c *conn) writeBurst(ctx context.Context, commands []*command) error {
	if err := c.lockLine(ctx); err != nil {
		c.budget.leave(len(commands))
		return err
	}
	defer c.unlockLine()
	for _, cmd := range commands {
		cmd.admitted = true
	}
	if c.closeGroup != nil {
		c.closeGroup()
	}
	for _, cmd := range append(c.takePrelude(), commands...) {
		if err := c.write(ctx, cmd); err != nil {
			return err
		}
	}
	c.out.flush()
	return nil
}

// write sends one command. The caller holds the line.
func (c *conn) write(ctx context.Context, cmd *command) error {
	goOn, err := c.writeHead(ctx, cmd)
	if err != nil || !goOn {
		return err
	}
	return c.endCommand(ctx, cmd)
}

// writeHead sends a command without its CRLF. goOn is false when the server
// refused it before its end: what is left of it would be taken for a command.
func (c *conn) writeHead(ctx context.Context, cmd *command) (goOn bool, err error) {
	text, waits, _ := cmd.line.Bytes()
	if err := c.begin(cmd); err != nil {
		return false, err
	}
	c.traceCommand(cmd, text)
	if err := c.out.write(ctx, []byte(cmd.tag+" ")); err != nil {
		return false, c.cut(ctx, err)
	}
	at := 0
	for _, offset := range waits {
		goOn, err := c.ask(ctx, cmd, text[at:offset])
		if err != nil || !goOn {
			return false, err
		}
		at = offset
	}
	if err := c.out.write(ctx, text[at:]); err != nil {
		return false, c.cut(ctx, err)
	}
	return true, nil
}

// endCommand writes the CRLF of a command.
func (c *conn) endCommand(ctx context.Context, cmd *command) error {
	c.endsAfter(cmd, 2)
	if err := c.out.write(ctx, []byte("\r\n")); err != nil {
		return c.cut(ctx, err)
	}
	return nil
}

// endsAfter notes that a command ends n bytes from here.
func (c *conn) endsAfter(cmd *command, n int64) {
	end := c.out.offset() + n
	c.mu.Lock()
	defer c.mu.Unlock()
	cmd.end = end
}

// ask sends the text and waits for "+". goOn is false when the server refused the
// command instead.
func (c *conn) ask(ctx context.Context, cmd *command, text []byte) (goOn bool, err error) {
	// Expected before it is sent: a near server answers before we go on here.
	c.expect(cmd, c.out.offset()+int64(len(text)))
	defer c.expect(nil, 0)
	if err := c.out.write(ctx, text); err != nil {
		return false, c.cut(ctx, err)
	}
	c.out.flush()
	c.roundTrips.Add(1)
	select {
	case cmd.challenge = <-c.goOn:
		return true, nil
	case <-cmd.done:
		if c.dead() != nil {
			return false, c.dead()
		}
		return false, nil
	case <-ctx.Done():
		return false, c.cut(ctx, context.Cause(ctx))
	}
}

// expect says whose "+" is awaited, which is asked for before the offset in the
// outgoing stream, and forgets one that came for another.
func (c *conn) expect(cmd *command, from int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.continuing, c.continuingFrom = cmd, from
	select {
	case <-c.goOn:
	default:
	}
}

// wait waits for the commands' ends. A context that ends cuts the line, because
// an answer half read cannot be given back.
func (c *conn) wait(ctx context.Context, commands ...*command) error {
	var first error
	for _, cmd := range commands {
		select {
		case <-cmd.done:
		case <-cmd.served:
			continue // its answer tells nothing of worth
		case <-ctx.Done():
			select {
			case <-cmd.done: // it had ended in the same moment
			case <-cmd.served:
				continue
			default:
				_ = c.cut(ctx, context.Cause(ctx))
				<-cmd.done
			}
		}
		if first == nil {
			first = cmd.err
		}
	}
	return first
}

// isServed reports whether a command that asks for bodies has them all.
func (cmd *command) isServed() bool {
	select {
	case <-cmd.served:
		return true
	default:
		return false
	}
}

// settle waits for the answers of commands that have all that they asked for: what comes
// before them is of the folder that was open then.
func (c *conn) settle(ctx context.Context) error {
	c.mu.Lock()
	all := slices.Clone(c.queue)
	c.mu.Unlock()
	for _, cmd := range all {
		if !cmd.isServed() {
			continue
		}
		select {
		case <-cmd.done:
		case <-ctx.Done():
			return interrupted(context.Cause(ctx))
		}
	}
	return nil
}

// failed reports whether the line is lost, as opposed to a command refused.
func failed(err error) bool { return err != nil && migration.ClassOf(err) == migration.Again }
