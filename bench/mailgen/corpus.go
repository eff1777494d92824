package mailgen

import (
	"encoding/base64"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"
)

// Corpus is the mail of one mailbox.
type Corpus struct {
	// Folders are decoded names with "/" as separator, INBOX included, in the
	// order of their creation.
	Folders  []string
	Messages []Message
}

// Message is one message to append.
type Message struct {
	Folder string
	Body   []byte
	// Date is the INTERNALDATE. Dovecot replaces one in the future by the present.
	Date time.Time
	// Flags are system flags and keywords.
	Flags []string
	// NUL says that the body has NUL bytes, which RFC 9051, section 4.3 forbids
	// in a plain literal; Dovecot serves them as 0x80.
	NUL bool
}

// Bytes is the size of all bodies.
func (c Corpus) Bytes() int64 {
	var n int64
	for _, m := range c.Messages {
		n += int64(len(m.Body))
	}
	return n
}

// Spec describes ordinary mail.
type Spec struct {
	// Seed chooses the bytes.
	Seed uint64
	// Messages and Bytes are the totals; Bytes is met within a few per cent.
	Messages int
	Bytes    int64
	// Folders is the number of folders, INBOX included; 0 means 1.
	Folders int
}

// Loopback is the corpus of the race without latency.
func Loopback() Spec { return Spec{Seed: 1, Messages: 3000, Bytes: 97 << 20, Folders: 8} }

// Latency is the corpus of the race over a long line.
func Latency() Spec { return Spec{Seed: 2, Messages: 500, Bytes: 18 << 20, Folders: 8} }

// Sizes of messages before scaling: a median of 8 KB, with a long tail.
const (
	medianSize = 8 << 10
	sizeSpread = 1.6
	minSize    = 700
	maxSize    = 12 << 20
	// attachFrom is the size from which a message carries an attachment.
	attachFrom = 12 << 10
)

// Corpus makes the mail that the spec describes.
func (s Spec) Corpus() Corpus {
	rng := rand.New(rand.NewPCG(s.Seed, 0x6d61696c))
	c := Corpus{Folders: folderNames(max(s.Folders, 1))}
	sizes := s.sizes(rng)
	date := time.Date(2019, 3, 1, 8, 0, 0, 0, time.UTC)
	for i, size := range sizes {
		date = date.Add(time.Duration(rng.IntN(7200)+60) * time.Second)
		c.Messages = append(c.Messages, Message{
			Folder: c.Folders[pickFolder(rng, len(c.Folders))],
			Body:   letter(rng, fmt.Sprintf("%d.%d", s.Seed, i), date, size),
			Date:   date.In(time.FixedZone("", (rng.IntN(25)-12)*3600)),
			Flags:  pickFlags(rng),
		})
	}
	return c
}

// sizes draws log-normal sizes and scales them to the wanted total.
func (s Spec) sizes(rng *rand.Rand) []int {
	drawn := make([]float64, s.Messages)
	var sum float64
	for i := range drawn {
		drawn[i] = medianSize * math.Exp(sizeSpread*rng.NormFloat64())
		sum += drawn[i]
	}
	sizes := make([]int, s.Messages)
	for i, d := range drawn {
		sizes[i] = int(min(max(d*float64(s.Bytes)/sum, minSize), maxSize))
	}
	return sizes
}

// folderNames returns INBOX and n-1 ordinary names.
func folderNames(n int) []string {
	names := []string{"INBOX", "Sent", "Archive", "Archive/2023", "Archive/2024", "Projects", "Projects/Alpha", "Lists"}
	for i := len(names); i < n; i++ {
		names = append(names, fmt.Sprintf("Folder %d", i))
	}
	return names[:n]
}

// pickFolder prefers INBOX, where a third of the mail lies.
func pickFolder(rng *rand.Rand, n int) int {
	if n == 1 || rng.IntN(3) == 0 {
		return 0
	}
	return 1 + rng.IntN(n-1)
}

