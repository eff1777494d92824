package wire

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
)

// bufferSize is what one read from the connection may bring.
const bufferSize = 64 << 10

// Reader reads responses. It is for one goroutine.
type Reader struct {
	in      *bufio.Reader
	limits  Limits
	maxLine int
	// line, tokens and literals count what the response at hand has cost.
	line, tokens int
	literals     int64
	open         *Literal
	scratch      []byte
}

// NewReader makes a reader with the limits' defaults filled in.
func NewReader(in io.Reader, limits Limits) *Reader {
	limits = limits.WithDefaults()
	return &Reader{in: bufio.NewReaderSize(in, bufferSize), limits: limits, maxLine: limits.Line}
}

// Limits gives the limits in force.
func (r *Reader) Limits() Limits { return r.limits }

// Buffered is the number of bytes received and not yet read.
func (r *Reader) Buffered() int { return r.in.Buffered() }

// Begin starts a response: it waits for its first byte and resets the counters.
func (r *Reader) Begin() error {
	r.line, r.tokens, r.literals, r.maxLine = 0, 0, 0, r.limits.Line
	if cap(r.scratch) > bufferSize {
		r.scratch = nil // one long line must not cost memory for good
	}
	_, err := r.in.Peek(1)
	return err
}

// Allow raises the limit of the response at hand to n bytes.
func (r *Reader) Allow(n int) { r.maxLine = max(r.maxLine, n) }

