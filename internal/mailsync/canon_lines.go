package mailsync

import "iter"

// bareMost is how many carriage returns in a row are held until it is known
// whether a line feed follows.
const bareMost = 1 << 10

// lineEnds turns every line end into LF and removes NULs. A line end is CRLF, LF or
// CR; carriage returns before CRLF belong to it, because a text that was converted
// twice has them so.
type lineEnds struct {
	// keepNUL keeps NULs. One between a CR and its LF is put before them.
	keepNUL bool
	held    int // carriage returns that may be the start of CRLF
}

// feed appends to out what in becomes.
func (l *lineEnds) feed(out, in []byte) []byte {
	start := 0 // of what passes as it is
	for i, b := range in {
		if l.held == 0 && b != '\r' && b != 0 {
			continue
		}
		out = append(out, in[start:i]...)
		start = i + 1
		switch b {
		case '\r':
			if l.held++; l.held > bareMost {
				out = append(out, '\n')
				l.held--
			}
		case '\n':
			out = append(out, '\n')
			l.held = 0
		case 0:
			if l.keepNUL {
				out = append(out, 0)
			}
		default:
			out = append(l.finish(out), b)
		}
	}
	return append(out, in[start:]...)
}

// finish appends the line ends that are held.
func (l *lineEnds) finish(out []byte) []byte {
	for ; l.held > 0; l.held-- {
		out = append(out, '\n')
	}
	return out
}

// fieldsOf yields the stretches of text that are not white space.
func fieldsOf(text []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for start := 0; start < len(text); {
			end := start
			for end < len(text) && !isWhite(text[end]) {
				end++
			}
			if end > start && !yield(text[start:end]) {
				return
			}
			start = end + 1
		}
	}
}

func isWhite(b byte) bool { return b == ' ' || b == '\t' || b == '\n' }
