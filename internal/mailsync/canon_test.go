package mailsync

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"mime/quotedprintable"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailhaul/mailhaul/bench/mailgen"
	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/rigs/effort"
)

func canonOf(message []byte) [sha256.Size]byte {
	c := newCanonHash()
	_, _ = c.Write(message)
	return c.sum()
}

// lines joins lines with CRLF.
func lines(list ...string) string { return strings.Join(list, "\r\n") + "\r\n" }

var letterWithParts = lines(
	"Message-ID: <1@x>", "Date: Sat, 01 May 2021 12:00:00 +0000", "From: \"A, B\" <a@x>", "To: c@x", "Subject: words",
	`Content-Type: multipart/mixed; boundary="out er"`, "", "preamble",
	"--out er", "Content-Type: multipart/alternative; boundary=inner", "",
	"--inner", "", "plain text", "of two lines",
	"--inner", "Content-Type: text/html", "Content-Transfer-Encoding: quoted-printable", "", "<p>caf=E9 and =", "more</p>",
	"--inner--", "",
	"--out er  ", "Content-Type: application/octet-stream", "Content-Transfer-Encoding: base64", "", "aGVsbG8gd29ybGQ=",
	"--out er", "Content-Type: message/rfc822", "", "Subject: within", "", "its text",
	"--out er--", "epilogue")

func TestCanonForgivesWhatStoringChanges(t *testing.T) {
	for _, change := range [][2]string{
		{"out er", "another"},
		{"inner", "i'nner"},
		{"preamble", "nothing\r\nat all"},
		{"epilogue\r\n", ""},
		{"Subject: words", "X-Added: 1\r\nsubject:\r\n\twords"},
		{"Subject: words", "Subject: =?utf-8?B?d29yZHM=?="},
		{"Subject: words", "Subject: =?iso-8859-1?q?wo?= =?us-ascii?q?rds?="},
		{`"A, B" <a@x>`, "A,  B\r\n <a@x>"},
		{"Date: Sat, 01 May 2021 12:00:00 +0000\r\n", ""}, // and put behind, below
		{"text/html", "Text/HTML ; charset=\"x;y\""},
		{"aGVsbG8gd29ybGQ=", "aGVs\r\nbG8gd2\r\n9ybGQ="},
		{"Content-Transfer-Encoding: base64\r\n\r\naGVsbG8gd29ybGQ=", "\r\nhello world"},
		{"<p>caf=E9 and =\r\nmore</p>", "<p>caf=e9=20and more=3C/p>  "},
		{"two lines\r\n", "two lines\r\n\r\n\r\n"},
		{"two lines", "two\x00 lines"},
	} {
		if !strings.Contains(letterWithParts, change[0]) {
			t.Fatalf("%q is not there", change[0])
		}
		changed := strings.ReplaceAll(letterWithParts, change[0], change[1])
		if strings.HasPrefix(change[0], "Date") {
			changed = strings.Replace(changed, "Subject", change[0]+"Subject", 1)
		}
		if canonOf([]byte(changed)) != canonOf([]byte(letterWithParts)) {
			t.Errorf("%q for %q is another message", change[1], change[0])
		}
	}
	for _, end := range []string{"\n", "\r", "\r\r\n"} {
		if canonOf([]byte(strings.ReplaceAll(letterWithParts, "\r\n", end))) != canonOf([]byte(letterWithParts)) {
			t.Errorf("lines that end in %q make another message", end)
		}
	}
}

func TestCanonTellsMessagesApart(t *testing.T) {
	seen := map[[sha256.Size]byte]string{canonOf([]byte(letterWithParts)): "the original"}
	add := func(what, text string) {
		t.Helper()
		if text == letterWithParts {
			t.Fatalf("%s changes nothing", what)
		}
		sum := canonOf([]byte(text))
		if other, found := seen[sum]; found {
			t.Errorf("%s is equal to %s", what, other)
		}
		seen[sum] = what
	}
	for _, change := range [][2]string{
		{"<1@x>", "<2@x>"}, {"01 May", "02 May"}, {"<a@x>", "<b@x>"}, {"To: c@x", "Cc: c@x"}, {"Subject: words", "Subject: word"},
		{"plain text", "plain test"}, {"two lines", "two\r\nlines"}, {"caf=E9", "caf=E8"}, {"aGVsbG8gd29ybGQ=", "aGVsbG8gd29ybGR="[:15] + "g"},
		{"text/html", "text/plain"}, {"Subject: within", "Subject: without"}, {"its text", "its test"},
		{"--inner--\r\n\r\n--out er  ", "--inner"}, // the attachment is a part of the other multipart
		{"\r\n--inner\r\n\r\nplain text\r\nof two lines", ""},
		{"Content-Transfer-Encoding: base64\r\n", ""},
		{"boundary=inner", "border=inner"},
	} {
		add(change[0], strings.Replace(letterWithParts, change[0], change[1], 1))
	}
	plain := "--inner\r\n\r\nplain text\r\nof two lines\r\n"
	html := "--inner\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>caf=E9 and =\r\nmore</p>\r\n"
	add("swapped parts", strings.Replace(letterWithParts, plain+html, html+plain, 1))
	add("no header, x", "x")
	add("no header, y", "y")
	add("a long text without a header", strings.Repeat("x", 100000))
	add("another", strings.Repeat("x", 99999)+"y")
	add("parts that are none, x", "Content-Type: multipart/mixed; boundary=b\r\n\r\nx\r\n")
	add("parts that are none, y", "Content-Type: multipart/mixed; boundary=b\r\n\r\ny\r\n")
	add("fields of one name", "To: a\r\nTo: b\r\n\r\n")
	add("in another order", "To: b\r\nTo: a\r\n\r\n")
}

