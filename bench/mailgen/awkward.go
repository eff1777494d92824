package mailgen

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// AwkwardOptions chooses the parts that not every server or test can take.
type AwkwardOptions struct {
	// NUL adds a message with NUL bytes.
	NUL bool
	// Huge adds a message of this many bytes; 0 adds none.
	Huge int
	// Dots adds a folder with a dot in its name, which a server that separates
	// by dots cannot have.
	Dots bool
}

// Awkward makes the mail that breaks tools. It has about a hundred messages.
func Awkward(seed uint64, o AwkwardOptions) Corpus {
	a := &awkward{rng: rand.New(rand.NewPCG(seed, 0x6f6464))}
	a.folders(o)
	a.equals()
	a.shapes(o)
	a.dates()
	a.flags()
	for i, name := range a.Folders {
		if name != "Empty" {
			a.add(name, fmt.Sprintf("Message-ID: <only.%d@example.org>\r\nSubject: only here\r\n\r\n%d\r\n", i, i))
		}
	}
	return a.Corpus
}

type awkward struct {
	Corpus
	rng *rand.Rand
}

// add appends a message with an ordinary date.
func (a *awkward) add(folder, body string, flags ...string) {
	date := time.Date(2021, 5, 1, 12, 0, len(a.Messages), 0, time.UTC)
	a.Messages = append(a.Messages, Message{Folder: folder, Body: []byte(body), Date: date, Flags: flags})
}

// folders names folders with every character that some tool quotes wrongly.
// "Deep/..." has parents that are not folders themselves.
func (a *awkward) folders(o AwkwardOptions) {
	a.Folders = []string{
		"INBOX", "Empty", "Team Notes", "  two  spaces", `He said "hi"`, "R&D", "&", "100%", "star*light",
		"(brackets) [and] {braces}", "semi;colon, comma", "it's", "#hash", "back\\slash",
		"Почта", "日本語", "😀 fun", "Cafe\u0301", "Caf\u00e9", "Entw\u00fcrfe/\u00c4rger",
		"Deep/a/b/c/d/e/f/g", "INBOX/Child", "inbox2", strings.Repeat("long", 30),
	}
	if o.Dots {
		a.Folders = append(a.Folders, "v1.2", ".hidden dot")
	}
}

// equals adds messages that are told apart only by looking closely.
func (a *awkward) equals() {
	same := "Message-ID: <same@example.org>\r\nDate: Sat, 01 May 2021 12:00:00 +0000\r\nFrom: a@example.org\r\nSubject: quota warning\r\n\r\n"
	for i := range 3 {
		a.add("INBOX", same+fmt.Sprintf("body %d\r\n", i))
	}
	for range 5 {
		a.add("INBOX", same+"exact duplicate\r\n")
		// All of them to the second equal, too.
		a.Messages[len(a.Messages)-1].Date = time.Date(2020, 2, 29, 23, 59, 59, 0, time.UTC)
	}
	for i := range 2 {
		a.add("INBOX", same+"same body, another date\r\n")
		a.Messages[len(a.Messages)-1].Date = time.Date(2020, 3, 1+i, 0, 0, 0, 0, time.UTC)
	}
	a.add("INBOX", same+"same body, other flags\r\n")
	a.add("INBOX", same+"same body, other flags\r\n", `\Flagged`)
	a.add("Team Notes", same+"exact duplicate\r\n")
	for i := range 3 {
		a.add("INBOX", fmt.Sprintf("From: a@example.org\r\nSubject: no id\r\n\r\nno message id %d\r\n", i))
		a.add("INBOX", fmt.Sprintf("Message-ID: <nodate%d@example.org>\r\nSubject: no date\r\n\r\nx\r\n", i))
	}
}

