package mailsync

import (
	"bytes"
	"errors"
	"io"
	"net/mail"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/mailhaul/mailhaul/bench/mailgen"
	"github.com/mailhaul/mailhaul/rigs/effort"
)

var allRepairs = []repairStep{repairLineEnds, repairNUL, repairLongLines, repairHeader8Bit}

func surveyOf(message []byte) *survey {
	s := newSurvey()
	_, _ = s.Write(message)
	s.finish()
	return s
}

func mended(t rapid.TB, message []byte, steps ...repairStep) []byte {
	out, err := io.ReadAll(newMender(bytes.NewReader(message), surveyOf(message), 0, steps...))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// checkRepair tries each step alone and all together.
func checkRepair(t rapid.TB, message []byte) {
	sum := canonOf(message)
	before := surveyOf(message)
	sets := [][]repairStep{allRepairs}
	for _, step := range allRepairs {
		sets = append(sets, []repairStep{step})
	}
	for _, steps := range sets {
		done := newMender(nil, before, 0, steps...).done()
		out := mended(t, message, steps...)
		after := surveyOf(out).steps(0)
		for _, step := range done {
			if slices.Contains(after, step) {
				t.Fatalf("%q is left by %q in %q, made of %q", step, steps, out, message)
			}
		}
		for _, step := range after {
			if len(steps) == len(allRepairs) || !slices.Contains(before.steps(0), step) {
				t.Fatalf("%q made %q of %q, which needs %q", steps, out, message, step)
			}
		}
		if len(done) == 0 && !bytes.Equal(out, message) {
			t.Fatalf("%q became %q without a step", message, out)
		}
		if canonOf(out) != sum && !looksEncoded(message) && !strangeBoundary.Match(message) {
			t.Fatalf("%q made another message %q of %q", steps, out, message)
		}
		again, err := io.ReadAll(newMender(iotest.OneByteReader(bytes.NewReader(message)), before, 0, steps...))
		if err != nil || !bytes.Equal(again, out) {
			t.Fatalf("%q in single bytes becomes %q, else %q", message, again, out)
		}
	}
}

// strangeBoundary is a boundary with bytes above 127 about it: encoded as other
// parameters are it is another, and its parts are not told any more.
var strangeBoundary = regexp.MustCompile(`(?i)content-type:(?:[^\n]|\n[ \t])*boundary(?:[^\n]|\n[ \t])*[^\x00-\x7f]`)

// looksEncoded reports whether a message may have bytes above 127 within or beside
// what looks like an encoded word, where the repaired value is another.
func looksEncoded(message []byte) bool {
	return bytes.Contains(message, []byte("=?")) && has8Bit(message)
}

func TestRepairsKeepTheMessage(t *testing.T) {
	effort.LeaveToLong(t)
	steps := map[repairStep]int{}
	for _, m := range oddMail() {
		checkRepair(t, m.Body)
		for _, step := range surveyOf(m.Body).steps(0) {
			steps[step]++
		}
	}
	for _, step := range allRepairs {
		if steps[step] < 2 || step.sentence() == string(step) {
			t.Errorf("%s was tried %d times, its sentence is %q", step, steps[step], step.sentence())
		}
	}
	// This one has encoded words among raw ones, and keeps all.
	if canonOf(mended(t, []byte(oddForms[1]), allRepairs...)) != canonOf([]byte(oddForms[1])) {
		t.Error("encoded words were lost")
	}
}

func TestRepairsOfAnyText(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) { checkRepair(r, []byte(mimeText().Draw(r, "text"))) })
}

