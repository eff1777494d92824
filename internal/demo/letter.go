package demo

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"mime"
	"strings"
	"time"
)

// letter is a message in the making.
type letter struct {
	from, to, subject string
	id                string // with angle brackets, empty for none
	date              time.Time
	header            []string // more lines
	body              string
}

// bytes is the message with CRLF.
func (l *letter) bytes() []byte {
	var b bytes.Buffer
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\r\n", name, value)
		}
	}
	fmt.Fprintf(&b, "Received: from relay.%s by mail.%s with ESMTP;\r\n\t%s\r\n", domain, domain, l.date.Format(time.RFC1123Z))
	line("From", l.from)
	line("To", l.to)
	line("Subject", l.subject)
	line("Date", l.date.Format(time.RFC1123Z))
	line("Message-ID", l.id)
	for _, more := range l.header {
		b.WriteString(more + "\r\n")
	}
	b.WriteString("\r\n")
	b.WriteString(l.body)
	return b.Bytes()
}

// kind makes a letter the awkward thing it is named after, and gives its bytes.
type kind func(w *writer, l *letter) []byte

// kinds are gone through in turn, with ordinary letters between them.
func kinds() []kind {
	return []kind{
		withHTML, withAttachment, withoutID, withSharedID, withReply, withoutHeader, withoutBody, withLatin1,
		withBareLF, withoutFinalLineEnd, withLongLine, withAttachment, withoutHeaderEnd, withFoldedHeader,
	}
}

func plain(_ *writer, l *letter) []byte {
	l.header = append(l.header, "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit")
	return l.bytes()
}

func withHTML(_ *writer, l *letter) []byte {
	l.header = append(l.header, "MIME-Version: 1.0", `Content-Type: multipart/alternative; boundary="=_alt"`)
	html := "<html><body><p>" + strings.ReplaceAll(strings.TrimSpace(l.body), "\r\n", "<br>\r\n") + "</p></body></html>"
	l.body = "--=_alt\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + l.body +
		"\r\n--=_alt\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + html + "\r\n--=_alt--\r\n"
	return l.bytes()
}

const smallAttachment, attachmentSpread = 4 << 10, 36 << 10

func withAttachment(w *writer, l *letter) []byte {
	return w.attach(l, smallAttachment+w.below(attachmentSpread))
}

// attach gives the letter an attachment of some size before encoding.
func (w *writer) attach(l *letter, size int) []byte {
	const column = 57 // bytes that make a line of 76 characters
	data := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{byte(w.count), byte(w.count >> 8), byte(size)}).Read(data)
	var b strings.Builder
	b.Grow(size + size/2)
	b.WriteString("--=_mix\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + l.body +
		"\r\n--=_mix\r\nContent-Type: application/pdf; name=\"scan.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\n")
	for len(data) > 0 {
		n := min(column, len(data))
		b.WriteString(base64.StdEncoding.EncodeToString(data[:n]))
		b.WriteString("\r\n")
		data = data[n:]
	}
	b.WriteString("--=_mix--\r\n")
	l.header = append(l.header, "MIME-Version: 1.0", `Content-Type: multipart/mixed; boundary="=_mix"`)
	l.body = b.String()
	return l.bytes()
}

func withoutID(w *writer, l *letter) []byte {
	l.id = ""
	return plain(w, l)
}

// withSharedID has the Message-ID of others with other bodies.
func withSharedID(w *writer, l *letter) []byte {
	l.id = "<newsletter@" + domain + ">"
	return plain(w, l)
}

func withReply(w *writer, l *letter) []byte {
	l.subject = "Re: " + l.subject
	l.header = append(l.header, "In-Reply-To: <0@"+domain+">", "References: <0@"+domain+">\r\n <1@"+domain+">")
	return plain(w, l)
}

func withoutHeader(_ *writer, l *letter) []byte { return []byte("\r\n" + l.body) }

func withoutBody(w *writer, l *letter) []byte {
	l.body = ""
	return plain(w, l)
}

// withLatin1 has 8-bit characters in the header, as old programs sent them.
func withLatin1(_ *writer, l *letter) []byte {
	l.subject = "Gr\xfc\xdfe und Preise in \xa3"
	l.header = append(l.header, "X-Mailer: Post 1.0 f\xfcr B\xfcro")
	return l.bytes()
}

func withBareLF(w *writer, l *letter) []byte {
	return bytes.ReplaceAll(plain(w, l), []byte("\r\n"), []byte("\n"))
}

func withoutFinalLineEnd(w *writer, l *letter) []byte {
	return bytes.TrimRight(plain(w, l), "\r\n")
}

func withLongLine(w *writer, l *letter) []byte {
	const times = 60
	l.body = strings.Repeat(strings.ReplaceAll(l.body, "\r\n", " "), times) + "\r\n"
	return plain(w, l)
}

// withoutHeaderEnd stops inside the header.
func withoutHeaderEnd(_ *writer, l *letter) []byte {
	header, _, _ := bytes.Cut(l.bytes(), []byte("\r\n\r\n"))
	return header
}

func withFoldedHeader(w *writer, l *letter) []byte {
	const others = 12
	var to strings.Builder
	for i := range others {
		fmt.Fprintf(&to, ",\r\n\tdesk-%d@%s", i, domain)
	}
	l.to += to.String()
	return plain(w, l)
}

// encoded is a header text (RFC 2047).
func encoded(text string) string { return mime.QEncoding.Encode("utf-8", text) }

// mailbox is a name with an address (RFC 5322 section 3.4).
func mailbox(name, user string) string { return encoded(name) + " <" + user + "@" + domain + ">" }
