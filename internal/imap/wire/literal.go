package wire

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math"
	"strconv"
)

// Literal is a literal on its way. It reads straight from the stream; what is
// left of it is skipped before anything else is read.
type Literal struct {
	r    *Reader
	size int64
	left int64
	err  error
	// inList is set for the literal of a message, whose last byte is given only
	// when what follows it fits.
	inList bool
}

// ErrStray says that a message does not end where it was announced to end. What
// was read of it is not the message, and the stream is lost.
var ErrStray = errors.New("a message does not end where the server announced")

// InList has the literal's last byte read only when a list goes on or ends behind
// it, so that a message announced too short is never taken for whole.
func (l *Literal) InList() *Literal {
	l.inList = true
	return l
}

// Size is the length the server announced.
func (l *Literal) Size() int64 { return l.size }

// Left is what has not been read yet.
func (l *Literal) Left() int64 { return l.left }

// Read gives the literal's bytes. A stream that ends inside gives
// io.ErrUnexpectedEOF.
func (l *Literal) Read(p []byte) (int, error) {
	if l.err != nil {
		return 0, l.err
	}
	if l.left == 0 {
		return 0, io.EOF
	}
	most := l.left
	if l.inList && most > 1 {
		most--
	} else if l.inList {
		if l.err = l.ends(); l.err != nil {
			return 0, l.err
		}
	}
	if int64(len(p)) > most {
		p = p[:most]
	}
	n, err := l.r.in.Read(p)
	l.left -= int64(n)
	if err != nil {
		l.err = unexpected(err)
		err = l.err
	}
	return n, err
}

// ends looks behind the last byte: there must be the end of the list and of the
// line, or a space and the next word.
func (l *Literal) ends() error {
	ahead, err := l.r.in.Peek(3)
	if err != nil {
		return unexpected(err)
	}
	switch next := ahead[2]; ahead[1] {
	case ')':
		if next == '\r' || next == '\n' || next == ' ' {
			return nil
		}
	case ' ':
		if next >= ' ' && next < 0x7f {
			return nil
		}
	}
	return ErrStray
}

// Drain skips what is left.
func (l *Literal) Drain() error {
	if l.err != nil {
		return l.err
	}
	for l.left > 0 {
		n, err := l.r.in.Discard(int(min(l.left, 1<<30)))
		l.left -= int64(n)
		if err != nil {
			l.err = unexpected(err)
			return l.err
		}
	}
	return nil
}

// Literal reads the head of a literal of at most most bytes (RFC 3501 section
// 4.3; RFC 7888; literal8 of RFC 3516), if one is next. A brace that is none
// is left to Atom.
func (r *Reader) Literal(most int64) (l *Literal, isLiteral bool, err error) {
	size, length, found, err := r.literalHead()
	if err != nil || !found {
		return nil, false, err
	}
	if err := r.token(); err != nil {
		return nil, false, err
	}
	if size > most {
		return nil, false, limit("literal", most)
	}
	if _, err := r.in.Discard(length); err != nil {
		return nil, false, unexpected(err)
	}
	if r.line += length; r.line > r.maxLine {
		return nil, false, limit("response line", r.maxLine)
	}
	r.open = &Literal{r: r, size: size, left: size}
	return r.open, true, nil
}

// headMost is the longest head of a literal that is looked for; one with a length
// that fits needs 26 bytes: "~{", 20 digits, "+}", CRLF.
const headMost = 64

// literalHead looks for "{n}" and a line end ahead, without taking them. It
// waits for one byte more at a time, so as not to wait for one that is not
// coming.
func (r *Reader) literalHead() (size int64, length int, found bool, err error) {
	for n := 1; n <= headMost; n++ {
		ahead, err := r.in.Peek(n)
		if err != nil {
			return 0, 0, false, unexpected(err)
		}
		switch b := ahead[n-1]; {
		case b == '\n':
			size, isHead := parseHead(ahead)
			return size, n, isHead, nil
		case b >= '0' && b <= '9', b == '{', b == '}', b == '~', b == '+', b == '-', b == '\r':
		default:
			return 0, 0, false, nil
		}
	}
	return 0, 0, false, nil
}

