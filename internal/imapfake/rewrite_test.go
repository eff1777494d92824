package imapfake

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// awkward are messages to rewrite; all but the last two change.
var awkward = map[string]string{
	"plain": "Subject: a\r\nFrom: anna\r\nMessage-ID: <1@x>\r\nX-Odd:   two  spaces\r\n\r\nbody\r\n",
	"folded": "Message-ID:\r\n <a-very-long-identity-0123456789012345678901234567890123456789012345678901234567890123456789@example.com>\r\n" +
		"References: <1@x>\r\n <2@x>\r\n\t<3@x>\r\nReceived: from a\r\n by b\r\nReceived: from c by d\r\nTo: " + strings.Repeat("someone@example.com, ", 30) + "x@y\r\n\r\nb\r\n",
	"multipart": "Content-Type: multipart/mixed; boundary=\"a b\"\r\nMIME-Version: 1.0\r\nSubject: x\r\n\r\npreamble\r\n--a b\r\n\r\nno header \xc3\xa4\r\n" +
		"--a b\r\nContent-Type: multipart/alternative;\r\n boundary=inner\r\n\r\n--inner\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nJ\xc3\xbcrgen=\r\n--inner--\r\n" +
		"--a b  \r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\naGVs\r\nbG8=\r\n\r\n--a b--\r\nepilogue\r\n",
	"attached message": "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\nB: c\r\n\r\nhi\r\n--x--\r\n",
	"8-bit text":       "Content-Type: text/html; charset=iso-8859-1\r\nMIME-Version: 1.0\r\nSubject: x\r\n\r\n<p>caf\xe9</p>\r\n" + strings.Repeat("long ", 100) + "\r\n",
	"signed":           "Subject: x\r\nContent-Type: multipart/signed; boundary=s; protocol=\"application/pgp-signature\"\r\nFrom: a\r\n\r\n--s\r\n\r\nexact  \r\n--s\r\nContent-Type: application/pgp-signature\r\n\r\nsig\r\n--s--\r\n",
	"no end":           "Subject: x\r\nContent-Type: multipart/mixed; boundary=e\r\nFrom: a\r\n\r\n--e\r\n\r\ntext\r\n",
	"no header":        "no field\r\n\r\nbody\r\n",
	"no empty line":    "Subject: x\r\nFrom: y\r\n",
}

func TestRewritingChangesBytesAndKeepsTheMessage(t *testing.T) {
	for _, how := range []Rewriting{RewriteHeaders, RewriteEncodings} {
		p := ExchangeOnline()
		p.Append.Rewrite = how
		p.Append.EightBitHeader = ""
		_, m, c := connect(t, Options{Personality: p})
		from := New(Options{}).AddUser("u", "p")
		uid := 0
		c.ok("SELECT INBOX")
		for name, raw := range awkward {
			c.ok("APPEND INBOX (\\Seen) %q {%d+}\r\n%s", epoch.Format(dateTime), len(raw), raw)
			from.Deliver("INBOX", []byte(raw), epoch, `\Seen`)
			uid++
			got := m.Messages("INBOX")[uid-1]
			equals(t, string(got.Appended), raw)
			contains(t, c.ok("UID FETCH %d BODY.PEEK[]", uid), string(got.Raw))
			if string(got.Raw) == raw {
				equals(t, strings.HasPrefix(name, "no header") || strings.HasPrefix(name, "no empty"), true)
				continue
			}
			lacks(t, c.ok("UID FETCH %d RFC822.SIZE", uid), fmt.Sprintf("SIZE %d)", len(raw)))
			if name == "signed" {
				_, body, _ := strings.Cut(raw, "\r\n\r\n")
				contains(t, string(got.Raw), body)
			}
		}
		options := CompareOptions{IgnoreFolders: true}
		if len(Compare(from, m, options)) == 0 {
			t.Error("nothing was altered")
		}
		options.Appended = true
		for _, d := range Compare(from, m, options) {
			t.Error(d)
		}
	}
}

