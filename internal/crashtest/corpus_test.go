package crashtest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"time"
)

// letter is a message and where it lies.
type letter struct {
	folder string
	raw    []byte
	date   time.Time
	flags  []string
}

// Folders as on the wire, in modified UTF-7.
const (
	nested = "Ablage &AMQ-lteres/Vertr&AOQ-ge/2019"
	kanji  = "&ZeVnLIqe-/&U,BTFw-"
	vacant = "Leer &ICY-"
)

var folders = []string{"INBOX", nested, kanji, "Sent"}

var keywords = [][]string{
	nil, {`\Seen`}, {`\Seen`, `\Answered`}, {`\Flagged`, "$Forwarded"}, {`\Draft`}, {`\Deleted`, `\Seen`},
	{"$Junk", "$NotJunk", "Projekt-7"}, {`\Seen`, `\Flagged`, `\Answered`, "$MDNSent"},
}

// corpus makes mail, the same for the same seed: the odd cases, and ordinary
// messages in all folders.
type corpus struct {
	rng    *rand.Rand
	serial int
}

func newCorpus(seed uint64) *corpus { return &corpus{rng: rand.New(rand.NewPCG(seed, 7))} }

// ordinary makes a message like most.
func (c *corpus) ordinary() letter {
	c.serial++
	var raw bytes.Buffer
	fmt.Fprintf(&raw, "Received: from mx%d.example.org by mail.example.org; id %d\r\n", c.rng.IntN(9), c.serial)
	fmt.Fprintf(&raw, "Message-ID: <%d.%d@example.org>\r\nSubject: Bericht %d\r\n\r\n", c.serial, c.rng.Uint64(), c.serial)
	for range c.rng.IntN(60) {
		fmt.Fprintf(&raw, "line %x of the message\r\n", c.rng.Uint64())
	}
	return letter{folders[c.rng.IntN(len(folders))], raw.Bytes(), c.date(), keywords[c.rng.IntN(len(keywords))]}
}

// date is between January 1970 and January 2038, in some zone.
func (c *corpus) date() time.Time {
	zone := time.FixedZone("", (c.rng.IntN(27)-13)*3600+c.rng.IntN(2)*1800)
	return time.Unix(86400*2+c.rng.Int64N(2147483647-86400*4), 0).In(zone)
}

// odd makes the messages that tools lose or double.
func (c *corpus) odd() []letter {
	when := time.Date(2019, 2, 28, 23, 59, 59, 0, time.FixedZone("", 5*3600+1800))
	text := func(folder, raw string) letter { return letter{folder, []byte(raw), when, []string{`\Seen`}} }
	letters := []letter{
		text("INBOX", "x"),
		text("INBOX", "Subject: one byte\r\n\r\ny"),
		text("INBOX", "Subject: the end has no line break\r\nMessage-ID: <n@e>\r\n\r\nabc"),
		text(kanji, "\r\nno header at all\r\n"),
		text(nested, "Subject: 8 bits\r\n\r\n\x80\xff\xc3\x28 \xe2\x82\r\n"),
		{"INBOX", []byte("Subject: old\r\n\r\n1\r\n"), time.Unix(86400, 0).UTC(), nil},
		{"INBOX", []byte("Subject: new\r\n\r\n1\r\n"), time.Date(2038, 1, 18, 3, 14, 7, 0, time.UTC), nil},
	}
	for range 5 {
		letters = append(letters, text("INBOX", "Message-ID: <same@e>\r\nSubject: exact duplicate\r\n\r\nquota warning\r\n"))
	}
	for i := range 3 {
		letters = append(letters,
			text("Sent", fmt.Sprintf("Message-ID: <same@e>\r\nSubject: same id\r\n\r\nbody %d\r\n", i)),
			text("Sent", fmt.Sprintf("Subject: no id\r\n\r\nbody %d\r\n", i)),
			letter{"Sent", []byte("Message-ID: <d@e>\r\nSubject: same bytes, other date\r\n\r\nz\r\n"), when.Add(time.Duration(i) * time.Second), nil})
	}
	return letters
}

// big makes a message of a size.
func (c *corpus) big(folder string, size int) letter {
	l := c.ordinary()
	raw := bytes.NewBuffer(l.raw)
	for raw.Len() < size {
		fmt.Fprintf(raw, "%x%x%x%x\r\n", c.rng.Uint64(), c.rng.Uint64(), c.rng.Uint64(), c.rng.Uint64())
	}
	l.folder, l.raw = folder, raw.Bytes()
	return l
}

// many makes ordinary messages.
func (c *corpus) many(n int) []letter {
	letters := make([]letter, n)
	for i := range letters {
		letters[i] = c.ordinary()
	}
	return letters
}
