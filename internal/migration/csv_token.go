package migration

import (
	"bytes"
	"io"
	"strings"
)

// csvRecord is one row as RFC 4180 cuts it. Its values may hold line breaks;
// whether they may is not the tokenizer's affair.
type csvRecord struct {
	row    int      // as a spreadsheet numbers it
	fields []string // none for a line of commas and spaces
	faults []csvFault
	// crlf and lf tell how the record ended; neither at the end of the file.
	crlf, lf bool
	// raw is the record as it stands in the file, until the next record.
	raw []byte
}

// csvFault is a breach of RFC 4180 in the field with that index.
type csvFault struct {
	code  string
	field int
}

// blank reports whether every value is empty or white space.
func (r csvRecord) blank() bool {
	for _, field := range r.fields {
		if strings.TrimSpace(field) != "" {
			return false
		}
	}
	return len(r.faults) == 0
}

// csvTokenizer cuts a file into records. Unlike encoding/csv it goes on after a
// fault, keeps a line break inside a value as it is, and bounds what it holds.
// A quote that is never closed costs its own row only: reading goes on at the
// line below the one it opened in.
type csvTokenizer struct {
	window  *lineWindow
	row     int
	scratch []byte
	record  csvRecord
}

func newCSVTokenizer(r io.Reader) *csvTokenizer {
	return &csvTokenizer{window: newLineWindow(r)}
}

// next gives the next record, false at the end. The record's slices are reused.
func (t *csvTokenizer) next() (csvRecord, bool) {
	w := t.window
	w.begin()
	status := w.line()
	if status == lineNone {
		return csvRecord{}, false
	}
	t.row++
	t.record = csvRecord{row: t.row, fields: t.record.fields[:0], faults: t.record.faults[:0]}
	if status == lineTooLong {
		t.fault(CSVLongLine)
		t.record.raw = w.record()
		w.skip()
		return t.record, true
	}
	// A spreadsheet that once had more rows writes them as commas, up to a
	// million: they are not cut into fields, which makes them blank.
	for at, more := w.start, !onlyCommas(w.record()); more; {
		at, more = t.field(at)
	}
	t.record.raw = w.record()
	t.record.crlf = bytes.HasSuffix(t.record.raw, []byte("\r\n"))
	t.record.lf = !t.record.crlf && bytes.HasSuffix(t.record.raw, []byte("\n"))
	return t.record, true
}

// onlyCommas reports whether a line holds nothing but separators and blanks.
func onlyCommas(line []byte) bool {
	for _, c := range line {
		if c != ',' && c != ' ' && c != '\r' && c != '\n' {
			return false
		}
	}
	return true
}

func (t *csvTokenizer) fault(code string) {
	t.record.faults = append(t.record.faults, csvFault{code, len(t.record.fields)})
}

// field reads the value at that offset of the window, and tells the offset of
// the one after it and whether there is one.
func (t *csvTokenizer) field(at int) (int, bool) {
	w := t.window
	quote := at
	for quote < w.pos && (w.buf[quote] == ' ' || w.buf[quote] == '\t') {
		quote++
	}
	if quote == w.pos || w.buf[quote] != '"' {
		return t.plain(at)
	}
	if quote > at {
		t.fault(CSVSpaceQuote)
	}
	return t.quoted(quote + 1)
}

// plain reads up to the next comma or the end of the line.
func (t *csvTokenizer) plain(at int) (int, bool) {
	value, next, more := t.rest(at)
	if bytes.IndexByte(value, '"') >= 0 {
		t.fault(CSVBareQuote)
	}
	t.record.fields = append(t.record.fields, string(value))
	return next, more
}

// rest is what lies before the next comma or line end.
func (t *csvTokenizer) rest(at int) (value []byte, next int, more bool) {
	w := t.window
	line := w.buf[at:w.pos]
	comma := bytes.IndexByte(line, ',')
	end := bytes.IndexByte(line, '\n')
	if comma >= 0 && (end < 0 || comma < end) {
		return line[:comma], at + comma + 1, true
	}
	if end >= 0 {
		line = line[:end]
	}
	return bytes.TrimSuffix(line, []byte("\r")), w.pos, false
}

