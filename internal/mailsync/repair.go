package mailsync

import (
	"io"
	"slices"
	"strings"
)

// mender reads a message and gives it repaired. The same message and steps give
// the same bytes, so its length is known once it was read to io.Discard. It holds
// less than 1 MiB. Its canonical fingerprint (canonHash) is the message's, with two
// exceptions: fields of more than 32 KiB with bytes above 127, and values where such
// bytes are within or touch something that looks like an encoded word.
//
// A part whose lines are broken stays what it is: base64 is put into lines of 76,
// quoted-printable is broken by soft line ends, other text becomes quoted-printable
// and all else base64, messages in messages too. Lines of a header are folded, and
// lines outside of the parts, which nobody reads, are cut.
type mender struct {
	from   io.Reader
	steps  []repairStep
	survey *survey
	long   []longPart // still to come
	err    error      // of from; io.EOF when the end was worked on

	buffer, clean []byte
	out           []byte // what is to be read, from read on
	read          int
	ends          lineEnds
	walk          *walker // nil when no step needs the structure
	fold          fieldFolder
	changed       bool    // the field under way
	remake        encoder // of the body under way; nil leaves it
	unended       bool    // what was encoded last has no line end
	column        int     // outside of parts
}

// newMender makes a mender of a message that s has seen to its end. long-lines and
// header-8bit work on lines, so with one of them line-ends and nul are done too
// where they apply; done tells. limit is the longest line that the target takes,
// as in survey.steps.
func newMender(from io.Reader, s *survey, limit int, steps ...repairStep) *mender {
	m := &mender{from: from, survey: s, buffer: make([]byte, piece)}
	structure := slices.Contains(steps, repairLongLines) || slices.Contains(steps, repairHeader8Bit)
	for _, step := range s.steps(limit) {
		if slices.Contains(steps, step) || structure && (step == repairLineEnds || step == repairNUL) {
			m.steps = append(m.steps, step)
		}
	}
	m.ends.keepNUL = !m.does(repairNUL)
	m.fold.out = m.put
	if m.does(repairLongLines) || m.does(repairHeader8Bit) {
		m.walk = &walker{}
		m.walk.to(m)
	}
	for _, part := range s.long {
		if m.does(repairLongLines) && part.longest > max(limit, lineLimit) {
			m.long = append(m.long, part)
		}
	}
	return m
}

// done are the steps that change the message, in their order.
func (m *mender) done() []repairStep { return m.steps }

func (m *mender) does(step repairStep) bool { return slices.Contains(m.steps, step) }

// Read gives the repaired message. Its errors are those of the message's reader.
func (m *mender) Read(into []byte) (int, error) {
	for m.read == len(m.out) {
		if m.err != nil {
			return 0, m.err
		}
		m.out, m.read = m.out[:0], 0
		var n int
		n, m.err = m.from.Read(m.buffer)
		m.work(m.buffer[:n])
		if m.err == io.EOF { //nolint:errorlint // io.Reader gives io.EOF itself
			m.finish()
		}
	}
	n := copy(into, m.out[m.read:])
	m.read += n
	return n, nil
}

// work takes the next bytes of the message.
func (m *mender) work(raw []byte) {
	switch {
	case m.walk != nil:
		m.clean = m.ends.feed(m.clean[:0], raw)
		m.walk.write(m.clean)
	case m.does(repairLineEnds):
		m.clean = m.ends.feed(m.clean[:0], raw)
		m.put(m.clean)
	case m.does(repairNUL):
		for _, b := range raw {
			if b != 0 {
				m.out = append(m.out, b)
			}
		}
	default:
		m.out = append(m.out, raw...)
	}
}

func (m *mender) finish() {
	m.clean = m.ends.finish(m.clean[:0])
	if m.walk == nil {
		m.put(m.clean)
		return
	}
	m.walk.write(m.clean)
	m.walk.finish()
	if m.unended {
		m.put(lineEnd)
	}
}

// put gives out lines that end in LF.
func (m *mender) put(text []byte) {
	for _, b := range text {
		if b == '\n' {
			m.out = append(m.out, '\r')
		}
		m.out = append(m.out, b)
	}
}

// due reports whether the body of e has lines to break.
func (m *mender) due(e *entity) bool { return len(m.long) > 0 && m.long[0].order == e.order }

func (m *mender) field(e *entity, f fieldPiece) {
	replaced := m.due(e) && !encodes(m.long[0].encoding)
	if replaced && f.name == "content-transfer-encoding" {
		return
	}
	if f.first {
		m.fold.begin(f.name, f.value)
		m.changed = false
	}
	text := f.raw
	if m.does(repairHeader8Bit) && has8Bit(text) {
		m.changed = true
		text = asciiField(f)
	}
	if m.does(repairLongLines) || m.changed {
		m.fold.add(text)
	} else {
		m.put(text)
	}
	if f.last {
		m.fold.end()
	}
}

// headerEnd names the encoding that a body gets.
func (m *mender) headerEnd(e *entity, blank bool) {
	m.remake = nil
	if m.due(e) && blank {
		encoding := m.long[0].encoding
		if !encodes(encoding) {
			encoding = "base64"
			if strings.HasPrefix(e.mediaType, "text/") {
				encoding = "quoted-printable"
			}
			if e.depth == 0 && !e.versioned {
				m.put([]byte("MIME-Version: 1.0\n"))
			}
			m.put([]byte("Content-Transfer-Encoding: " + encoding + "\n"))
		}
		m.remake = encoderOf(m.long[0].encoding, encoding, m.put)
	}
	if m.due(e) {
		m.long = m.long[1:]
	}
	if blank {
		m.put(lineEnd)
	}
	m.column = 0
}

// encodes reports whether a transfer encoding encodes.
func encodes(encoding string) bool { return encoding == "base64" || encoding == "quoted-printable" }

func (m *mender) body(_ *entity, text []byte) {
	if m.remake != nil {
		m.remake.add(text)
		return
	}
	m.put(text)
}

// around cuts lines. One must not begin as a delimiter does.
func (m *mender) around(_ *entity, text []byte) {
	if !m.does(repairLongLines) {
		m.put(text)
		return
	}
	for i, b := range text {
		switch {
		case b == '\n':
			m.column = 0
		case m.column == lineLimit:
			m.put([]byte("\n "))
			m.column = 2
		default:
			m.column++
		}
		m.put(text[i : i+1])
	}
}

func (m *mender) delimiter(line []byte, owed bool) {
	if owed {
		m.put(lineEnd)
	}
	m.put(line)
	m.column, m.unended = 0, false
}

func (m *mender) end(*entity) {
	if m.remake != nil {
		m.unended = m.remake.end()
		m.remake = nil
	}
}