// shapes adds messages of every odd form.
func (a *awkward) shapes(o AwkwardOptions) {
	head := func(name string) string {
		return "Message-ID: <" + strings.ReplaceAll(name, " ", ".") + "@example.org>\r\nSubject: " + name + "\r\n"
	}
	a.add("INBOX", "\r\nno header at all\r\n")
	a.add("INBOX", "this is not a header and there is no blank line")
	a.add("INBOX", head("empty body")+"\r\n")
	a.add("INBOX", head("header only, no blank line"))
	a.add("INBOX", head("one byte body")+"\r\nx")
	a.add("INBOX", "x")
	a.add("INBOX", "\r\n")
	a.add("INBOX", head("8-bit header \xe4\xf6\xfc")+"\r\n8-bit body \xff\xfe\x80\r\n")
	a.add("INBOX", head("utf-8 header \u00e4\u65e5\U0001F600")+"\r\nutf-8 body \u00e4\r\n")
	a.add("INBOX", strings.ReplaceAll(head("bare lf")+"\r\nline one\r\nline two\r\n", "\r\n", "\n"))
	a.add("INBOX", head("mixed ends")+"\r\none\ntwo\rthree\r\r\nfour\r\n")
	a.add("INBOX", head("no final crlf")+"\r\nthe end")
	a.add("INBOX", head("dots and from")+"\r\n.\r\n..\r\nFrom someone\r\n>From someone\r\n")
	a.add("INBOX", head("looks like a literal")+"\r\n{5}\r\n{5+}\r\n* 1 EXISTS\r\na OK done)\r\n")
	a.add("INBOX", head("64 KB line")+"\r\n"+strings.Repeat("0123456789abcdef", 4096)+"\r\n")
	a.add("INBOX", "X-Long: "+strings.Repeat("y", 70000)+"\r\n"+head("64 KB header line")+"\r\nx\r\n")
	a.add("INBOX", strings.Repeat("Received: by many.example.org; Sat, 01 May 2021 12:00:00 +0000\r\n", 300)+head("300 received")+"\r\nx\r\n")
	a.add("INBOX", head("all bytes but nul")+"\r\n"+everyByte()+"\r\n")
	a.add("INBOX", string(letter(a.rng, "attach", time.Unix(1.6e9, 0).UTC(), 200<<10)))
	if o.NUL {
		a.add("INBOX", head("nul")+"\r\na\x00b\x00\r\n")
		a.Messages[len(a.Messages)-1].NUL = true
	}
	if o.Huge > 0 {
		a.add("INBOX", string(letter(a.rng, "huge", time.Unix(1.6e9, 0).UTC(), o.Huge)))
	}
}

// everyByte returns the bytes 1 to 255 without CR and LF, some times over.
func everyByte() string {
	var b bytes.Buffer
	for range 4 {
		for c := 1; c < 256; c++ {
			if c != '\r' && c != '\n' {
				b.WriteByte(byte(c))
			}
		}
		b.WriteString("\r\n")
	}
	return b.String()
}

// dates adds a message for every date that some tool gets wrong, in many zones.
func (a *awkward) dates() {
	days := []time.Time{
		time.Date(1970, 1, 1, 14, 0, 0, 0, time.UTC), time.Date(1970, 1, 2, 0, 0, 0, 0, time.UTC),
		time.Date(1999, 12, 31, 23, 59, 59, 0, time.UTC), time.Date(2000, 2, 29, 12, 0, 0, 0, time.UTC),
		time.Date(2001, 9, 9, 1, 46, 40, 0, time.UTC), time.Date(2024, 3, 31, 1, 30, 0, 0, time.UTC),
		time.Date(2024, 10, 27, 2, 30, 0, 0, time.UTC), time.Date(2037, 12, 31, 23, 59, 59, 0, time.UTC),
		time.Date(2038, 1, 19, 3, 14, 7, 0, time.UTC),
	}
	zones := []int{0, 3600, -3600, 5*3600 + 1800, -9*3600 - 1800, 14 * 3600, -12 * 3600, 5*3600 + 2700}
	for i, day := range days {
		a.add("Team Notes", fmt.Sprintf("Message-ID: <date%d@example.org>\r\nDate: %s\r\nSubject: date\r\n\r\nx\r\n", i, day.Format(time.RFC1123Z)))
		a.Messages[len(a.Messages)-1].Date = day.In(time.FixedZone("", zones[i%len(zones)]))
	}
}

// flags adds a message for every flag, keywords and all of them together.
func (a *awkward) flags() {
	all := []string{
		`\Seen`, `\Answered`, `\Flagged`, `\Draft`, `\Deleted`,
		"$Forwarded", "$MDNSent", "$Label1", "Custom1", "with-dash", "NonJunk",
	}
	for i, f := range all {
		a.add("R&D", fmt.Sprintf("Message-ID: <flag%d@example.org>\r\nSubject: flag\r\n\r\nx\r\n", i), f)
	}
	a.add("R&D", "Message-ID: <flags@example.org>\r\nSubject: all flags\r\n\r\nx\r\n", all...)
	a.add("R&D", "Message-ID: <noflags@example.org>\r\nSubject: no flags\r\n\r\nx\r\n")
}