// quoted reads the value after an opening quote, across lines when it must.
func (t *csvTokenizer) quoted(at int) (int, bool) {
	w := t.window
	resync := w.pos // where the line with the opening quote ends
	t.scratch = t.scratch[:0]
	for {
		if at == w.pos && (w.pos-w.start > MaxCSVLine || w.line() != lineRead) {
			return t.unclosed(resync)
		}
		quote := bytes.IndexByte(w.buf[at:w.pos], '"')
		if quote < 0 {
			t.scratch = append(t.scratch, w.buf[at:w.pos]...)
			at = w.pos
			continue
		}
		t.scratch = append(t.scratch, w.buf[at:at+quote]...)
		at += quote + 1
		if at == w.pos || w.buf[at] != '"' {
			break
		}
		t.scratch = append(t.scratch, '"')
		at++
	}
	after, next, more := t.rest(at)
	if len(after) > 0 && w.pos != resync {
		return t.unclosed(resync)
	}
	if len(after) > 0 {
		t.fault(CSVBareQuote)
	}
	t.record.fields = append(t.record.fields, string(t.scratch))
	return next, more
}

// unclosed ends the record at the line its open quote stands in.
func (t *csvTokenizer) unclosed(resync int) (int, bool) {
	t.fault(CSVOpenQuote)
	t.record.fields = append(t.record.fields, "")
	t.window.pos = resync
	return resync, false
}

// lineStatus is what lineWindow.line found.
type lineStatus int

const (
	lineNone    lineStatus = iota // the end of the file
	lineRead                      // a line, with its LF unless it is the last
	lineTooLong                   // more than MaxCSVLine without an LF
)

// lineWindow holds the record being read, buf[start:pos], and what was read
// beyond it, buf[pos:end]. It can go back to any place in the record.
type lineWindow struct {
	r               io.Reader
	buf             []byte
	start, pos, end int
	searched        int // no LF between pos and here
	ended           bool
}

// windowSize leaves room for a record and a line after it (each at most
// MaxCSVLine and one byte) when the record starts in the first half.
const windowSize = 4*MaxCSVLine + 4

func newLineWindow(r io.Reader) *lineWindow {
	return &lineWindow{r: r, buf: make([]byte, windowSize)}
}

// begin starts a record where the last one ended.
func (w *lineWindow) begin() {
	w.start = w.pos
	if w.start > len(w.buf)/2 {
		w.end = copy(w.buf, w.buf[w.start:w.end])
		w.start, w.pos = 0, 0
	}
	w.searched = w.pos
}

func (w *lineWindow) record() []byte { return w.buf[w.start:w.pos] }

// line takes one more line into the record.
func (w *lineWindow) line() lineStatus {
	w.searched = max(w.searched, w.pos)
	for {
		if n := bytes.IndexByte(w.buf[w.searched:w.end], '\n'); n >= 0 {
			if w.searched+n+1-w.pos > MaxCSVLine {
				break
			}
			w.pos = w.searched + n + 1
			return lineRead
		}
		w.searched = w.end
		if w.end-w.pos > MaxCSVLine {
			break
		}
		if w.fill() {
			continue
		}
		if w.pos == w.end {
			return lineNone
		}
		w.pos = w.end
		return lineRead
	}
	w.pos += MaxCSVLine
	w.searched = w.pos
	return lineTooLong
}

// skip drops the rest of a line that is too long, and its LF.
func (w *lineWindow) skip() {
	for {
		if n := bytes.IndexByte(w.buf[w.pos:w.end], '\n'); n >= 0 {
			w.pos += n + 1
			return
		}
		w.pos, w.end = w.start, w.start
		if !w.fill() {
			return
		}
	}
}

// fill reads at least a byte; false at the end. It needs room behind end.
func (w *lineWindow) fill() bool {
	const patience = 100 // empty reads in a row before a reader counts as ended
	for range patience {
		if w.ended || w.end == len(w.buf) {
			return false
		}
		n, err := w.r.Read(w.buf[w.end:])
		w.end += n
		w.ended = err != nil
		if n > 0 {
			return true
		}
	}
	w.ended = true
	return false
}

// wipe clears what is left of the file in memory.
func (w *lineWindow) wipe() { clear(w.buf) }
