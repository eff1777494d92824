package wire

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Command collects one command line. Errors stick and are given by Bytes.
type Command struct {
	// NonSync says whether literals may be sent without waiting ("{n+}",
	// RFC 7888), and up to which size; zero for not at all.
	NonSync int
	buf     []byte
	waits   []int
	err     error
}

// Raw adds protocol text of the program's own: never anything from outside.
func (c *Command) Raw(text string) *Command {
	c.buf = append(c.buf, text...)
	return c
}

// Number adds a number.
func (c *Command) Number(n uint64) *Command {
	c.buf = strconv.AppendUint(c.buf, n, 10)
	return c
}

// String adds an astring (RFC 3501 section 9) in the plainest form that can
// carry it. NUL cannot be carried.
func (c *Command) String(text string) *Command {
	switch {
	case strings.ContainsRune(text, 0):
		c.fail(errors.New("text holds a NUL"))
	case IsAtom(text):
		c.buf = append(c.buf, text...)
	default:
		c.Quoted(text)
	}
	return c
}

// Quoted adds a string (RFC 3501 section 9): quoted when it can be, otherwise
// a literal.
func (c *Command) Quoted(text string) *Command {
	if strings.ContainsRune(text, 0) {
		return c.fail(errors.New("text holds a NUL"))
	}
	if !quotable(text) {
		return c.literal(text)
	}
	c.buf = append(c.buf, '"')
	for i := range len(text) {
		if text[i] == '"' || text[i] == '\\' {
			c.buf = append(c.buf, '\\')
		}
		c.buf = append(c.buf, text[i])
	}
	c.buf = append(c.buf, '"')
	return c
}

func (c *Command) literal(text string) *Command {
	c.buf = append(c.buf, '{')
	c.buf = strconv.AppendInt(c.buf, int64(len(text)), 10)
	if len(text) <= c.NonSync {
		c.buf = append(c.buf, "+}\r\n"...)
	} else {
		c.buf = append(c.buf, "}\r\n"...)
		c.waits = append(c.waits, len(c.buf))
	}
	c.buf = append(c.buf, text...)
	return c
}

// Flags adds a flag list. A name that is no flag (RFC 3501 section 9, flag) is
// an error, because most servers answer BAD to the whole command.
func (c *Command) Flags(flags []string) *Command {
	c.buf = append(c.buf, '(')
	for i, flag := range flags {
		if !IsFlag(flag) {
			return c.fail(fmt.Errorf("%.40q is not a flag name that IMAP can carry", flag))
		}
		if i > 0 {
			c.buf = append(c.buf, ' ')
		}
		c.buf = append(c.buf, flag...)
	}
	c.buf = append(c.buf, ')')
	return c
}

// Fail makes the command invalid.
func (c *Command) fail(err error) *Command {
	if c.err == nil {
		c.err = err
	}
	return c
}

// Bytes gives the line without its CRLF, and the offsets before which the
// server's "+" must be awaited.
func (c *Command) Bytes() (line []byte, waits []int, err error) { return c.buf, c.waits, c.err }

// IsAtom reports whether the text can stand as an atom and is not NIL.
func IsAtom(text string) bool {
	if text == "" || strings.EqualFold(text, "NIL") {
		return false
	}
	for i := range len(text) {
		if !isAtomChar(text[i]) {
			return false
		}
	}
	return true
}

// IsFlag reports whether the text is a flag or keyword that a command may carry.
func IsFlag(text string) bool {
	name := strings.TrimPrefix(text, `\`)
	if name == "" {
		return false
	}
	for i := range len(name) {
		if !isAtomChar(name[i]) {
			return false
		}
	}
	return true
}

// isAtomChar is ATOM-CHAR of RFC 3501 section 9.
func isAtomChar(b byte) bool {
	return b > ' ' && b < 0x7f && !strings.ContainsRune(`(){%*"\]`, rune(b))
}

// quotable is the text of a quoted string (QUOTED-CHAR). Control characters
// other than CR and LF would be allowed, but not every server takes them.
func quotable(text string) bool {
	if len(text) > 1000 {
		return false
	}
	for i := range len(text) {
		if text[i] < ' ' || text[i] >= 0x7f {
			return false
		}
	}
	return true
}