// parseHead reads a literal's head that ends the line. isHead is false when the
// line ends in something else. A size beyond counting is the largest there is,
// which no limit allows.
func parseHead(line []byte) (size int64, isHead bool) {
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	if len(line) == 0 || line[len(line)-1] != '}' {
		return 0, false
	}
	start := bytes.LastIndexByte(line, '{')
	if start < 0 {
		return 0, false
	}
	digits := line[start+1 : len(line)-1]
	if n := len(digits); n > 0 && (digits[n-1] == '+' || digits[n-1] == '-') {
		digits = digits[:n-1]
	}
	if len(digits) == 0 {
		return 0, false
	}
	for _, b := range digits {
		if b < '0' || b > '9' {
			return 0, false
		}
	}
	size, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil {
		size = math.MaxInt64
	}
	return size, true
}

// Skip takes one value, whatever it is: an atom, a string, a literal of any
// kind, or a list of these. It builds nothing and does not recurse.
func (r *Reader) Skip() error {
	depth := 0
	for {
		b, err := r.Peek()
		if err != nil {
			return err
		}
		switch b {
		case '(':
			depth++
			if depth > r.limits.Depth {
				return limit("nesting", r.limits.Depth)
			}
			err = errors.Join(r.token(), r.take())
		case ')':
			if depth == 0 {
				return syntax("a value")
			}
			depth--
			err = r.take()
		case ' ':
			err = r.take()
		case '"':
			_, err = r.quoted()
		case '\r', '\n':
			return syntax("a value")
		default:
			err = r.skipWord()
		}
		if err != nil || depth == 0 && b != ' ' {
			return err
		}
	}
}

func (r *Reader) skipWord() error {
	literal, isLiteral, err := r.Literal(r.limits.Skipped)
	if err != nil {
		return err
	}
	if isLiteral {
		return literal.Drain()
	}
	_, err = r.Atom()
	return err
}

// SkipLine takes the rest of the response, literals and line end included. It
// is how reading goes on after a response that is unknown or malformed.
func (r *Reader) SkipLine() error {
	if r.open != nil {
		if err := r.open.Drain(); err != nil {
			return err
		}
		r.open = nil
	}
	for {
		size, isLiteral, err := r.skipToEnd()
		if err != nil || !isLiteral {
			return err
		}
		if err := r.token(); err != nil {
			return err
		}
		if size > r.limits.Skipped {
			return limit("literal", r.limits.Skipped)
		}
		if err := (&Literal{r: r, left: size}).Drain(); err != nil {
			return err
		}
	}
}

// skipToEnd takes everything up to a line end, and says whether that announced
// a literal.
func (r *Reader) skipToEnd() (size int64, isLiteral bool, err error) {
	var tail []byte
	for {
		chunk, err := r.in.ReadSlice('\n')
		r.line += len(chunk)
		if r.line > r.maxLine {
			return 0, false, limit("response line", r.maxLine)
		}
		tail = append(tail, chunk[max(0, len(chunk)-headMost):]...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			return 0, false, unexpected(err)
		}
		size, isLiteral = parseHead(tail)
		return size, isLiteral, nil
	}
}

// Prefix reads a string as String does, but of one longer than most bytes it
// keeps the first most and skips the rest: for header fields, which anybody who
// can send mail can make long.
func (r *Reader) Prefix(most int) (text []byte, null bool, err error) {
	literal, isLiteral, err := r.Literal(r.limits.Skipped)
	if err != nil {
		return nil, false, err
	}
	if !isLiteral {
		text, null, err = r.String()
		return text[:min(len(text), most)], null, err
	}
	rest := literal.left - min(literal.left, int64(most))
	literal.left -= rest
	text, err = r.hold(literal)
	if err != nil {
		return nil, false, err
	}
	return text, false, (&Literal{r: r, left: rest}).Drain()
}
