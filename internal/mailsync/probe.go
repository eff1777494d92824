package mailsync

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// probe is a message whose copy tells what a server keeps.
type probe struct {
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

// The names of those probes that single qualities are told by.
const (
	probePlain    = "plain"
	probeSameID   = "same Message-ID"
	probeEightBit = "8-bit header"
	probeLongLine = "long line"
	probePast     = "old"
	probeFuture   = "future"
	probeKeywords = "keywords"
)

// probeKeyword is a keyword that nobody else uses, probeForwarded one that most know.
const (
	probeKeyword   = "MailhaulProbe"
	probeForwarded = "$Forwarded"
)

// newProbes makes the messages of a calibration; the token makes their Message-IDs
// unlike all others. None holds a NUL, at which servers end connections.
func newProbes(token string, now time.Time) []*probe {
	ordinary := time.Date(2019, 5, 6, 7, 8, 9, 0, time.FixedZone("", 2*3600))
	id := "Message-ID: <plain." + token + "@mailhaul.invalid>\n"
	parcel := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("mailhaul\x00\xff", 12)))
	probes := []*probe{
		{name: probePlain, times: 2, flags: migration.Flags{migration.FlagSeen, migration.FlagFlagged},
			text: id + "MIME-Version: 1.0\nContent-Type: text/plain; charset=us-ascii\n\nSpaces at the end:  \n\n.\nFrom here on nothing.\n\n\n"},
		{name: probeSameID, text: id + "\nAnother text.\n"},
		{name: "no Message-ID", text: "X-Mailhaul: probe\n\nA header with few fields.\n"},
		{name: "parts", text: "SUBJECT-Note:no space, and\n\tfolded by a tab\nmime-version: 1.0\nmessage-id: <parts." + token + "@mailhaul.invalid>\nContent-Type: MULTIPART/Mixed;\n  boundary=\"=_ odd edge\"\n\n" +
			"A preamble.\n--=_ odd edge\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nGr\u00fc\u00dfe, with spaces at the end   \n--=_ odd edge  \n" +
			"Content-Type: application/octet-stream\nContent-Transfer-Encoding: BASE64\n\n" + parcel[:60] + "\n" + parcel[60:] + "\n--=_ odd edge--\nAn epilogue.\n"},
		{name: probeEightBit, text: "Message-ID: <8bit." + token + "@mailhaul.invalid>\nCc: \"Gr\u00fc\u00dfe\" <probe@mailhaul.invalid>\n\nA header with UTF-8.\n"},
		{name: probeLongLine, text: "Message-ID: <line." + token + "@mailhaul.invalid>\n\n" + strings.Repeat("line ", migration.LongLine/5) + "\n"},
		{name: probePast, date: time.Date(1997, 3, 4, 5, 6, 7, 0, time.FixedZone("", -int((5*time.Hour+30*time.Minute).Seconds()))), text: "Message-ID: <old." + token + "@mailhaul.invalid>\n\nReceived long ago.\n"},
		{name: probeFuture, date: now.AddDate(2, 0, 0).Truncate(time.Second), text: "Message-ID: <future." + token + "@mailhaul.invalid>\n\nReceived in two years.\n"},
		{name: probeKeywords, flags: migration.Flags{migration.FlagSeen, probeForwarded, probeKeyword}, text: "Message-ID: <keywords." + token + "@mailhaul.invalid>\n\nWith keywords.\n"},
	}
	for i, p := range probes {
		if p.date.IsZero() {
			p.date = ordinary.Add(time.Duration(i) * time.Minute)
		}
		head := fmt.Sprintf("Date: %s\nFrom: Mailhaul <probe@mailhaul.invalid>\nTo: probe@mailhaul.invalid\nSubject: mailhaul probe %d (%s)\n", ordinary.Format(time.RFC1123Z), i, p.name)
		p.text = strings.ReplaceAll(head+p.text, "\n", "\r\n")
	}
	return probes
}

// strength is the strongest comparison that finds all copies of the probe equal to it.
func (p *probe) strength() migration.Strength {
	original := inAllForms(p.text)
	strength := migration.StrengthExact
	for _, c := range p.copies {
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
