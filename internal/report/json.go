package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// JSON writes the summary and its total as one JSON object, indented. Texts are
// kept as they were, but no character that acts on a terminal or turns the
// direction of text stands in it unescaped.
func JSON(w io.Writer, s Summary) error {
	s.Started, s.Ended = writable(s.Started), writable(s.Ended)
	mailboxes := make([]Mailbox, len(s.Mailboxes))
	for i, m := range s.Mailboxes {
		m.Findings = append([]migration.Finding{}, m.Findings...)
		for j := range m.Findings {
			m.Findings[j].Date = writable(m.Findings[j].Date)
		}
		mailboxes[i] = m
	}
	s.Mailboxes = mailboxes
	plain, err := json.MarshalIndent(struct {
		Summary
		Total Totals `json:"total"`
	}{s, s.Total()}, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the summary as JSON: %w", err)
	}
	if _, err := w.Write(append(escapeActing(plain), '\n')); err != nil {
		return fmt.Errorf("writing the summary as JSON: %w", err)
	}
	return nil
}

// writable drops what RFC 3339 cannot write: messages may claim any date.
func writable(t time.Time) time.Time {
	_, offset := t.Zone()
	if year := t.Year(); year < 0 || year > 9999 || offset <= -24*3600 || offset >= 24*3600 {
		return time.Time{}
	}
	return t
}

// escapeActing writes control characters that JSON allows, and bidirectional
// ones, as \uXXXX. In valid JSON they stand in strings only.
func escapeActing(plain []byte) []byte {
	acts := func(r rune) bool {
		return r >= 0x7f && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\ufeff'
	}
	if !bytes.ContainsFunc(plain, acts) {
		return plain
	}
	safe := slices.Grow([]byte(nil), len(plain)+64)
	for len(plain) > 0 {
		r, size := utf8.DecodeRune(plain)
		if acts(r) {
			safe = fmt.Appendf(safe, `\u%04x`, r)
		} else {
			safe = append(safe, plain[:size]...)
		}
		plain = plain[size:]
	}
	return safe
}
