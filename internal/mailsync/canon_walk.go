package mailsync

import (
	"bytes"
	"strings"
)

// The bounds of what a walker holds.
const (
	// nestedMost is how deep parts of parts are looked into.
	nestedMost = 20
	// lineHeld is how much of a line is held to see what it is. A delimiter line is
	// not longer.
	lineHeld = 512
	// boundaryMost is the longest boundary that counts; RFC 2046 section 5.1.1 has 70.
	boundaryMost = 200
	// nameMost is the longest name of a field.
	nameMost = 256
	// fieldHeld is how much of a field is held to be seen at once.
	fieldHeld = 64 << 10
)

var lineEnd = []byte("\n")

// visitor sees a message as a walker goes through it. The bytes are only good
// during the call. Lines end in LF.
type visitor interface {
	// field has a field of e's header, or a piece of one above fieldHeld bytes.
	field(e *entity, f fieldPiece)
	// headerEnd says that e's header is complete; blank says that the empty line
	// was there.
	headerEnd(e *entity, blank bool)
	// body has content of an entity without parts, as it is encoded. The line end
	// before a delimiter is not content.
	body(e *entity, text []byte)
	// around has text of a multipart outside its parts.
	around(e *entity, text []byte)
	// delimiter has a delimiter line; owed says that a line end goes before it.
	delimiter(line []byte, owed bool)
	// end follows the last of an entity.
	end(e *entity)
}

// entity is a message or a part of one (RFC 2045 section 2.4).
type entity struct {
	order     int    // its number, the message's is 0
	depth     int    // in how many multiparts it is
	mediaType string // in lower case, without parameters
	encoding  string // its transfer encoding, in lower case
	boundary  string // of a multipart that is taken apart, else empty
	parts     int    // found so far
	closed    bool   // its last delimiter was there
	signed    bool   // it is signed (RFC 1847, RFC 8551) or in what is
	typed     bool   // it has Content-Type
	encoded   bool   // it has Content-Transfer-Encoding
	versioned bool   // it has MIME-Version
}

// fieldPiece is a field of a header, or a piece of one.
type fieldPiece struct {
	name        string // in lower case; empty for lines that are no field
	raw         []byte // with name and line ends
	value       int    // where the value begins in the first piece
	first, last bool
}

type walkState int

const (
	inHeader walkState = iota
	inBody
	inAround
)

// walker takes a message apart as it comes, in bounded memory. It takes lines that
// lineEnds has made. No text is an error: what is not MIME is a message without
// parts.
type walker struct {
	see   visitor
	open  []*entity // the entities around what comes, outermost first
	state walkState
	line  []byte // the start of a line, until it is known what it is
	told  bool   // what the line is is known
	owed  bool   // a line end of the body is not shown yet
	next  int    // the order of the next entity

	text    []byte // of the field under way
	name    string
	started bool // a piece of it was shown
}

// to sets who sees the message, before anything is written.
func (w *walker) to(see visitor) {
	w.see = see
	w.push(&entity{mediaType: "text/plain"})
}

func (w *walker) push(e *entity) {
	e.order, w.state = w.next, inHeader
	w.next++
	w.open = append(w.open, e)
}

func (w *walker) top() *entity { return w.open[len(w.open)-1] }

// write takes the next text.
func (w *walker) write(text []byte) {
	for len(text) > 0 {
		n := bytes.IndexByte(text, '\n') + 1
		ended := n > 0
		if !ended {
			n = len(text)
		}
		switch {
		case w.told:
			w.goOn(text[:n])
			w.told = !ended
		case len(w.line) == 0 && ended && n <= lineHeld:
			w.start(text[:n], true)
		default:
			n = min(n, lineHeld-len(w.line))
			w.line = append(w.line, text[:n]...)
			ended = text[n-1] == '\n'
			if w.told = !ended && len(w.line) == lineHeld; w.told || ended {
				w.start(w.line, ended)
				w.line = w.line[:0]
			}
		}
		text = text[n:]
	}
}

// finish ends the message.
func (w *walker) finish() {
	if len(w.line) > 0 {
		w.start(w.line, true)
	}
	if w.state == inHeader {
		w.endHeader(false)
	}
	w.pay()
	w.closeTo(0)
}

// start takes the start of a line, whole when that is all of it.
func (w *walker) start(line []byte, whole bool) {
	if whole && w.delimits(line) {
		return
	}
	switch w.state {
	case inHeader:
		if line[0] == '\n' {
			w.endHeader(true)
			return
		}
		if line[0] != ' ' && line[0] != '\t' {
			w.showField(true)
		}
		w.addField(line)
	case inBody:
		w.pay()
		w.addBody(line)
	case inAround:
		w.see.around(w.top(), line)
	}
}

