package mailsync

import (
	"fmt"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// result says what the specimens tell.
func (c *calibration) result() migration.Calibration {
	result := migration.Calibration{At: time.Now().UTC().Truncate(time.Second), Measures: []migration.Measure{
		compare(migration.QualityBytes, c.specimens, otherBytes),
		compare(migration.QualityHeaders, c.specimens, otherHeader),
		compare(migration.QualitySize, c.specimens, otherSize),
		c.dates(migration.QualityDate, false), c.dates(migration.QualityFutureDate, true),
		compare(migration.QualityFlags, c.specimens, otherFlags),
		c.keywords(), c.appendUID(), c.stored(),
		c.takes(migration.QualityEightBit, specimenEightBit), c.takes(migration.QualityLongLine, specimenLongLine),
	}}
	for i := range result.Measures {
		result.Measures[i].Detail = brief(result.Measures[i].Detail)
	}
	for _, s := range c.specimens {
		switch strength := s.strength(); {
		case len(s.copies) == 0:
		case strength == migration.StrengthNone:
			result.Untold = append(result.Untold, s.name)
		default:
			result.Strength = weaker(result.Strength, strength)
		}
	}
	if result.Strength == "" && len(result.Untold) > 0 {
		result.Strength = migration.StrengthNone
	}
	return result
}

// weaker is the weaker one of two strengths, of which none is none.
func weaker(a, b migration.Strength) migration.Strength {
	order := []migration.Strength{"", migration.StrengthExact, migration.StrengthPlain, migration.StrengthCanonical, migration.StrengthNone}
	return order[max(slices.Index(order, a), slices.Index(order, b))]
}

// brief bounds a text, which may hold what a server made of names.
func brief(text string) string {
	const most = 400
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return text
}

// compare holds every copy against its specimen. The first that differs is told with how,
// the others by name.
func compare(quality migration.Quality, specimens []*specimen, differs func(*specimen, copied) string) migration.Measure {
	m := migration.Measure{Quality: quality, Verdict: migration.VerdictUnknown}
	var others []string
	for _, s := range specimens {
		for _, copy := range s.copies {
			text := differs(s, copy)
			switch {
			case text == "" && m.Verdict == migration.VerdictUnknown:
				m.Verdict = migration.VerdictOK
			case text == "":
			case m.Verdict != migration.VerdictDiffers:
				m.Verdict, m.Detail = migration.VerdictDiffers, s.name+": "+text
			case !strings.HasPrefix(m.Detail, s.name+":") && !slices.Contains(others, s.name):
				others = append(others, s.name)
			}
		}
	}
	if len(others) > 0 {
		m.Detail += "; too: " + strings.Join(others, ", ")
	}
	return m
}

// excerpt is how much of a text is shown where it differs.
const excerpt = 24

// otherBytes says where a copy differs first.
func otherBytes(s *specimen, c copied) string {
	if c.text == s.text {
		return ""
	}
	at := 0
	for at < min(len(s.text), len(c.text)) && s.text[at] == c.text[at] {
		at++
	}
	show := func(text string) string { return text[at:min(at+excerpt, len(text))] }
	return fmt.Sprintf("from byte %d on %q became %+q", at+1, show(s.text), show(c.text))
}

// field is a header field as it is compared: by its name without case and its value
// without white space.
type field struct{ name, value string }

func fieldsIn(header string) (fields []field) {
	unfolded := strings.NewReplacer("\r\n ", "", "\r\n\t", "", "\n ", "", "\n\t", "").Replace(header)
	for line := range strings.Lines(unfolded) {
		name, value, _ := strings.Cut(line, ":")
		fields = append(fields, field{textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name)), strings.Join(strings.Fields(value), "")})
	}
	return fields
}

// otherHeader says what was done to the header fields, gravest first.
func otherHeader(s *specimen, c copied) string {
	sent, kept := headerOf(s.text), headerOf(c.text)
	if sent == kept {
		return ""
	}
	before, after := fieldsIn(sent), fieldsIn(kept)
	lost, added := without(before, after), without(after, before)
	switch {
	case len(lost) > 0 && len(added) > 0:
		return "lost or changed " + strings.Join(lost, ", ") + ", and has got " + strings.Join(added, ", ")
	case len(lost) > 0:
		return "lost " + strings.Join(lost, ", ")
	case len(added) > 0:
		return "has got " + strings.Join(added, ", ")
	case !slices.Equal(before, after):
		return "the fields are in another order"
	default:
		return "the fields are folded or spelt anew"
	}
}

