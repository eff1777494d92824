package migration

import (
	"slices"
	"strings"
	"time"
)

// Quality is something of a message that a server may keep or not.
type Quality string

// The qualities, in the order in which they are told.
const (
	// QualityBytes: a copy has the bytes that were sent.
	QualityBytes Quality = "bytes"
	// QualityHeaders: its header fields are those that were sent, in their order and
	// spelling.
	QualityHeaders Quality = "headers"
	// QualitySize: RFC822.SIZE is the number of its bytes.
	QualitySize Quality = "size"
	// QualityDate: its INTERNALDATE is the one of the APPEND, of years ago or of today.
	QualityDate Quality = "date"
	// QualityFutureDate: so is one of the future, which mail seldom has.
	QualityFutureDate Quality = "future date"
	// QualityFlags: it has the system flags of the APPEND.
	QualityFlags Quality = "flags"
	// QualityKeywords: it has the keywords of the APPEND.
	QualityKeywords Quality = "keywords"
	// QualityAppendUID: the answer to APPEND tells its UID, and the right one.
	QualityAppendUID Quality = "appenduid"
	// QualityMessages: each message that was taken is there, also of several that are
	// equal.
	QualityMessages Quality = "messages"
	// QualityEightBit: a header with bytes above 127 is taken.
	QualityEightBit Quality = "8-bit header"
	// QualityLongLine: a line of LongLine bytes is taken.
	QualityLongLine Quality = "long line"
)

// LongLine is how many bytes the line of a calibration has: more than Exchange takes.
const LongLine = 12_000

// Verdict says what became of a quality.
type Verdict string

// The verdicts.
const (
	VerdictOK      Verdict = "ok"
	VerdictDiffers Verdict = "differs"
	VerdictRefused Verdict = "refused"
	// VerdictUnknown: no message came through that would tell.
	VerdictUnknown Verdict = "unknown"
)

// Measure is what was found of one quality.
type Measure struct {
	Quality Quality `json:"quality"`
	Verdict Verdict `json:"verdict"`
	// Detail is for people; what it holds of the server is fit to be shown.
	Detail string `json:"detail,omitempty"`
}

// Strength is the strongest comparison that finds copies equal to their originals.
type Strength string

// The strengths, strongest first.
const (
	// StrengthExact compares bytes.
	StrengthExact Strength = "exact"
	// StrengthPlain compares them but for line ends, the last ones, and NUL.
	StrengthPlain Strength = "plain"
	// StrengthCanonical compares header fields and decoded content.
	StrengthCanonical Strength = "canonical"
	// StrengthNone: no comparison finds any of them equal.
	StrengthNone Strength = "none"
)

// follows says in a sentence what a strength means for passes.
var follows = map[Strength]string{
	StrengthExact:     "The server keeps messages exactly as they are sent, so each copy is recognised for certain.",
	StrengthPlain:     "The server changes nothing but line ends and NUL characters, so each copy is recognised for certain.",
	StrengthCanonical: "The server rewrites messages, so copies are recognised by their header fields and their content, text and attachments.",
	StrengthNone:      "The server changes messages so much that copies cannot be recognised: when a connection is lost, messages may be copied twice, and verify calls them different.",
}

// Calibration is what a server was measured to keep of messages it is given.
type Calibration struct {
	At time.Time `json:"at"`
	// Mailbox is the user name of the mailbox it was measured with.
	Mailbox string `json:"mailbox"`
	// Strength is that of the messages that are told at all; empty when no copy could
	// be read.
	Strength Strength `json:"strength,omitempty"`
	// Untold are kinds of messages that no comparison tells, by the names of the
	// specimens: they are altered beyond all of them.
	Untold   []string  `json:"untold,omitempty"`
	Measures []Measure `json:"measures"`
	// Left is the folder of the calibration if it could not be deleted, and LeftReason
	// why.
	Left       string `json:"left,omitempty"`
	LeftReason string `json:"leftReason,omitempty"`
}

// Over gives the traits of a make with what was measured beside them. A make that is
// known to make messages anew stays one: what one mailbox kept once proves nothing of
// the others, while content tells a copy that was kept as well. A nil calibration changes
// nothing.
func (c *Calibration) Over(traits Traits) Traits {
	if c != nil && (c.Strength == StrengthCanonical || c.Strength == StrengthNone) {
		traits.Rewrites = true
	}
	return traits
}

// Follows says in sentences what passes make of it.
func (c *Calibration) Follows() string {
	sentence, measured := follows[c.Strength]
	if !measured {
		return "Nothing: no copy could be read, so that the make of the server decides."
	}
	var untold []string
	future := ""
	if c.Strength != StrengthNone {
		untold = c.Untold
	}
	for _, m := range c.Measures {
		switch {
		case m.Verdict != VerdictDiffers:
		case m.Quality == QualityDate:
			untold = append(slices.Clip(untold), "a date that is not kept")
		case m.Quality == QualityFutureDate:
			future = " Mail dated until today is safe; the server changes only dates in the future, and a message that has one may be copied twice when a connection is lost."
		}
	}
	if len(untold) > 0 {
		sentence += " Some are not recognised so (" + strings.Join(untold, ", ") + "): when a connection is lost, such a message may be copied twice, and verify calls it different."
	}
	return sentence + future
}
