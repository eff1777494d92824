package demo

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/imapfake"
)

// writer writes the mail of one person. The same person always gets the same.
type writer struct {
	person person
	chance *rand.PCG
	kinds  []kind
	count  int
}

// seed is any number; another one makes another office.
const seed = 1987

func newWriter(p person) *writer {
	w := &writer{person: p, chance: rand.NewPCG(seed, seed), kinds: kinds()}
	for _, c := range p.user {
		w.chance = rand.NewPCG(w.chance.Uint64(), uint64(c))
	}
	return w
}

// below is a number from 0 up to, but not including, n.
func (w *writer) below(n int) int { return int(w.chance.Uint64() % uint64(n)) }

func pick[T any](w *writer, from []T) T { return from[w.below(len(from))] }

// fill puts a person's mail into their mailbox at the source.
func (m *Mailbox) fill(box *imapfake.Mailbox, p person) {
	w := newWriter(p)
	folders := append([]folder{{"INBOX", p.inbox}}, p.folders...)
	for i, f := range folders {
		name := "INBOX"
		if i > 0 {
			name = "INBOX." + wireName(f.name)
		}
		box.Create(name)
		box.Subscribe(name)
		for n := 0; n < f.messages; n++ {
			raw, date, flags := w.next(), w.when(), w.marks()
			if i == 0 && n == f.messages/2 {
				raw = w.attach(w.letter(), p.attachment)
			}
			copies := 1
			if w.count%copyEvery == 0 && n+1 < f.messages {
				copies, n = 2, n+1
			}
			for range copies {
				box.Deliver(name, raw, date, flags...)
				m.Messages, m.Bytes = m.Messages+1, m.Bytes+int64(len(raw))
			}
		}
		m.Folders++
	}
}

// copyEvery and awkwardEvery are how often a message is there twice, and how
// often it is not an ordinary one.
const copyEvery, awkwardEvery = 17, 3

func (w *writer) next() []byte {
	l := w.letter()
	if w.count%awkwardEvery == 0 {
		return w.kinds[w.count/awkwardEvery%len(w.kinds)](w, l)
	}
	return plain(w, l)
}

func (w *writer) letter() *letter {
	w.count++
	other := pick(w, []string{"desk", "sales", "jo", "kim", "workshop"})
	p := w.person
	return &letter{
		from:    mailbox(strings.ToUpper(other[:1])+other[1:], other),
		to:      mailbox(p.name, p.user),
		subject: encoded(fmt.Sprintf(pick(w, p.language.subjects), w.count)),
		id:      fmt.Sprintf("<%d.%s@%s>", w.count, p.user, domain),
		date:    w.when(),
		body:    w.text(),
	}
}

func (w *writer) text() string {
	const most = 14
	var b strings.Builder
	for range 1 + w.below(most) {
		b.WriteString(pick(w, w.person.language.sentences) + "\r\n")
	}
	return b.String() + "\r\n" + w.person.language.farewell + "\r\n" + w.person.name + "\r\n"
}

// when is a date between 2009 and 2025, and now and then one that is hard.
func (w *writer) when() time.Time {
	const hardEvery = 11
	if w.below(hardEvery) == 0 {
		return pick(w, hardDates())
	}
	zones := []int{0, 1, 2, 3, 9, -5}
	first, last := time.Date(2009, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	zone := time.FixedZone("", pick(w, zones)*int(time.Hour/time.Second))
	return first.Add(time.Duration(w.below(int(last.Sub(first)/time.Second))) * time.Second).In(zone)
}

func hardDates() []time.Time {
	const halfHours = 5*60*60 + 30*60
	return []time.Time{
		time.Date(1970, 1, 1, 0, 0, 1, 0, time.UTC),
		time.Date(1999, 12, 31, 23, 59, 59, 0, time.UTC),
		time.Date(2000, 2, 29, 12, 0, 0, 0, time.FixedZone("", halfHours)),
		time.Date(2016, 10, 30, 2, 30, 0, 0, time.FixedZone("", int(time.Hour/time.Second))),
		time.Date(2038, 1, 19, 3, 14, 8, 0, time.UTC),
	}
}

// marks are the flags of a message.
func (w *writer) marks() []string {
	return pick(w, [][]string{
		{`\Seen`}, {`\Seen`}, {`\Seen`}, {`\Seen`, `\Answered`}, {}, {`\Seen`, `\Flagged`, "$label1"},
		{`\Seen`, "$Forwarded"}, {`\Seen`, `\Answered`, "NonJunk"}, {`\Draft`}, {"Wichtig", "$MDNSent"},
	})
}

// NewMail is a message that has just arrived for somebody.
func NewMail(to string, now time.Time) (subject string, raw []byte) {
	l := &letter{
		from: mailbox("Kim", "kim"), to: to, subject: "News of " + now.Format(time.TimeOnly),
		id: fmt.Sprintf("<%d@%s>", now.UnixNano(), domain), date: now,
		body: "This message arrived after the first copy.\r\n",
	}
	return l.subject, plain(nil, l)
}
