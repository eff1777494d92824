package wire

import "fmt"

// Limits bound what a server can make the client read and hold. Zero fields take
// the defaults.
type Limits struct {
	// Line is the longest response without its literals: 64 KiB.
	Line int
	// ListLine is the same for FLAGS, CAPABILITY and status lines: 256 KiB.
	ListLine int
	// SearchLine is the same for SEARCH and ESEARCH, which are read as a
	// stream into ranges: 16 MiB, enough for the UIDs of a million messages.
	SearchLine int
	// Literal is the largest literal that is not a message: 64 KiB.
	Literal int
	// Literals is the most that the literals of one response may hold
	// together, messages not counted: 1 MiB.
	Literals int64
	// Message is the largest message: 4 GiB - 1, the most that IMAP can
	// announce (RFC 3501 section 9, number). Messages are streamed, so that a
	// large one costs time and no memory; the target says what is too much.
	Message int64
	// Skipped is the largest message that is read past, without holding it,
	// for the sake of the others: 4 GiB - 1, at least Message. A larger one
	// ends the line.
	Skipped int64
	// Depth is the deepest nesting of lists: 32.
	Depth int
	// Tokens is the most tokens in one response, UID sets not counted: 100,000.
	Tokens int
	// Folders is the most folders a listing may have: 50,000.
	Folders int
	// FolderName is the longest folder name in bytes: 1,024.
	FolderName int
	// Untagged is the most untagged responses between two tagged ones beyond
	// four for each message asked for: 10,000.
	Untagged int
}

// WithDefaults fills the zero fields.
func (l Limits) WithDefaults() Limits {
	fill := func(field *int, value int) {
		if *field <= 0 {
			*field = value
		}
	}
	fill(&l.Line, 64<<10)
	fill(&l.ListLine, 256<<10)
	fill(&l.SearchLine, 16<<20)
	fill(&l.Literal, 64<<10)
	fill(&l.Depth, 32)
	fill(&l.Tokens, 100_000)
	fill(&l.Folders, 50_000)
	fill(&l.FolderName, 1024)
	fill(&l.Untagged, 10_000)
	if l.Literals <= 0 {
		l.Literals = 1 << 20
	}
	if l.Message <= 0 {
		l.Message = 1<<32 - 1
	}
	if l.Skipped <= 0 {
		l.Skipped = 1<<32 - 1
	}
	l.Skipped = max(l.Skipped, l.Message)
	return l
}

// SyntaxError says that one response is malformed. The stream is intact.
type SyntaxError struct{ Want string }

// Error says what was expected.
func (e *SyntaxError) Error() string { return "malformed response: want " + e.Want }

// LimitError says that the server went beyond a bound. The stream is lost.
type LimitError struct {
	What  string
	Limit int64
}

// Error names the bound.
func (e *LimitError) Error() string {
	return fmt.Sprintf("the server sent more than the limit of %d for a %s", e.Limit, e.What)
}

func syntax(want string) error { return &SyntaxError{want} }

func limit[N int | int64](what string, n N) error { return &LimitError{what, int64(n)} }