func TestRewrittenFields(t *testing.T) {
	got := string(rewriteMessage([]byte(awkward["folded"]), RewriteHeaders, []string{"X-MS-Has-Attach:"}))
	if !strings.HasPrefix(got, "Received: from a by b\r\nReceived: from c by d\r\nTo: someone@example.com,") {
		t.Errorf("%q", got)
	}
	contains(t, got, "\r\nReferences: <1@x> <2@x> <3@x>\r\n", "\r\nMessage-ID: <a-very-long", "\r\nX-MS-Has-Attach:\r\n", ",\r\n\tsomeone@example.com")
	for line := range strings.Lines(got) {
		if len(line) > 80 && !strings.HasPrefix(line, "Message-ID") {
			t.Errorf("a line of %d: %q", len(line), line)
		}
	}
	lacks(t, string(rewriteMessage([]byte(awkward["multipart"]), RewriteHeaders, nil)), "--a b", "--inner", "preamble", "epilogue")
}

// mimeScript takes pairs of files, and fails when Python's email package finds
// other fields or parts in the second than in the first.
const mimeScript = `
import email, re, sys
def canonical(path):
    m = email.message_from_bytes(open(path, "rb").read())
    skip = {"content-type", "content-transfer-encoding", "mime-version"}
    fields = sorted((k.lower(), re.sub(r"\s+", " ", v).strip()) for k, v in m.items() if k.lower() not in skip)
    parts = []
    for p in m.walk():
        if p.is_multipart():
            parts.append(p.get_content_type())
        else:
            parts.append((p.get_content_type(), p.get_content_charset(), p.get_payload(decode=True).rstrip()))
    return fields, parts
for first, second in zip(sys.argv[1::2], sys.argv[2::2]):
    a, b = canonical(first), canonical(second)
    assert a == b, (first, a, b)
print("same", len(sys.argv) // 2)
`

func TestPythonReadsTheSameInRewrittenMessages(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed, so its email package is not asked")
	}
	args := []string{"-c", mimeScript}
	for name, raw := range awkward {
		for _, how := range []Rewriting{RewriteHeaders, RewriteEncodings} {
			args = append(args, writeFile(t, name, []byte(raw)), writeFile(t, "rewritten", rewriteMessage([]byte(raw), how, nil)))
		}
	}
	out, err := exec.CommandContext(t.Context(), python, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	equals(t, string(out), fmt.Sprintf("same %d\n", 2*len(awkward)))
}

// FuzzRewrite asks that any bytes can be rewritten, and that every field keeps
// its words, but for those that say how the body is encoded.
func FuzzRewrite(f *testing.F) {
	for _, raw := range awkward {
		f.Add([]byte(raw))
	}
	f.Add([]byte("MIME-Version:\n\r"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, how := range []Rewriting{RewriteHeaders, RewriteEncodings} {
			got := rewriteMessage(raw, how, nil)
			before, ok := readEntity(raw)
			if !ok {
				equals(t, bytes.Equal(got, raw), true)
				continue
			}
			after, ok := readEntity(got)
			if !ok {
				t.Fatalf("%q became %q", raw, got)
			}
			have := fieldWords(after)
			for _, field := range fieldWords(before) {
				mime := strings.HasPrefix(strings.ToLower(field), "content-") || strings.HasPrefix(strings.ToLower(field), "mime-version:")
				if !mime && !slices.Contains(have, field) {
					t.Fatalf("%q is lost in %q", field, got)
				}
			}
		}
	})
}

// fieldWords are the fields of a header with single spaces.
func fieldWords(e *entity) []string {
	var list []string
	for _, f := range e.fields {
		list = append(list, strings.Join(strings.Fields(f.value), " "))
	}
	return list
}

func writeFile(t *testing.T, name string, raw []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