func TestRepairedTexts(t *testing.T) {
	long := strings.Repeat("ab ", 400)
	for _, test := range []struct {
		name, in, out string
		steps         []repairStep
	}{
		{"line ends", "A: b\n\nc\rd\r\r\ne\r\n", "A: b\r\n\r\nc\r\nd\r\ne\r\n", []repairStep{repairLineEnds}},
		{"NUL", "A: b\x00\r\n\r\n\x00c\n", "A: b\r\n\r\nc\n", []repairStep{repairNUL}},
		{"line ends beside NUL", "A: b\r\x00\n\r\n", "A: b\x00\r\n\r\n", []repairStep{repairLineEnds}},
		{"8-bit subject", "Subject: Gr\xfc\xdfe aus K\xf6ln\r\n\r\n", "Subject: =?iso-8859-1?q?Gr=FC=DFe?= aus =?iso-8859-1?q?K=F6ln?=\r\n\r\n", []repairStep{repairHeader8Bit}},
		{"two words", "Subject: \xc3\xa4 \xc3\xb6\r\n\r\n", "Subject: =?utf-8?q?=C3=A4_=C3=B6?=\r\n\r\n", []repairStep{repairHeader8Bit}},
		{"names", "From: \"M\xfcller, A\" <a@x>, B\xe4r <b@x> (Z\xfcrich)\r\n\r\n",
			"From: =?iso-8859-1?q?M=FCller=2C_A?= <a@x>, =?iso-8859-1?q?B=E4r?= <b@x> (=?iso-8859-1?q?Z=FCrich?=)\r\n\r\n", nil},
		{"a comment without an end", "From: (\xe4\r\n\r\n", "From: (=?iso-8859-1?q?=E4?=\r\n\r\n", []repairStep{repairHeader8Bit}},
		{"an address without an end", "From: <\xe4\r\n\r\n", "From: <=?iso-8859-1?q?=E4?=\r\n\r\n", []repairStep{repairHeader8Bit}},
		{"a line that is no field", "ab\xe4 :\r\n\r\n", "=?iso-8859-1?q?ab=E4_=3A?=\r\n\r\n", []repairStep{repairHeader8Bit}},
		{"parameter", "Content-Disposition: attachment; filename=\"\xc3\xa4 b.txt\"; size=1\r\n\r\n",
			"Content-Disposition: attachment;\r\n filename*=utf-8''%C3%A4%20b.txt; size=1\r\n\r\n", []repairStep{repairHeader8Bit}},
		{"long text", "Subject: x\r\n\r\n" + long + "\r\nshort\r\n", "", []repairStep{repairLongLines}},
	} {
		out := string(mended(t, []byte(test.in), test.steps...))
		if test.steps == nil {
			out = string(mended(t, []byte(test.in), allRepairs...))
			list, err := mail.ParseAddressList(strings.TrimPrefix(strings.ReplaceAll(strings.TrimSpace(out), "\r\n", ""), "From: "))
			if out != test.out || err != nil || len(list) != 2 || list[0].Name != "Müller, A" || list[0].Address != "a@x" || list[1].Name != "Bär" {
				t.Errorf("%s: %q: %v, %v", test.name, out, list, err)
			}
			continue
		}
		if test.out == "" {
			head, body, _ := strings.Cut(out, "\r\n\r\n")
			if head != "Subject: x\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable" || !strings.HasSuffix(body, "=20\r\nshort\r\n") {
				t.Errorf("%s: %q", test.name, out)
			}
			continue
		}
		if out != test.out {
			t.Errorf("%s: %q becomes %q, not %q", test.name, test.in, out, test.out)
		}
	}
}

func TestSurvey(t *testing.T) {
	text := lines("A: "+strings.Repeat("x", 1500), "Content-Type: multipart/signed; boundary=b", "", "--b", "", strings.Repeat("y", 3000), "--b",
		"Content-Transfer-Encoding: x-odd", "", strings.Repeat("z", 5000), "--b--")
	s := surveyOf([]byte(text))
	if !s.signed || s.hasNUL || s.bareLF || s.header8Bit || s.longest != 5000 || s.mendable != 3000 || len(s.long) != 1 || s.long[0] != (longPart{order: 1, longest: 3000}) {
		t.Errorf("%+v", s)
	}
	if steps := s.steps(3000); len(steps) != 0 {
		t.Errorf("%q with a limit that is kept", steps)
	}
	if steps := s.steps(2999); !slices.Equal(steps, []repairStep{repairLongLines}) {
		t.Errorf("%q", steps)
	}
	out, err := io.ReadAll(newMender(strings.NewReader(text), s, 2999, repairLongLines))
	if err != nil || !bytes.Contains(out, []byte(strings.Repeat("z", 5000))) || bytes.Contains(out, []byte(strings.Repeat("y", 100))) {
		t.Errorf("%q, %v", out, err)
	}
}

