package mailgen

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// Target is a mailbox to fill, on a server that speaks IMAP in the clear.
type Target struct {
	Addr, User, Password string
	// Separator and Prefix are the server's; an empty separator means "/".
	Separator, Prefix string
}

// raw returns the name on the wire of a decoded name with "/" as separator.
func (t Target) raw(folder string) string {
	if folder == "INBOX" {
		return folder
	}
	if t.Separator != "" {
		folder = strings.ReplaceAll(folder, "/", t.Separator)
	}
	if t.Prefix == "INBOX"+t.Separator && strings.HasPrefix(folder, t.Prefix) {
		return EncodeName(folder)
	}
	return EncodeName(t.Prefix + folder)
}

// wire is a bare connection: it writes bytes and reads tagged answers.
type wire struct {
	conn net.Conn
	w    *bufio.Writer
	r    *bufio.Reader
	tags int
	stop func() bool
}

// dialTarget connects and logs in. The end of ctx closes the connection.
func dialTarget(ctx context.Context, t Target) (*wire, error) {
	d := net.Dialer{Timeout: 30 * time.Second}
	conn, err := d.DialContext(ctx, "tcp", t.Addr)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", t.Addr, err)
	}
	w := &wire{conn: conn, w: bufio.NewWriterSize(conn, 256<<10), r: bufio.NewReaderSize(conn, 64<<10)}
	w.stop = context.AfterFunc(ctx, func() { conn.Close() })
	if _, err := w.r.ReadString('\n'); err != nil {
		w.close()
		return nil, fmt.Errorf("read the greeting: %w", err)
	}
	if err := w.do("LOGIN " + quote(t.User) + " " + quote(t.Password)); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *wire) close() {
	w.stop()
	w.conn.Close()
}

// tag returns the next tag.
func (w *wire) tag() string {
	w.tags++
	return fmt.Sprintf("g%d", w.tags)
}

// do sends a command and waits for its OK.
func (w *wire) do(command string) error {
	tag := w.tag()
	if _, err := fmt.Fprintf(w.w, "%s %s\r\n", tag, command); err != nil {
		return err
	}
	if err := w.w.Flush(); err != nil {
		return fmt.Errorf("send %.60s: %w", command, err)
	}
	if err := w.await(tag); err != nil {
		return fmt.Errorf("%.60s: %w", command, err)
	}
	return nil
}

// errRefused says that the server answered NO or BAD.
var errRefused = errors.New("the server says")

// await reads up to the tagged answer and returns an error unless it is OK.
func (w *wire) await(tag string) error {
	asked, err := w.awaitAsked(tag)
	if asked {
		return errors.New("the server asks for a literal that nobody announced")
	}
	return err
}

// awaitAsked reads up to the tagged answer, which is an error unless it is OK, or up
// to the request to go on (RFC 3501 section 7.5).
func (w *wire) awaitAsked(tag string) (asked bool, err error) {
	said := ""
	for {
		line, err := w.r.ReadString('\n')
		if err != nil {
			return false, fmt.Errorf("read the answer: %w; the server last said %q", err, said)
		}
		said = line
		if strings.HasPrefix(line, "+ ") {
			return true, nil
		}
		if status, ok := strings.CutPrefix(line, tag+" "); ok {
			if strings.HasPrefix(status, "OK") {
				return false, nil
			}
			return false, fmt.Errorf("%w %s", errRefused, strings.TrimSpace(status))
		}
	}
}