// rewritten gives the messages as a server that makes them anew has them.
func rewritten(t *testing.T, how imapfake.Rewriting, messages []mailgen.Message) [][]byte {
	t.Helper()
	p := imapfake.Dovecot()
	p.Append = imapfake.AppendRules{Rewrite: how, Added: imapfake.ExchangeOnline().Append.Added}
	server := imapfake.New(imapfake.Options{Personality: p})
	t.Cleanup(server.Close)
	box := server.AddUser("u", "p")
	address, err := server.Listen()
	if err != nil {
		t.Fatal(err)
	}
	var corpus mailgen.Corpus
	for _, m := range messages {
		m.Folder, m.Flags = "INBOX", nil
		corpus.Messages = append(corpus.Messages, m)
	}
	options := mailgen.LoadOptions{Connections: 1, Single: true, NoFolders: true}
	if err := mailgen.Load(t.Context(), mailgen.Target{Addr: address, User: "u", Password: "p"}, corpus, options); err != nil {
		t.Fatal(err)
	}
	var list [][]byte
	for i, m := range box.Messages("INBOX") {
		if !bytes.Equal(m.Appended, messages[i].Body) {
			t.Fatalf("message %d is not in its place", i)
		}
		list = append(list, m.Raw)
	}
	if len(list) != len(messages) {
		t.Fatalf("%d of %d messages arrived", len(list), len(messages))
	}
	return list
}

// oddMail are messages of every odd form.
func oddMail() []mailgen.Message {
	messages := mailgen.Awkward(7, mailgen.AwkwardOptions{NUL: true, Huge: 1 << 20}).Messages
	messages = append(messages, mailgen.Spec{Seed: 3, Messages: 30, Bytes: 1 << 20}.Corpus().Messages...)
	for _, text := range oddForms {
		if text == "" {
			continue // APPEND would be cancelled (RFC 3502)
		}
		messages = append(messages, mailgen.Message{Body: []byte(text), Date: messages[0].Date})
	}
	return messages
}

var oddForms = []string{
	letterWithParts,
	lines("Subject: t\xe4st =?utf-8?q?=C3=A4?= t\xc3\xa4st", "From: \"J\xfcrgen \\\"X\\\" M\" (k\xf6ln (am) Rhein) <j@x>, B\xe4r <b\xe4r@x>", "", "b\xe4ck", "--", strings.Repeat("w\xf6rd ", 400)),
	lines("Content-Type: text/plain; charset=utf-8; name=\"\xc3\xa4;boundary=x\"", "Content-Disposition: attachment; filename=b\xe4r.txt; x*=utf-8''\xe4", "", "a  ", " b\t"),
	lines("Content-Type: multipart/digest; boundary=d", "MIME-Version: 1.0", "", "--d", "", "Subject: x", "", "y", "--d--"),
	lines("Content-Type: multipart/mixed; boundary=a", "", "--a", "Content-Type: multipart/mixed; boundary=b", "", "--b", "", "no end", "--a", "", "of the inner", "--a--"),
	lines("Content-Type: multipart/mixed; boundary=a", "", "--a", "Content-Type: multipart/mixed; boundary=a", "", "--a", "", "same", "--a--"),
	lines("Content-Type: multipart/mixed", "", "--a", "", "no boundary", "--a--", strings.Repeat("long", 600)),
	lines("Content-Type: multipart/mixed; boundary=never", "", "text "+strings.Repeat("-long", 600)),
	lines("Content-Type: multipart/signed; boundary=s; protocol=x", "", "--s", "", "exact  ", strings.Repeat("x", 2000), "--s", "Content-Type: application/pgp-signature", "", "sig", "--s--"),
	lines("Subject: "+strings.Repeat("word ", 600), "To: "+strings.Repeat("someone@example.com,", 300), "References: "+strings.Repeat("<1234567890@example.com>", 200), "X: "+strings.Repeat("y", 5000), "", "b"),
	lines("Content-Type: application/octet-stream", "Content-Transfer-Encoding: base64", "", base64.StdEncoding.EncodeToString([]byte(strings.Repeat("data\x00\r\n", 900)))),
	lines("Content-Type: text/plain", "content-transfer-encoding : Quoted-Printable", "", strings.Repeat("=C3=A4 =zz", 300)+"  ", "=", "--x=0D=0A=", "-- "),
	lines("Content-Type: application/pdf", "", strings.Repeat("%PDF\xff", 900), "end"),
	lines("Content-Type: image/x", "Content-Transfer-Encoding: x-uuencode", "", strings.Repeat("M", 3000)),
	"From someone Sat May  1 12:00:00 2021\r\nSubject: mbox\r\n\r\nx",
	"Subject: no blank line\r\ntext that is none " + strings.Repeat("\xe4 ", 700) + "\r\nX: y",
	"To: a\x00b\r\x00\nCc: c\n\r\n\x00body\r\n",
	"\r\r\r\n\n\n\r", "", "--\r\n--", "\xe4", ":", " : x\r\n y\r\n\r\nz",
}

