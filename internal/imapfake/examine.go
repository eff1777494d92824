package imapfake

import "bytes"

// examiner looks at the bytes of a message as they pass.
type examiner struct {
	nul, bareLF, eightBitHeader bool
	inBody                      bool
	longest, line               int64
	last                        byte
}

func (e *examiner) Write(p []byte) (int, error) {
	if !e.nul && bytes.IndexByte(p, 0) >= 0 {
		e.nul = true
	}
	for rest := p; len(rest) > 0; {
		i := bytes.IndexByte(rest, '\n')
		part := rest
		if i >= 0 {
			part = rest[:i]
		}
		e.part(part)
		if i < 0 {
			break
		}
		e.endLine()
		rest = rest[i+1:]
	}
	return len(p), nil
}

func (e *examiner) part(part []byte) {
	if len(part) == 0 {
		return
	}
	e.line += int64(len(part))
	e.last = part[len(part)-1]
	if !e.inBody && !e.eightBitHeader {
		e.eightBitHeader = bytes.ContainsFunc(part, func(r rune) bool { return r > 0x7e })
	}
}

func (e *examiner) endLine() {
	if e.last == '\r' && e.line > 0 {
		e.line--
	} else {
		e.bareLF = true
	}
	e.longest = max(e.longest, e.line)
	if e.line == 0 {
		e.inBody = true
	}
	e.line, e.last = 0, 0
}

func (e *examiner) longestLine() int64 { return max(e.longest, e.line) }