// goOn takes more of a line.
func (w *walker) goOn(text []byte) {
	switch w.state {
	case inHeader:
		w.addField(text)
	case inBody:
		w.addBody(text)
	case inAround:
		w.see.around(w.top(), text)
	}
}

func (w *walker) addBody(text []byte) {
	last := len(text) - 1
	if w.owed = text[last] == '\n'; w.owed {
		text = text[:last]
	}
	if len(text) > 0 {
		w.see.body(w.top(), text)
	}
}

// pay shows the line end that is owed, because it is not a delimiter's.
func (w *walker) pay() {
	if w.owed {
		w.owed = false
		w.see.body(w.top(), lineEnd)
	}
}

// delimits takes a line if it is a delimiter of an open multipart. The outermost
// decides, so what is broken within a part stays there.
func (w *walker) delimits(line []byte) bool {
	if len(line) < 3 || line[0] != '-' || line[1] != '-' {
		return false
	}
	text := string(bytes.TrimRight(line[2:], " \t\n"))
	open := w.open
	if w.state == inHeader {
		open = open[:len(open)-1] // its own parts have not begun
	}
	for i, e := range open {
		if e.boundary == "" || e.closed || text != e.boundary && text != e.boundary+"--" {
			continue
		}
		w.closeTo(i + 1)
		w.see.delimiter(line, w.owed)
		w.owed = false
		if text != e.boundary {
			e.closed, w.state = true, inAround
			return true
		}
		e.parts++
		part := &entity{depth: i + 1, mediaType: "text/plain", signed: e.signed}
		if e.mediaType == "multipart/digest" {
			part.mediaType = "message/rfc822" // RFC 2046 section 5.1.5
		}
		w.push(part)
		return true
	}
	return false
}

// closeTo ends the innermost entities until n are left.
func (w *walker) closeTo(n int) {
	if len(w.open) > n && w.state == inHeader {
		w.endHeader(false)
	}
	for len(w.open) > n {
		w.see.end(w.top())
		w.open = w.open[:len(w.open)-1]
	}
}

func (w *walker) endHeader(blank bool) {
	w.showField(true)
	e := w.top()
	if !strings.HasPrefix(e.mediaType, "multipart/") || e.depth > nestedMost {
		e.boundary = ""
	}
	switch e.mediaType {
	case "multipart/signed", "application/pkcs7-mime", "application/x-pkcs7-mime":
		e.signed = true
	}
	w.state = inBody
	if e.boundary != "" {
		w.state = inAround
	}
	w.see.headerEnd(e, blank)
}

func (w *walker) addField(text []byte) {
	for len(text) > 0 {
		n := min(len(text), fieldHeld-len(w.text))
		w.text = append(w.text, text[:n]...)
		if text = text[n:]; len(w.text) == fieldHeld {
			w.showField(false)
		}
	}
}

// showField shows the field under way, if there is one.
func (w *walker) showField(last bool) {
	if len(w.text) == 0 && !w.started {
		return
	}
	f := fieldPiece{name: w.name, raw: w.text, first: !w.started, last: last}
	if f.first {
		f.name, f.value = fieldName(w.text)
		w.top().learn(f.name, w.text[f.value:])
	}
	w.see.field(w.top(), f)
	w.name, w.started, w.text = f.name, !last, w.text[:0]
}

// fieldName gives a field's name in lower case and where its value begins (RFC 5322
// section 2.2; white space before the colon is of section 4.5). Without a name the
// lines are no field.
func fieldName(raw []byte) (name string, value int) {
	end := 0
	for end < len(raw) && raw[end] > ' ' && raw[end] < 0x7f && raw[end] != ':' {
		end++
	}
	at := end
	for at < len(raw) && (raw[at] == ' ' || raw[at] == '\t') {
		at++
	}
	if end == 0 || at >= len(raw) || raw[at] != ':' || at > nameMost {
		return "", 0
	}
	return strings.ToLower(string(raw[:end])), at + 1
}

// learn keeps what a field says about the entity. The first of a name counts.
func (e *entity) learn(name string, value []byte) {
	switch {
	case name == "content-type" && !e.typed:
		e.typed = true
		pieces := splitParameters(value)
		if kind := token(pieces[0]); kind != "" {
			e.mediaType = kind
		}
		e.boundary = usableBoundary(pieces[1:])
	case name == "content-transfer-encoding" && !e.encoded:
		e.encoded = true
		e.encoding = token(value)
	case name == "mime-version":
		e.versioned = true
	}
}
