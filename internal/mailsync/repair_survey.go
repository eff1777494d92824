package mailsync

import (
	"slices"
	"strings"
)

// repairStep is something done to a message that a target refuses as it is.
type repairStep string

// The steps, in the order in which they are tried, each on top of those before it.
const (
	// repairLineEnds makes CRLF of LF and CR that stand alone (RFC 5322 section 2.3).
	repairLineEnds repairStep = "line-ends"
	// repairNUL removes NULs, which no literal may have (RFC 9051 section 4.3).
	repairNUL repairStep = "nul"
	// repairLongLines breaks lines over the limit (RFC 5322 section 2.1.1).
	repairLongLines repairStep = "long-lines"
	// repairHeader8Bit puts bytes above 127 in header fields into encoded words (RFC
	// 2047), and those in parameters into the form of RFC 2231.
	repairHeader8Bit repairStep = "header-8bit"
)

// sentence says to people what the step did.
func (s repairStep) sentence() string {
	switch s {
	case repairLineEnds:
		return "lines that did not end in CRLF were made to"
	case repairNUL:
		return "NUL bytes were removed"
	case repairLongLines:
		return "lines that were too long were broken or encoded anew"
	case repairHeader8Bit:
		return "characters beyond ASCII in the header were encoded"
	}
	return string(s)
}

// The bounds of lines, without the line end.
const (
	// lineLimit is the longest line of a repaired message, and the smallest limit a
	// target can have (RFC 5322 section 2.1.1).
	lineLimit = 998
	// longPartsMost is how many parts with long lines a survey remembers.
	longPartsMost = 10_000
)

// survey finds what a target may refuse in a message that is written to it. Lines
// and parts are those that the message has once its line ends are right. It holds
// less than 1 MiB.
type survey struct {
	hasNUL bool
	// bareLF says that there is LF without CR or CR without LF.
	bareLF bool
	// header8Bit says that a header of the message or of a part has bytes above 127.
	header8Bit bool
	// signed says that a part is signed, so that a step may break its signature.
	signed bool
	// longest is the longest line in bytes without its line end.
	longest int
	// mendable is the longest line that long-lines breaks. The only others are those
	// in parts with a transfer encoding that is not known.
	mendable int
	// long are the parts with lines over lineLimit, by number: the message is 0, its
	// parts count in the order of their beginning.
	long []longPart

	versioned bool // the message has MIME-Version
	afterCR   bool
	ends      lineEnds
	clean     []byte
	walk      walker
	column    int
	part      int // the longest line of the body under way
}

// longPart is a part with long lines in its body.
type longPart struct {
	order    int
	longest  int
	encoding string // its transfer encoding, in lower case
}

func newSurvey() *survey {
	s := &survey{}
	s.walk.to(s)
	return s
}

// Write takes the next bytes of the message. It never fails.
func (s *survey) Write(message []byte) (int, error) {
	for part := range slices.Chunk(message, piece) {
		for _, b := range part {
			s.hasNUL = s.hasNUL || b == 0
			s.bareLF = s.bareLF || s.afterCR != (b == '\n')
			s.afterCR = b == '\r'
		}
		s.clean = s.ends.feed(s.clean[:0], part)
		s.walk.write(s.clean)
	}
	return len(message), nil
}

// finish ends the message. The findings are complete then.
func (s *survey) finish() {
	s.bareLF = s.bareLF || s.afterCR
	s.walk.write(s.ends.finish(s.clean[:0]))
	s.walk.finish()
}

// steps are the steps that apply for a target whose longest line is limit bytes
// without CRLF; 0 stands for lineLimit, and so does less than that.
func (s *survey) steps(limit int) []repairStep {
	var steps []repairStep
	if s.bareLF {
		steps = append(steps, repairLineEnds)
	}
	if s.hasNUL {
		steps = append(steps, repairNUL)
	}
	if s.mendable > max(limit, lineLimit) {
		steps = append(steps, repairLongLines)
	}
	if s.header8Bit {
		steps = append(steps, repairHeader8Bit)
	}
	return steps
}

// measure takes text and gives the longest line that is under way or ends in it.
func (s *survey) measure(text []byte) int {
	longest := s.column
	for _, b := range text {
		if b == '\n' {
			s.column = 0
			continue
		}
		s.column++
		longest = max(longest, s.column)
	}
	s.longest = max(s.longest, longest)
	return longest
}

func (s *survey) field(_ *entity, f fieldPiece) {
	s.mendable = max(s.mendable, s.measure(f.raw))
	s.header8Bit = s.header8Bit || has8Bit(f.raw)
}

func (s *survey) headerEnd(e *entity, _ bool) {
	s.column, s.part = 0, 0
	s.signed = s.signed || e.signed
	if e.depth == 0 {
		s.versioned = e.versioned
	}
}

func (s *survey) body(_ *entity, text []byte) { s.part = max(s.part, s.measure(text)) }

func (s *survey) around(_ *entity, text []byte) { s.mendable = max(s.mendable, s.measure(text)) }

func (s *survey) delimiter(line []byte, _ bool) {
	s.column = 0
	s.measure(line)
}

func (s *survey) end(e *entity) {
	s.column = 0
	if e.boundary != "" || s.part <= lineLimit || !mends(e.encoding) || len(s.long) == longPartsMost {
		return
	}
	s.mendable = max(s.mendable, s.part)
	s.long = append(s.long, longPart{order: e.order, longest: s.part, encoding: strings.Clone(e.encoding)})
}

// mends reports whether a body in a transfer encoding can be encoded anew (RFC 2045
// section 6.1). Others, as x-uuencode, would be lost.
func mends(encoding string) bool {
	switch encoding {
	case "", "7bit", "8bit", "binary", "base64", "quoted-printable":
		return true
	}
	return false
}
