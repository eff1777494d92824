package secret

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Scrubber removes secrets from text, in the forms in which they tend to come
// back: as they are, quoted, percent-encoded, hex, and base64 at each of its
// three alignments (so that it is found inside a longer encoded string, such as
// SASL PLAIN). The zero value removes nothing.
type Scrubber struct{ forms []string }

// NewScrubber makes a scrubber for the given secrets. Empty ones are ignored.
func NewScrubber(secrets ...string) *Scrubber {
	s := &Scrubber{}
	for _, value := range secrets {
		s.add(value)
	}
	return s
}

func (s *Scrubber) add(value string) {
	if value == "" {
		return
	}
	quoted := strconv.Quote(value)
	forms := []string{
		value,
		quoted[1 : len(quoted)-1],
		strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value),
		url.QueryEscape(value),
		url.PathEscape(value),
		hex.EncodeToString([]byte(value)),
		strings.ToUpper(hex.EncodeToString([]byte(value))),
	}
	// A short secret has no stable middle in base64; below 4 bytes a core of
	// 2 characters would eat innocent text.
	if len(value) >= 4 {
		forms = append(forms, base64Cores(value)...)
	}
	for _, form := range forms {
		if !slices.Contains(s.forms, form) {
			s.forms = append(s.forms, form)
		}
	}
	// Longest first, so that no form leaves the rest of a longer one behind.
	slices.SortStableFunc(s.forms, func(a, b string) int { return len(b) - len(a) })
}

// base64Cores gives, for each alignment, the characters that depend on the
// secret alone and not on its neighbours.
func base64Cores(value string) []string {
	var cores []string
	for offset := range 3 {
		padded := strings.Repeat("x", offset) + value
		first := (offset*8 + 5) / 6
		last := len(padded) * 8 / 6
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			cores = append(cores, encoding.EncodeToString([]byte(padded))[first:last])
		}
	}
	return cores
}

// Scrub gives the text with every known secret replaced by "[redacted]".
func (s *Scrubber) Scrub(text string) string {
	if s == nil {
		return text
	}
	for _, form := range s.forms {
		text = strings.ReplaceAll(text, form, redacted)
	}
	return text
}