// pickFlags returns the flags of ordinary mail: mostly seen, some answered.
func pickFlags(rng *rand.Rand) []string {
	var flags []string
	for _, f := range []struct {
		name    string
		percent int
	}{{`\Seen`, 80}, {`\Answered`, 20}, {`\Flagged`, 5}, {`$Forwarded`, 5}, {"Work", 3}} {
		if rng.IntN(100) < f.percent {
			flags = append(flags, f.name)
		}
	}
	return flags
}

// letter makes a message of about size bytes: text, and an attachment where
// there is room for one.
func letter(rng *rand.Rand, id string, date time.Time, size int) []byte {
	var b strings.Builder
	b.Grow(size + 1024)
	stamp := date.Format("Mon, 02 Jan 2006 15:04:05 -0700")
	fmt.Fprintf(&b, "Received: from mx.example.org (mx.example.org [192.0.2.%d])\r\n\tby mail.example.com with ESMTPS id %x;\r\n\t%s\r\n", rng.IntN(255), rng.Uint64(), stamp)
	fmt.Fprintf(&b, "Message-ID: <%s.%x@example.org>\r\nDate: %s\r\n", id, rng.Uint64(), stamp)
	fmt.Fprintf(&b, "From: %s <p%d@example.org>\r\nTo: %s <u@example.com>\r\n", words(rng, 2), rng.IntN(500), words(rng, 2))
	fmt.Fprintf(&b, "Subject: %s\r\nMIME-Version: 1.0\r\n", words(rng, 3+rng.IntN(6)))
	if size < attachFrom {
		b.WriteString("Content-Type: text/plain; charset=us-ascii\r\n\r\n")
		prose(rng, &b, size-b.Len())
		return []byte(b.String())
	}
	edge := fmt.Sprintf("=_%x", rng.Uint64())
	fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=\"%s\"\r\n\r\n--%s\r\nContent-Type: text/plain\r\n\r\n", edge, edge)
	prose(rng, &b, 1500+rng.IntN(2500))
	fmt.Fprintf(&b, "--%s\r\nContent-Type: application/octet-stream; name=\"file.bin\"\r\nContent-Transfer-Encoding: base64\r\n\r\n", edge)
	attachment(rng, &b, size-b.Len())
	fmt.Fprintf(&b, "--%s--\r\n", edge)
	return []byte(b.String())
}

// prose writes lines of words, at least n bytes of them.
func prose(rng *rand.Rand, b *strings.Builder, n int) {
	for end := b.Len() + n; b.Len() < end; {
		b.WriteString(words(rng, 8+rng.IntN(5)))
		b.WriteString("\r\n")
	}
}

// attachment writes base64 lines of random bytes, at least n bytes of them.
func attachment(rng *rand.Rand, b *strings.Builder, n int) {
	var raw [57]byte
	for end := b.Len() + n; b.Len() < end; {
		for i := 0; i < len(raw); i += 8 {
			v := rng.Uint64()
			for j := i; j < min(i+8, len(raw)); j++ {
				raw[j] = byte(v >> (8 * (j - i)))
			}
		}
		b.WriteString(base64.StdEncoding.EncodeToString(raw[:]))
		b.WriteString("\r\n")
	}
}

const vocabulary = "the meeting report about budget project review please find attached schedule team " +
	"customer order invoice delivery question answer tomorrow monday final draft update network server " +
	"contract travel office garden music weather kitchen number simple letter window system"

// words returns n words of the vocabulary.
func words(rng *rand.Rand, n int) string {
	all := strings.Fields(vocabulary)
	picked := make([]string, n)
	for i := range picked {
		picked[i] = all[rng.IntN(len(all))]
	}
	return strings.Join(picked, " ")
}

// Giant makes one message of about n bytes for INBOX.
func Giant(seed uint64, n int) Message {
	rng := rand.New(rand.NewPCG(seed, 0x626967))
	date := time.Date(2022, 1, 1, 0, 0, 0, 0, time.UTC)
	return Message{Folder: "INBOX", Body: letter(rng, "giant", date, n), Date: date}
}
