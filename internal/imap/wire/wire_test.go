package wire_test

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"go.uber.org/goleak"

	"github.com/mailhaul/mailhaul/internal/imap/wire"
	"github.com/mailhaul/mailhaul/internal/migration"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFolderNames(t *testing.T) {
	for raw, name := range map[string]string{
		"INBOX": "INBOX", "Gr&APY-&AN8-e": "", "Gr&APYA3w-e": "Größe", "A &- B": "A & B", "R&D": "",
		"&ZeVnLIqe-": "日本語", "&2D3eAA-": "😀", "&AGE-": "", "&2D0-": "", "caf\xc3\xa9": "", "&": "", "&-": "&",
		"a\tb": "", "&AAA-": "",
	} {
		got, ok := wire.DecodeName(raw)
		if ok != (name != "") || ok && got != name {
			t.Errorf("%q decodes to %q, %t; want %q", raw, got, ok, name)
		}
	}
}

func TestDates(t *testing.T) {
	for text, want := range map[string]string{
		"17-Jul-1996 02:44:25 -0700": "1996-07-17T02:44:25-07:00",
		" 1-Feb-2020 01:02:03 +0530": "2020-02-01T01:02:03+05:30",
		"01-Feb-2020 1:02:03 +0000":  "2020-02-01T01:02:03Z",
		"1-feb-2020 01:02:03 GMT":    "2020-02-01T01:02:03Z",
		"1-Feb-2020 01:02:03":        "2020-02-01T01:02:03Z",
		"":                           "", "32-Jan-2020 00:00:00 +0000": "", "1-Jan-2020 00:00:00 +9960": "", "NIL": "",
	} {
		got, ok := wire.ParseDate(text)
		if ok != (want != "") || ok && !strings.HasPrefix(strings.Replace(got.Format(time.RFC3339), "+00:00", "Z", 1), want) {
			t.Errorf("%q is %s, %t; want %q", text, got.Format(time.RFC3339), ok, want)
		}
	}
}

func TestCommandKeepsToOneLine(t *testing.T) {
	tests := map[string]string{
		"INBOX": "INBOX", "a b": `"a b"`, `q"\`: `"q\"\\"`, "": `""`, "nil": `"nil"`, "x{5}": `"x{5}"`, "50%": `"50%"`,
		"a\r\nb": "{4}\r\na\r\nb", "é": "{2}\r\né",
	}
	for text, want := range tests {
		line, _, err := (&wire.Command{}).String(text).Bytes()
		if err != nil || string(line) != want {
			t.Errorf("%q is %q, %v; want %q", text, line, err, want)
		}
	}
	if _, _, err := (&wire.Command{}).String("a\x00b").Bytes(); err == nil {
		t.Error("NUL passed")
	}
	for _, flag := range []string{"", `\`, "a b", "a)", "a\r\nb", "é", "a{3}", "*", "]"} {
		if _, _, err := (&wire.Command{}).Flags([]string{flag}).Bytes(); err == nil {
			t.Errorf("flag %q passed", flag)
		}
	}
}

func TestManyLiteralsCostLinearTime(t *testing.T) {
	in := strings.NewReader("* X " + strings.Repeat("{0}\r\n", 90_000) + "\r\n")
	r := wire.NewReader(in, wire.Limits{Line: 1 << 20})
	start := time.Now()
	if err := r.Begin(); err != nil {
		t.Fatal(err)
	}
	if err := r.SkipLine(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Error("it took", took)
	}
	r = wire.NewReader(strings.NewReader(strings.Repeat("{0}\r\n", 200_000)), wire.Limits{Line: 1 << 30})
	var tooMany *wire.LimitError
	if err := r.SkipLine(); !errors.As(err, &tooMany) {
		t.Error(err)
	}
}

func TestAnnouncedLengthTakesNoMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 1000 {
		r := wire.NewReader(strings.NewReader("{60000}\r\nabc"), wire.Limits{})
		if _, _, err := r.String(); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if perReader := (after.TotalAlloc - before.TotalAlloc) / 1000; perReader > 70<<10 {
		t.Error(perReader, "bytes each")
	}
}

func TestReaderTakesBytesAsTheyCome(t *testing.T) {
	text := "{3}\r\na\r\n \"q \\\" x\" (a (b) {1}\r\n)) 12 NIL\r\nnext\r\n"
	r := wire.NewReader(iotest.OneByteReader(strings.NewReader(text)), wire.Limits{})
	literal, _, err := r.String()
	if err != nil || string(literal) != "a\r\n" {
		t.Fatal(literal, err)
	}
	_ = r.Spaces()
	if quoted, _, err := r.String(); err != nil || string(quoted) != `q " x` {
		t.Fatal(quoted, err)
	}
	_ = r.Spaces()
	if err := r.Skip(); err != nil {
		t.Fatal(err)
	}
	_ = r.Spaces()
	if n, err := r.Number(); err != nil || n != 12 {
		t.Fatal(n, err)
	}
	_ = r.Spaces()
	if _, null, err := r.String(); err != nil || !null {
		t.Fatal(null, err)
	}
	if err := r.End(); err != nil {
		t.Fatal(err)
	}
	if rest, err := r.Text(); err != nil || rest != "next" {
		t.Fatal(rest, err)
	}
}