// Peek gives the next byte without taking it.
func (r *Reader) Peek() (byte, error) {
	b, err := r.in.Peek(1)
	if err != nil {
		return 0, unexpected(err)
	}
	return b[0], nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// take consumes the byte that Peek gave.
func (r *Reader) take() error {
	if _, err := r.in.Discard(1); err != nil {
		return unexpected(err)
	}
	r.line++
	if r.line > r.maxLine {
		return limit("response line", r.maxLine)
	}
	return nil
}

func (r *Reader) token() error {
	r.tokens++
	if r.tokens > r.limits.Tokens {
		return limit("number of tokens", r.limits.Tokens)
	}
	return nil
}

// Try takes the byte if it is next.
func (r *Reader) Try(b byte) (bool, error) {
	next, err := r.Peek()
	if err != nil || next != b {
		return false, err
	}
	return true, r.take()
}

// Expect takes the byte, which must be next.
func (r *Reader) Expect(b byte) error {
	found, err := r.Try(b)
	if err == nil && !found {
		return syntax(strconv.QuoteRune(rune(b)))
	}
	return err
}

// Spaces takes any number of spaces, where servers send more or fewer than the
// grammar has.
func (r *Reader) Spaces() error {
	for {
		found, err := r.Try(' ')
		if err != nil || !found {
			return err
		}
	}
}

// End takes the line end. A bare LF passes, because some servers send it.
func (r *Reader) End() error {
	if err := r.Spaces(); err != nil {
		return err
	}
	if _, err := r.Try('\r'); err != nil {
		return err
	}
	return r.Expect('\n')
}

// AtEnd reports whether the line end is next.
func (r *Reader) AtEnd() (bool, error) {
	b, err := r.Peek()
	return b == '\r' || b == '\n', err
}

// Atom reads up to a space, parenthesis, quote or line end. More passes than
// RFC 3501's ATOM-CHAR: servers send flags and folder names with anything in
// them. The bytes are valid until the next call.
func (r *Reader) Atom() ([]byte, error) { return r.until(isDelimiter) }

// Name reads an attribute's name, which also ends at "[" and "<".
func (r *Reader) Name() ([]byte, error) {
	return r.until(func(b byte) bool { return isDelimiter(b) || b == '[' || b == '<' })
}

// Section reads the part of a FETCH attribute in brackets, and a partial's
// origin after it (RFC 3501 section 7.4.2): "[HEADER.FIELDS (DATE)]<0>".
// Nothing there is no error.
func (r *Reader) Section() ([]byte, error) {
	r.scratch = r.scratch[:0]
	for _, pair := range [2]string{"[]", "<>"} {
		if found, err := r.Try(pair[0]); err != nil {
			return nil, err
		} else if !found {
			continue
		}
		r.scratch = append(r.scratch, pair[0])
		for {
			b, err := r.Peek()
			if err != nil {
				return nil, err
			}
			if b == '\r' || b == '\n' {
				return nil, syntax("a section")
			}
			if err := r.take(); err != nil {
				return nil, err
			}
			r.scratch = append(r.scratch, b)
			if b == pair[1] {
				break
			}
		}
	}
	return r.scratch, nil
}

func isDelimiter(b byte) bool {
	switch b {
	case ' ', '(', ')', '"', '\r', '\n':
		return true
	}
	return false
}

func (r *Reader) until(stop func(byte) bool) ([]byte, error) {
	if err := r.token(); err != nil {
		return nil, err
	}
	r.scratch = r.scratch[:0]
	for {
		b, err := r.Peek()
		if err != nil {
			return nil, err
		}
		if stop(b) {
			break
		}
		if err := r.take(); err != nil {
			return nil, err
		}
		r.scratch = append(r.scratch, b)
	}
	if len(r.scratch) == 0 {
		return nil, syntax("an atom")
	}
	return r.scratch, nil
}

// Number reads digits.
func (r *Reader) Number() (uint64, error) {
	if err := r.token(); err != nil {
		return 0, err
	}
	return r.digits()
}

func (r *Reader) digits() (uint64, error) {
	var n uint64
	for count := 0; ; count++ {
		b, err := r.Peek()
		if err != nil {
			return 0, err
		}
		if b < '0' || b > '9' {
			if count == 0 {
				return 0, syntax("a number")
			}
			return n, nil
		}
		if n > (1<<64-1-uint64(b-'0'))/10 {
			return 0, syntax("a smaller number")
		}
		if err := r.take(); err != nil {
			return 0, err
		}
		n = n*10 + uint64(b-'0')
	}
}

// String reads an atom, a quoted string or a literal that is not a message. The
// bytes are valid until the next call. null is true for the atom NIL.
func (r *Reader) String() (text []byte, null bool, err error) {
	b, err := r.Peek()
	if err != nil {
		return nil, false, err
	}
	switch b {
	case '"':
		text, err = r.quoted()
		return text, false, err
	case '{', '~':
		literal, isLiteral, err := r.Literal(int64(r.limits.Literal))
		if err != nil {
			return nil, false, err
		}
		if isLiteral {
			text, err = r.hold(literal)
			return text, false, err
		}
	}
	text, err = r.Atom()
	return text, err == nil && len(text) == 3 && bytes.EqualFold(text, []byte("NIL")), err
}

// hold reads a literal into memory that grows with what arrives.
func (r *Reader) hold(l *Literal) ([]byte, error) {
	r.literals += l.left
	if r.literals > r.limits.Literals {
		return nil, limit("total of a response's literals", r.limits.Literals)
	}
	r.scratch = r.scratch[:0]
	for l.left > 0 {
		if _, err := r.in.Peek(1); err != nil {
			return nil, unexpected(err)
		}
		chunk, _ := r.in.Peek(int(min(l.left, int64(r.in.Buffered()))))
		r.scratch = append(r.scratch, chunk...)
		l.left -= int64(len(chunk))
		_, _ = r.in.Discard(len(chunk))
	}
	r.open = nil
	return r.scratch, nil
}

func (r *Reader) quoted() ([]byte, error) {
	if err := r.token(); err != nil {
		return nil, err
	}
	if err := r.take(); err != nil {
		return nil, err
	}
	r.scratch = r.scratch[:0]
	for escaped := false; ; {
		b, err := r.Peek()
		if err != nil {
			return nil, err
		}
		if b == '\r' || b == '\n' {
			return nil, syntax("the end of a quoted string")
		}
		if err := r.take(); err != nil {
			return nil, err
		}
		switch {
		case escaped:
			escaped = false
		case b == '\\':
			escaped = true
			continue
		case b == '"':
			return r.scratch, nil
		}
		r.scratch = append(r.scratch, b)
	}
}

// Text reads the rest of the line, and its end. There are no literals in it.
func (r *Reader) Text() (string, error) {
	r.scratch = r.scratch[:0]
	for {
		chunk, err := r.in.ReadSlice('\n')
		r.line += len(chunk)
		if r.line > r.maxLine {
			return "", limit("response line", r.maxLine)
		}
		r.scratch = append(r.scratch, chunk...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			return "", unexpected(err)
		}
		return string(bytes.TrimRight(r.scratch, "\r\n")), nil
	}
}

// Take gives the next n bytes as they are, whatever they mean.
func (r *Reader) Take(n int) ([]byte, error) {
	taken := make([]byte, n)
	_, err := io.ReadFull(r.in, taken)
	return taken, err
}
