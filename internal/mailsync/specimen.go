package mailsync

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// specimen is a message whose copy tells what a server keeps.
type specimen struct {
	name string
	text string
	date time.Time
	// flags are system flags and keywords.
	flags migration.Flags
	// times is how often it is sent: 0 is once.
	times int

	// What became of it: the places that APPENDUID told, how often it was taken, why it
	// was not, and its copies.
	places  []place
	taken   int
	refusal error
	copies  []copied
}

// place is where a target says that a message is.
type place struct {
	uid      migration.UID
	validity uint32
}

// copied is a message as the target serves it.
type copied struct {
	migration.Message
	text string
}

// The names of those specimens that single qualities are told by.
const (
	specimenPlain    = "plain"
	specimenSameID   = "same Message-ID"
	specimenEightBit = "8-bit header"
	specimenLongLine = "long line"
	specimenPast     = "old"
	specimenFuture   = "future"
	specimenKeywords = "keywords"
)

// keywordOwn is a keyword that nobody else uses, keywordForwarded one that most know.
const (
	keywordOwn       = "MailhaulSpecimen"
	keywordForwarded = "$Forwarded"
)

// newSpecimens makes the messages of a calibration; the token makes their Message-IDs
// unlike all others. None holds a NUL, at which servers end connections.
func newSpecimens(token string, now time.Time) []*specimen {
	ordinary := time.Date(2019, 5, 6, 7, 8, 9, 0, time.FixedZone("", 2*3600))
	id := func(name string) string { return "Message-ID: <" + name + "." + token + "@mailhaul.invalid>\n" }
	parcel := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("mailhaul\x00\xff", 12)))
	specimens := []*specimen{
		{name: specimenPlain, times: 2, flags: migration.Flags{migration.FlagSeen, migration.FlagFlagged},
			text: id("plain") + "MIME-Version: 1.0\nContent-Type: text/plain; charset=us-ascii\n\nSpaces at the end:  \n\n.\nFrom here on nothing.\n\n\n"},
		{name: specimenSameID, text: id("plain") + "\nAnother text.\n"},
		{name: "no Message-ID", text: "X-Mailhaul: specimen\n\nA header with few fields.\n"},
		{name: "parts", text: "X-ODD-spelling:no space, and\n\tfolded by a tab\nmime-version: 1.0\n" + strings.ToLower(id("parts")) + "Content-Type: MULTIPART/Mixed;\n  boundary=\"=_ odd edge\"\n\n" +
			"A preamble.\n--=_ odd edge\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nGr\u00fc\u00dfe, with spaces at the end   \n--=_ odd edge  \n" +
			"Content-Type: application/octet-stream\nContent-Transfer-Encoding: BASE64\n\n" + parcel[:60] + "\n" + parcel[60:] + "\n--=_ odd edge--\nAn epilogue.\n"},
		{name: specimenEightBit, text: id("8bit") + "Cc: \"Gr\u00fc\u00dfe\" <specimen@mailhaul.invalid>\n\nA header with UTF-8.\n"},
		{name: specimenLongLine, text: id("line") + "\n" + strings.Repeat("line ", migration.LongLine/5) + "\n"},
		{name: specimenPast, date: time.Date(1997, 3, 4, 5, 6, 7, 0, time.FixedZone("", -19_800)), text: id("old") + "\nReceived long ago.\n"},
		{name: specimenFuture, date: now.AddDate(2, 0, 0).Truncate(time.Second), text: id("future") + "\nReceived in two years.\n"},
		{name: specimenKeywords, date: now.Add(-time.Hour).Truncate(time.Second), flags: migration.Flags{migration.FlagSeen, keywordForwarded, keywordOwn}, text: id("keywords") + "\nWith keywords.\n"},
	}
	for i, s := range specimens {
		if s.date.IsZero() {
			s.date = ordinary.Add(time.Duration(i) * time.Minute)
		}
		head := fmt.Sprintf("Date: %s\nFrom: Mailhaul <specimen@mailhaul.invalid>\nTo: specimen@mailhaul.invalid\nSubject: mailhaul specimen %d (%s)\n", ordinary.Format(time.RFC1123Z), i, s.name)
		s.text = strings.ReplaceAll(head+s.text, "\n", "\r\n")
	}
	return specimens
}

// strength is the strongest comparison that finds all copies of the specimen equal to it.
func (s *specimen) strength() migration.Strength {
	original := inAllForms(s.text)
	strength := migration.StrengthExact
	for _, c := range s.copies {
		print := inAllForms(c.text)
		switch {
		case print.raw == original.raw:
		case print.plain == original.plain:
			strength = weaker(strength, migration.StrengthPlain)
		case print.canon == original.canon:
			strength = weaker(strength, migration.StrengthCanonical)
		default:
			strength = migration.StrengthNone
		}
	}
	return strength
}

// inAllForms is the fingerprint of a text, for every strength.
func inAllForms(text string) fingerprint {
	print, _ := fingerprintOf(strings.NewReader(text), true) // a string is read without fail
	return print
}