func TestLongHeaderIsCut(t *testing.T) {
	r := wire.NewReader(strings.NewReader("{200000}\r\n"+strings.Repeat("h", 200000)+" x\r\n"), wire.Limits{})
	text, _, err := r.Prefix(1000)
	if err != nil || len(text) != 1000 {
		t.Fatal(len(text), err)
	}
	if err := r.Spaces(); err != nil {
		t.Fatal(err)
	}
	if word, err := r.Atom(); err != nil || string(word) != "x" {
		t.Fatal(word, err)
	}
}

func TestRangesOfAnyOrder(t *testing.T) {
	r := wire.NewReader(strings.NewReader("7,9:8,1:3,2 \r\n"), wire.Limits{})
	var ranges wire.Ranges
	if err := r.Ranges(&ranges); err != nil {
		t.Fatal(err)
	}
	if got := ranges.Set().String(); got != "1:3,7:9" {
		t.Error(got)
	}
}

func FuzzReader(f *testing.F) {
	for _, seed := range []string{"* OK hi\r\n", "* 1 FETCH (UID 1 BODY[] {3}\r\nabc)\r\n", "((\"a\" {2}\r\nxy) NIL)\r\n", "{5+}\r\nab", "~{1}\r\n\x00 x\r\n", "1:3,7\r\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := wire.NewReader(bytes.NewReader(data), wire.Limits{Line: 4096, Literal: 1024, Tokens: 500})
		for range 1000 {
			if err := r.Begin(); err != nil {
				return
			}
			err := r.Skip()
			var malformed *wire.SyntaxError
			if err == nil || errors.As(err, &malformed) {
				err = r.SkipLine()
			}
			if err != nil {
				return
			}
		}
	})
}

func FuzzUTF7(f *testing.F) {
	for _, seed := range []string{"INBOX", "Gr&APYA3w-e", "&-", "&2D3eAA-", "Größe & Co", "&&", "\x00\x7f"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if name, ok := wire.DecodeName(text); ok && wire.EncodeName(name) != text {
			t.Errorf("%q is decoded to %q, which is encoded to %q", text, name, wire.EncodeName(name))
		}
		raw := wire.EncodeName(text)
		name, ok := wire.DecodeName(raw)
		if valid := strings.ToValidUTF8(text, "\uFFFD"); ok && name != valid && !strings.ContainsRune(valid, '\uFFFD') {
			t.Errorf("%q comes back as %q", text, name)
		}
		for _, b := range []byte(raw) {
			if b < ' ' || b >= 0x7f {
				t.Errorf("%q is encoded to %q", text, raw)
			}
		}
	})
}

func FuzzUIDSet(f *testing.F) {
	for _, seed := range []string{"1", "1:3,7", "9:1,4294967295", "0", "*", "1,,2", "1:4294967295"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		set, err := migration.ParseUIDSet(text)
		if err != nil {
			return
		}
		again, err := migration.ParseUIDSet(set.String())
		if err != nil || !again.Equal(set) {
			t.Errorf("%q: %v, %v", text, again, err)
		}
		unpacked, err := migration.UnpackUIDSet(set.Pack())
		if err != nil || !unpacked.Equal(set) {
			t.Errorf("%q: packed %v, %v", text, unpacked, err)
		}
		r := wire.NewReader(strings.NewReader(text+"\r\n"), wire.Limits{SearchLine: 1 << 20})
		r.Allow(1 << 20)
		var ranges wire.Ranges
		if err := r.Ranges(&ranges); err != nil || !ranges.Set().Equal(set) {
			t.Errorf("%q: streamed %v, %v", text, ranges.Set(), err)
		}
	})
}

func FuzzDate(f *testing.F) {
	for _, seed := range []string{" 1-Feb-2020 01:02:03 +0130", "17-Jul-1996 02:44:25 -0700", "1-Jan-0000 0:0:0 Z", "1-Jul-00 0:0:0,1", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		date, ok := wire.ParseDate(text)
		if !ok || !wire.FitsDate(date) {
			return
		}
		again, ok := wire.ParseDate(wire.FormatDate(date))
		if !ok || !again.Equal(date) {
			t.Errorf("%q is %s, and then %s", text, date, again)
		}
	})
}

func FuzzEncode(f *testing.F) {
	for _, seed := range []string{"INBOX", "a b", "x{5}", "{5+}", "a\r\nA1 LOGOUT", "\x00", "é", `\"`, "NIL"} {
		f.Add(seed, 0)
		f.Add(seed, 100)
	}
	f.Fuzz(func(t *testing.T, text string, nonSync int) {
		line, waits, err := (&wire.Command{NonSync: nonSync}).String(text).Raw(" end").Bytes()
		if err != nil {
			if !strings.ContainsRune(text, 0) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if len(waits) > 0 && len(text) <= nonSync {
			t.Errorf("%q waits", text)
		}
		r := wire.NewReader(bytes.NewReader(append(line, "\r\n"...)), wire.Limits{Line: 1 << 20, Literal: 1 << 20})
		got, null, err := r.String()
		if err != nil || null || string(got) != text {
			t.Fatalf("%q comes back as %q, %t, %v", text, got, null, err)
		}
		if rest, err := r.Text(); err != nil || rest != " end" {
			t.Errorf("%q leaves %q, %v", text, rest, err)
		}
		if r.Buffered() > 0 {
			t.Errorf("%q makes more than one command", text)
		}
	})
}
