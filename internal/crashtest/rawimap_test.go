package crashtest

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// rawClient speaks just enough IMAP to fill and to read a mailbox. It shares
// nothing with the product's client.
type rawClient struct {
	conn   net.Conn
	reader *bufio.Reader
	serial int
	// plain: the server has neither LITERAL+ nor MULTIAPPEND.
	plain bool
}

// rawLimit bounds everything a rawClient does.
const rawLimit = 5 * time.Minute

func dialRaw(ctx context.Context, addr, user, password string) (*rawClient, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(rawLimit))
	c := &rawClient{conn: conn, reader: bufio.NewReaderSize(conn, 1<<16)}
	if _, err := c.line(); err != nil {
		return nil, err
	}
	if _, err := c.ask(fmt.Sprintf("LOGIN %q %q", user, password)); err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

func (c *rawClient) close() { c.conn.Close() }

func (c *rawClient) line() (string, error) {
	text, err := c.reader.ReadString('\n')
	return strings.TrimRight(text, "\r\n"), err
}

// ask sends a command and gives the untagged lines of its answer.
func (c *rawClient) ask(command string) ([]string, error) {
	c.serial++
	tag := "r" + strconv.Itoa(c.serial)
	if _, err := io.WriteString(c.conn, tag+" "+command+"\r\n"); err != nil {
		return nil, err
	}
	var lines []string
	for {
		line, err := c.line()
		if err != nil {
			return nil, fmt.Errorf("%.60s: %w", command, err)
		}
		if rest, ended := strings.CutPrefix(line, tag+" "); ended {
			if !strings.HasPrefix(rest, "OK") {
				err = fmt.Errorf("%.60s: %s", command, rest)
			}
			return lines, err
		}
		lines = append(lines, line)
	}
}

// deliver appends letters of any folders, many in one command (RFC 3502) where the
// server has that.
func (c *rawClient) deliver(letters []letter) error {
	if c.plain {
		for _, l := range letters {
			if err := c.deliverPlain(l); err != nil {
				return err
			}
		}
		return nil
	}
	byFolder := map[string][]letter{}
	var order []string
	for _, l := range letters {
		if byFolder[l.folder] == nil {
			order = append(order, l.folder)
		}
		byFolder[l.folder] = append(byFolder[l.folder], l)
	}
	for _, folder := range order {
		for group := range slices.Chunk(byFolder[folder], 100) {
			if _, err := c.ask(appendCommand(folder, group)); err != nil {
				return err
			}
		}
	}
	return nil
}

// deliverPlain appends one letter, which it sends when it is asked for it.
func (c *rawClient) deliverPlain(l letter) error {
	c.serial++
	tag := "r" + strconv.Itoa(c.serial)
	if _, err := fmt.Fprintf(c.conn, "%s APPEND %q (%s) %q {%d}\r\n", tag, l.folder, strings.Join(l.flags, " "), l.date.Format("_2-Jan-2006 15:04:05 -0700"), len(l.raw)); err != nil {
		return err
	}
	for {
		line, err := c.line()
		switch rest, ended := strings.CutPrefix(line, tag+" "); {
		case err != nil:
			return err
		case strings.HasPrefix(line, "+"):
			if _, err := c.conn.Write(append(slices.Clip(l.raw), "\r\n"...)); err != nil {
				return err
			}
		case ended && strings.HasPrefix(rest, "OK"):
			return nil
		case ended:
			return fmt.Errorf("APPEND to %s: %s", l.folder, rest)
		}
	}
}

func appendCommand(folder string, letters []letter) string {
	var b strings.Builder
	fmt.Fprintf(&b, "APPEND %q", folder)
	for _, l := range letters {
		fmt.Fprintf(&b, " (%s) %q {%d+}\r\n", strings.Join(l.flags, " "), l.date.Format("_2-Jan-2006 15:04:05 -0700"), len(l.raw))
		b.Write(l.raw)
	}
	return b.String()
}

// create makes folders; that they exist is no error.
func (c *rawClient) create(names ...string) {
	for _, name := range names {
		_, _ = c.ask(fmt.Sprintf("CREATE %q", name))
	}
}

// print is what must be the same on both sides of a message.
type print struct {
	folder string
	sum    [sha256.Size]byte
	date   int64
	flags  string
}

var (
	fetchLine = regexp.MustCompile(`^\* \d+ FETCH \(FLAGS \(([^)]*)\) INTERNALDATE "([^"]*)" BODY\[\] \{(\d+)\}$`)
	newsLine  = regexp.MustCompile(`^\* (\d+ (EXISTS|RECENT|EXPUNGE)|OK .*|\d+ FETCH \(FLAGS \([^)]*\)\))$`)
)

// prints reads a folder as a multiset.
func (c *rawClient) prints(folder string, into map[print]int) error {
	if _, err := c.ask(fmt.Sprintf("EXAMINE %q", folder)); err != nil {
		return err
	}
	c.serial++
	tag := "r" + strconv.Itoa(c.serial) + " "
	if _, err := io.WriteString(c.conn, tag+"UID FETCH 1:* (FLAGS INTERNALDATE BODY.PEEK[])\r\n"); err != nil {
		return err
	}
	for {
		line, err := c.line()
		if err != nil {
			return err
		}
		if strings.HasPrefix(line, tag) {
			return nil
		}
		if newsLine.MatchString(line) {
			continue
		}
		// The server adds the UID to the items that were asked for.
		m := fetchLine.FindStringSubmatch(uidItem.ReplaceAllString(line, ""))
		if m == nil {
			return fmt.Errorf("a line of FETCH: %.120q", line)
		}
		if err := c.print(folder, m, into); err != nil {
			return err
		}
	}
}

var uidItem = regexp.MustCompile(`UID \d+ `)

func (c *rawClient) print(folder string, m []string, into map[print]int) error {
	size, err := strconv.Atoi(m[3])
	if err != nil {
		return err
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(c.reader, body); err != nil {
		return err
	}
	if end, err := c.line(); err != nil || end != ")" {
		return fmt.Errorf("the end of a FETCH is %q, %w", end, err)
	}
	date, err := time.Parse("_2-Jan-2006 15:04:05 -0700", m[2])
	if err != nil {
		return err
	}
	flags := slices.DeleteFunc(strings.Fields(m[1]), func(f string) bool { return f == `\Recent` })
	slices.Sort(flags)
	into[print{folder, sha256.Sum256(body), date.Unix(), strings.Join(flags, " ")}]++
	return nil
}

// printOf is the print of a letter, whose flags must be in order.
func printOf(l letter) print {
	return print{l.folder, sha256.Sum256(l.raw), l.date.Unix(), strings.Join(l.flags, " ")}
}

// census reads a folder of a user.
func census(ctx context.Context, addr, user, password, folder string) (map[print]int, error) {
	c, err := dialRaw(ctx, addr, user, password)
	if err != nil {
		return nil, err
	}
	defer c.close()
	into := map[print]int{}
	return into, c.prints(folder, into)
}