func TestMenderHandsOnErrors(t *testing.T) {
	broken := errors.New("broken")
	from := io.MultiReader(strings.NewReader("A: b\n"), iotest.ErrReader(broken))
	out, err := io.ReadAll(newMender(from, surveyOf([]byte("A: b\n")), 0, allRepairs...))
	if string(out) != "A: b\r\n" || !errors.Is(err, broken) {
		t.Errorf("%q, %v", out, err)
	}
}

// endless gives a block again and again, n bytes in all.
type endless struct {
	block []byte
	at    int
	n     int64
}

func (e *endless) Read(into []byte) (int, error) {
	if e.n == 0 {
		return 0, io.EOF
	}
	n := copy(into[:min(int64(len(into)), e.n)], e.block[e.at:])
	e.at = (e.at + n) % len(e.block)
	e.n -= int64(n)
	return n, nil
}

// peak counts what passes, and keeps the most memory seen meanwhile.
type peak struct{ n, seen, most int64 }

func (p *peak) Write(text []byte) (int, error) {
	p.n += int64(len(text))
	if p.n-p.seen > 4<<20 {
		p.seen = p.n
		var now runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&now)
		p.most = max(p.most, int64(now.HeapAlloc))
	}
	return len(text), nil
}

func TestRepairOfALargeMessageIsSmall(t *testing.T) {
	effort.LeaveToLong(t)
	repairOfALargeMessage(t, 12<<20)
}

func TestLongRepairOfAHugeMessageIsSmall(t *testing.T) {
	effort.NeedLong(t)
	repairOfALargeMessage(t, 200<<20)
}

func repairOfALargeMessage(t *testing.T, size int64) {
	t.Helper()
	line := strings.Repeat("QUJD", 20000) + "\n"
	source := func() io.Reader {
		head := "Subject: \xe4\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\n"
		return io.MultiReader(strings.NewReader(head), &endless{block: []byte(line), n: size}, strings.NewReader("\r\n--b--\r\n\x00"))
	}
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s, sum, after := newSurvey(), newCanonHash(), newCanonHash()
	if _, err := io.CopyBuffer(io.MultiWriter(s, sum), source(), make([]byte, 64<<10)); err != nil {
		t.Fatal(err)
	}
	s.finish()
	if !slices.Equal(s.steps(0), allRepairs) {
		t.Errorf("%q", s.steps(0))
	}
	held := &peak{}
	if _, err := io.CopyBuffer(io.MultiWriter(after, held), newMender(source(), s, 0, allRepairs...), make([]byte, 64<<10)); err != nil {
		t.Fatal(err)
	}
	if grown := held.most - int64(before.HeapAlloc); held.n < size || held.most == 0 || grown > 2<<20 {
		t.Errorf("%d bytes, and %d held", held.n, grown)
	}
	if sum.sum() != after.sum() {
		t.Error("it became another message")
	}
}

func FuzzRepair(f *testing.F) {
	for _, text := range oddForms {
		f.Add([]byte(text))
	}
	for _, m := range mailgen.Awkward(1, mailgen.AwkwardOptions{NUL: true}).Messages[:40] {
		f.Add(m.Body[:min(len(m.Body), 4000)])
	}
	f.Fuzz(func(t *testing.T, text []byte) { checkRepair(t, text) })
}