// without names the fields of a list that another does not have, each once.
func without(fields, others []field) (names []string) {
	for _, f := range fields {
		if name := inASCII(f.name); !slices.Contains(others, f) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// inASCII spells what a server has given so that nothing in it is dropped where it is
// shown.
func inASCII(text string) string {
	for _, b := range []byte(text) {
		if b <= ' ' || b > '~' {
			return strconv.QuoteToASCII(text)
		}
	}
	return text
}

func otherSize(_ *specimen, c copied) string {
	if c.Size == int64(len(c.text)) || len(c.text) == copyMost {
		return ""
	}
	return fmt.Sprintf("RFC822.SIZE is %d, and the message has %d bytes", c.Size, len(c.text))
}

// dates looks at the dates of the future, or at all others.
func (c *calibration) dates(quality migration.Quality, future bool) migration.Measure {
	return compare(quality, slices.DeleteFunc(slices.Clone(c.specimens), func(s *specimen) bool { return (s.name == specimenFuture) != future }), otherDate)
}

func otherDate(s *specimen, c copied) string {
	if instant(c.Date) == instant(s.date) {
		return ""
	}
	return fmt.Sprintf("%s became %s", s.date.UTC().Format(time.DateTime), shown(c.Message))
}

// otherFlags compares system flags.
func otherFlags(s *specimen, c copied) string {
	system := func(flags migration.Flags) migration.Flags {
		return slices.DeleteFunc(slices.Clone(flags), func(flag string) bool { return !strings.HasPrefix(flag, `\`) })
	}
	if system(s.flags).Equal(system(c.Flags)) {
		return ""
	}
	return fmt.Sprintf("%s became %s", inASCII(strings.Join(system(s.flags), "|")), inASCII(strings.Join(system(c.Flags), "|")))
}

// keywords says which keywords are kept, and whether the folder promises any.
func (c *calibration) keywords() migration.Measure {
	s := c.named(specimenKeywords)
	m := compare(migration.QualityKeywords, []*specimen{s}, func(_ *specimen, c copied) string {
		for _, keyword := range []string{keywordOwn, keywordForwarded} {
			if !c.Flags.Has(keyword) {
				return keyword + " is dropped"
			}
		}
		return ""
	})
	if m.Verdict == migration.VerdictUnknown && s.refusal != nil {
		m.Verdict, m.Detail = migration.VerdictRefused, s.refusal.Error()
	}
	if c.status.UIDValidity != 0 && !migration.Flags(c.status.PermanentFlags).Has(`\*`) {
		m.Detail = strings.TrimPrefix(m.Detail+"; PERMANENTFLAGS has no \\*", "; ")
	}
	return m
}

// appendUID holds what the answers told against where the copies are. Of equal messages
// one is as good as the other.
func (c *calibration) appendUID() migration.Measure {
	m := migration.Measure{Quality: migration.QualityAppendUID, Verdict: migration.VerdictUnknown}
	silent, wrong, taken := 0, "", 0
	for _, s := range c.specimens {
		taken += s.taken
		silent += s.taken - len(s.places)
		for _, told := range s.places {
			there := slices.ContainsFunc(s.copies, func(c copied) bool { return c.UID == told.uid })
			if wrong == "" && (told.validity != c.status.UIDValidity || !there && len(s.copies) >= s.taken) {
				wrong = fmt.Sprintf("%s: told UID %d of UIDVALIDITY %d, where it is not", s.name, told.uid, told.validity)
			}
		}
	}
	switch {
	case taken == 0 || c.status.UIDValidity == 0:
	case wrong != "":
		m.Verdict, m.Detail = migration.VerdictDiffers, wrong
	case silent > 0:
		m.Verdict, m.Detail = migration.VerdictDiffers, fmt.Sprintf("not told of %d of %s", silent, plural(taken, "message"))
	default:
		m.Verdict = migration.VerdictOK
	}
	return m
}

// stored says whether each message that was taken is there.
func (c *calibration) stored() migration.Measure {
	m := migration.Measure{Quality: migration.QualityMessages, Verdict: migration.VerdictOK}
	var texts []string
	for _, s := range c.specimens {
		switch {
		case len(s.copies) >= s.taken:
		case len(s.copies) > 0:
			texts = append(texts, fmt.Sprintf("of %d equal messages %d is there", s.taken, len(s.copies)))
		case s.name == specimenSameID:
			texts = append(texts, "a message with the Message-ID of another was taken and is not there")
		default:
			texts = append(texts, s.name+" was taken and is not found")
		}
	}
	if len(texts) > 0 {
		m.Verdict, m.Detail = migration.VerdictDiffers, strings.Join(texts, "; ")
	}
	return m
}

// takes says whether the server takes a specimen.
func (c *calibration) takes(quality migration.Quality, name string) migration.Measure {
	s := c.named(name)
	switch {
	case s.refusal != nil:
		return migration.Measure{Quality: quality, Verdict: migration.VerdictRefused, Detail: s.refusal.Error()}
	case s.taken == 0:
		return migration.Measure{Quality: quality, Verdict: migration.VerdictUnknown}
	default:
		return migration.Measure{Quality: quality, Verdict: migration.VerdictOK}
	}
}

func (c *calibration) named(name string) *specimen {
	return c.specimens[slices.IndexFunc(c.specimens, func(s *specimen) bool { return s.name == name })]
}
