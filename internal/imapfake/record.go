package imapfake

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"sync"
)

// RecordOptions say what is kept of the bytes on the line.
type RecordOptions struct {
	// Keep keeps the bytes for Recorded, up to Limit per connection,
	// direction and layer; zero is 16 MiB.
	Keep  bool
	Limit int
	// Canaries are looked for in every byte, kept or not; see Saw.
	Canaries [][]byte
	// Trace gets a line per piece of plain text, "[3] C: ..." quoted.
	Trace io.Writer
}

// Transcript is what crossed one connection: Received came from the client,
// Sent went to it, as bytes on the wire; the plain ones are without TLS and
// DEFLATE.
type Transcript struct {
	Number                   int
	Received, Sent           []byte
	PlainReceived, PlainSent []byte
}

type direction int

const (
	received direction = iota
	sent
)

type recorder struct {
	options RecordOptions
	mu      sync.Mutex
	conns   []*recording
	hits    map[string]int
}

// recording is the record of one connection; nil records nothing.
type recording struct {
	recorder *recorder
	number   int
	// layers are wire and plain, each received and sent.
	layers [2][2]scanned
}

// scanned is a stretch of kept bytes and the tail that a canary may begin in.
type scanned struct {
	kept, tail []byte
}

func (r *recorder) conn(number int) *recording {
	if o := r.options; !o.Keep && len(o.Canaries) == 0 && o.Trace == nil {
		return nil
	}
	c := &recording{recorder: r, number: number}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns = append(r.conns, c)
	return c
}

func (c *recording) wire(d direction, p []byte) {
	if c != nil && len(p) > 0 {
		c.add(&c.layers[0][d], p, "wire")
	}
}

func (c *recording) plain(d direction, p []byte) {
	if c == nil || len(p) == 0 {
		return
	}
	c.add(&c.layers[1][d], p, "plain")
	if w := c.recorder.options.Trace; w != nil {
		c.recorder.mu.Lock()
		defer c.recorder.mu.Unlock()
		who := 'C'
		if d == sent {
			who = 'S'
		}
		for text := range bytes.Lines(p) {
			fmt.Fprintf(w, "[%d] %c: %q\n", c.number, who, text)
		}
	}
}

func (c *recording) add(to *scanned, p []byte, layer string) {
	r := c.recorder
	r.mu.Lock()
	defer r.mu.Unlock()
	limit := r.options.Limit
	if limit == 0 {
		limit = 16 << 20
	}
	if r.options.Keep {
		to.kept = append(to.kept, p[:min(len(p), limit-len(to.kept))]...)
	}
	longest := 0
	for _, canary := range r.options.Canaries {
		longest = max(longest, len(canary))
	}
	if longest == 0 {
		return
	}
	text := slices.Concat(to.tail, p)
	for _, canary := range r.options.Canaries {
		// What ends in the tail was found before.
		from := max(0, len(to.tail)-len(canary)+1)
		if n := bytes.Count(text[from:], canary); n > 0 {
			if r.hits == nil {
				r.hits = map[string]int{}
			}
			r.hits[layer+string(canary)] += n
		}
	}
	to.tail = bytes.Clone(text[max(0, len(text)-longest+1):])
}

// Recorded are the transcripts of all connections so far, in their order. It
// is empty without RecordOptions.Keep.
func (s *Server) Recorded() []Transcript {
	r := &s.record
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []Transcript
	for _, c := range r.conns {
		list = append(list, Transcript{
			Number: c.number, Received: bytes.Clone(c.layers[0][received].kept), Sent: bytes.Clone(c.layers[0][sent].kept),
			PlainReceived: bytes.Clone(c.layers[1][received].kept), PlainSent: bytes.Clone(c.layers[1][sent].kept),
		})
	}
	slices.SortFunc(list, func(a, b Transcript) int { return a.Number - b.Number })
	return list
}

// Saw counts a canary of RecordOptions.Canaries: on the wire, where encrypted
// bytes do not show it, and in plain text after decryption, either direction.
func (s *Server) Saw(canary []byte) (wire, plain int) {
	s.record.mu.Lock()
	defer s.record.mu.Unlock()
	return s.record.hits["wire"+string(canary)], s.record.hits["plain"+string(canary)]
}