func TestCanonIsTheSameForMailMadeAnew(t *testing.T) {
	messages := oddMail()
	for _, how := range []imapfake.Rewriting{imapfake.RewriteHeaders, imapfake.RewriteEncodings} {
		changed := 0
		for i, raw := range rewritten(t, how, messages) {
			if canonOf(raw) != canonOf(messages[i].Body) {
				t.Errorf("%s: %.600q became another message: %.600q", how, messages[i].Body, raw)
			}
			if !bytes.Equal(raw, messages[i].Body) {
				changed++
			}
		}
		if changed < len(messages)/2 {
			t.Errorf("%s changed only %d of %d", how, changed, len(messages))
		}
	}
}

// mimeText draws texts rich in what matters to MIME.
func mimeText() *rapid.Generator[string] {
	words := []string{
		"\r\n", "\r\n", "\r\n\r\n", "\n", "\r", "\x00", "\xe4", "\xc3\xa4", "=", "=?utf-8?q?a_b?=", " ", "\t", "\"", "--b", "--b--", "--c", "--b\r\n", "--c\r\n",
		"Content-Type: multipart/mixed; boundary=b\r\n", "Content-Type: multipart/mixed; boundary=\"c\"\r\n", "Content-Type: text/html; name=", "Content-Transfer-Encoding: base64\r\n",
		"Content-Transfer-Encoding: quoted-printable\r\n", "Subject: ", "From: ", "X: ", "<a@b>", "(", ")", "=3D", "QUJD", ";", "word", strings.Repeat("long", 300), strings.Repeat(" w", 600),
	}
	return rapid.Map(rapid.SliceOfN(rapid.SampledFrom(words), 0, 40), func(list []string) string { return strings.Join(list, "") })
}

func TestCanonDoesNotDependOnTheChunks(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		text := mimeText().Draw(r, "text")
		checkChunks(r, []byte(text), rapid.IntRange(1, 700).Draw(r, "size"))
	})
}

func checkChunks(t rapid.TB, text []byte, size int) {
	c := newCanonHash()
	for rest := text; len(rest) > 0; {
		n := min(size, len(rest))
		_, _ = c.Write(rest[:n])
		rest = rest[n:]
	}
	if c.sum() != canonOf(text) {
		t.Fatalf("%q in pieces of %d is another message", text, size)
	}
}

func TestCanonDecodesAsTheStandardLibrary(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		body := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(r, "body")
		head := "Content-Type: a/b\r\nContent-Transfer-Encoding: "
		want := canonOf([]byte(head + "8bit\r\n\r\n" + string(body)))
		if got := canonOf([]byte(head + "base64\r\n\r\n" + base64.StdEncoding.EncodeToString(body))); got != want {
			r.Fatalf("base64 of %q", body)
		}
		var quoted bytes.Buffer
		w := quotedprintable.NewWriter(&quoted)
		w.Binary = true
		_, _ = w.Write(body)
		_ = w.Close()
		if got := canonOf([]byte(head + "quoted-printable\r\n\r\n" + quoted.String())); got != want {
			r.Fatalf("%q for %q", quoted.String(), body)
		}
	})
}

// TestCanonHoldsLittle writes what has no end: lines, fields, values, white space,
// boundaries, nesting.
func TestCanonHoldsLittle(t *testing.T) {
	effort.LeaveToLong(t)
	nested := strings.Repeat("Content-Type: multipart/mixed; boundary="+strings.Repeat("b", boundaryMost)+"\r\n\r\n--"+strings.Repeat("b", boundaryMost)+"\r\n", 10)
	for _, one := range []string{"x", " ", "Subject: ", "\r", "\n", "\x00", "Subject: \xe4\r\n", "Subject: \r\n x", nested, "=", "Content-Type: a/b; c=\"", "\""} {
		for _, head := range []string{"", "Subject: ", "Content-Type: ", "x\r\n\r\n", "Content-Transfer-Encoding: quoted-printable\r\n\r\n "} {
			c := newCanonHash()
			_, _ = c.Write([]byte(head))
			block := bytes.Repeat([]byte(one), 1+(64<<10)/len(one))
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			for range 16 {
				_, _ = c.Write(block)
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 512<<10 {
				t.Errorf("%q and many %.20q: %d bytes are held", head, one, grown)
			}
			_ = c.sum()
		}
	}
}

func FuzzCanon(f *testing.F) {
	for _, text := range oddForms {
		f.Add([]byte(text), 3)
	}
	f.Fuzz(func(t *testing.T, text []byte, size int) {
		checkChunks(t, text, max(1, size%4096))
	})
}
