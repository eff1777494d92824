package imapfake

import (
	"bytes"
	"compress/flate"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

func TestInflaterAgreesWithFlate(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 60 {
		text := make([]byte, random.IntN(50_000))
		for i := range text {
			text[i] = byte(random.IntN(1 + round*4))
		}
		if round%3 == 0 && len(text) > 100 {
			copy(text[len(text)/2:], text)
			clear(text[len(text)/4 : len(text)/3])
		}
		var packed bytes.Buffer
		w, err := flate.NewWriter(&packed, []int{flate.HuffmanOnly, 0, 1, 6, 9}[round%5])
		if err != nil {
			t.Fatal(err)
		}
		for part := text; len(part) > 0; {
			n := min(len(part), 1+random.IntN(20_000))
			_, _ = w.Write(part[:n])
			_ = w.Flush()
			part = part[n:]
		}
		_ = w.Close()
		from := io.Reader(&packed)
		if round%2 == 0 {
			from = iotest.OneByteReader(from)
		}
		got, err := io.ReadAll(newInflater(from))
		if err != nil || !bytes.Equal(got, text) {
			t.Fatalf("round %d: %v, %d of %d bytes", round, err, len(got), len(text))
		}
	}
}

func TestInflaterHandsOutAfterAPartialFlush(t *testing.T) {
	// zlib: deflate("a NOOP\r\n", Z_PARTIAL_FLUSH), whose empty block is cut
	// off within its bits.
	packed := []byte{0x4a, 0x54, 0xf0, 0xf3, 0xf7, 0x0f, 0xe0, 0xe5, 0x02}
	near, far := io.Pipe()
	go func() { _, _ = far.Write(packed) }()
	got := make([]byte, 8)
	if _, err := io.ReadFull(newInflater(near), got); err != nil {
		t.Fatal(err)
	}
	equals(t, string(got), "a NOOP\r\n")
	_ = near.Close()
}

func TestInflaterRefusesDamage(t *testing.T) {
	for _, packed := range [][]byte{{0x07}, {0x01, 1, 0, 0, 0}, {0x03, 0x02}} {
		if _, err := io.ReadAll(newInflater(bytes.NewReader(packed))); err == nil {
			t.Errorf("%x is taken", packed)
		}
	}
}

func FuzzInflater(f *testing.F) {
	f.Add([]byte{0x4a, 0x54, 0xf0, 0xf3, 0xf7, 0x0f, 0xe0, 0xe5, 0x02})
	f.Fuzz(func(t *testing.T, packed []byte) {
		want, wantErr := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), 1<<20))
		got, err := io.ReadAll(io.LimitReader(newInflater(bytes.NewReader(packed)), 1<<20))
		if wantErr == nil && (err != nil || !bytes.Equal(got, want)) {
			t.Fatalf("%v: %d bytes, want %d", err, len(got), len(want))
		}
	})
}
