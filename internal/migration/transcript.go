package migration

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"sync"
	"time"
)

// Transcript is what was said on the lines of a pass: commands and answers, without
// secrets, literals and messages.
type Transcript struct {
	At   time.Time
	Took time.Duration
	Kind PassKind
	// Packed is the text, compressed: it repeats itself. See Pack.
	Packed []byte
}

// transcriptMost bounds a text that is unpacked.
const transcriptMost = 1 << 20

// packers are kept, because to make one takes longer than to pack a short text.
var packers = sync.Pool{New: func() any {
	packer, _ := flate.NewWriter(nil, flate.BestSpeed) // the level is one that exists
	return packer
}}

// Pack compresses a text into the transcript.
func (t *Transcript) Pack(text []byte) {
	var out bytes.Buffer
	packer := packers.Get().(*flate.Writer)
	defer packers.Put(packer)
	packer.Reset(&out)
	_, _ = packer.Write(text) // a buffer takes all
	_ = packer.Close()
	t.Packed = out.Bytes()
}

// Text gives what was packed.
func (t *Transcript) Text() (string, error) {
	text, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(t.Packed)), transcriptMost))
	if err != nil {
		return "", fmt.Errorf("unpacking the transcript of %s: %w", t.At.UTC().Format(time.RFC3339), err)
	}
	return string(text), nil
}
