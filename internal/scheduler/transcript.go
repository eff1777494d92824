package scheduler

import (
	"bytes"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// A transcript has the beginning of what is said in a pass, which tells who signs in
// where, and the end, which tells how it went: 64 KiB together.
const (
	transcriptHead = 8 << 10
	transcriptTail = 56 << 10
)

// transcript takes what is said on the lines of a pass, from several goroutines.
type transcript struct {
	began time.Time

	mu sync.Mutex
	// lines counts the connections of each side.
	lines map[string]int
	head  []byte
	// tail is a ring: when it is full, the next byte goes to at.
	tail []byte
	at   int
	// dropped counts the bytes that were overwritten.
	dropped int64
	scratch []byte
}

func newTranscript() *transcript {
	return &transcript{began: time.Now(), lines: map[string]int{}}
}

// line gives who takes what is said on one more connection to a side.
func (t *transcript) line(side string) func(string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines[side]++
	name := fmt.Sprintf(" %s %d ", side, t.lines[side])
	return func(said string) { t.take(name, said) }
}

func (t *transcript) take(name, said string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	const milliseconds = 3
	b := strconv.AppendFloat(t.scratch[:0], time.Since(t.began).Seconds(), 'f', milliseconds, 64)
	b = append(append(b, name...), said...)
	for i, c := range b {
		if c == '\n' || c == '\r' {
			b[i] = ' '
		}
	}
	b = append(b, '\n')
	t.scratch = b
	if len(t.tail) == 0 && len(t.head)+len(b) <= transcriptHead {
		t.head = append(t.head, b...)
		return
	}
	t.turn(b)
}

// turn writes into the ring.
func (t *transcript) turn(b []byte) {
	room := min(transcriptTail-len(t.tail), len(b))
	t.tail = append(t.tail, b[:room]...)
	for b = b[room:]; len(b) > 0; {
		n := copy(t.tail[t.at:], b)
		t.at = (t.at + n) % transcriptTail
		t.dropped += int64(n)
		b = b[n:]
	}
}

// text gives what was said, line by line.
func (t *transcript) text() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	end := append(bytes.Clone(t.tail[t.at:]), t.tail[:t.at]...)
	text := bytes.Clone(t.head)
	if t.dropped > 0 {
		part, whole, _ := bytes.Cut(end, []byte("\n"))
		text = fmt.Appendf(text, "... %d bytes are left out ...\n", t.dropped+int64(len(part))+1)
		end = whole
	}
	var safe bytes.Buffer
	for line := range bytes.Lines(append(text, end...)) {
		safe.WriteString(migration.SafeText(string(bytes.TrimSuffix(line, []byte("\n")))))
		safe.WriteByte('\n')
	}
	return safe.Bytes()
}

// packed is the transcript to be kept, nil when nothing was said.
func (t *transcript) packed(kind migration.PassKind) *migration.Transcript {
	text := t.text()
	if len(text) == 0 {
		return nil
	}
	packed := &migration.Transcript{At: t.began.UTC(), Took: time.Since(t.began), Kind: kind}
	packed.Pack(text)
	return packed
}
