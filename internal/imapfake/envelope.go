package imapfake

import (
	"bytes"
	"fmt"
	"net/mail"
	"strings"
)

// envelopeOf is the ENVELOPE of a header (RFC 3501 section 7.4.2), as far as
// net/mail reads addresses.
func envelopeOf(header []byte) string {
	first := func(name string) string {
		if values := fieldValues(header, name); len(values) > 0 {
			return quote(values[0])
		}
		return "NIL"
	}
	from := addresses(header, "From")
	orFrom := func(name string) string {
		if list := addresses(header, name); list != "NIL" {
			return list
		}
		return from
	}
	parts := []string{
		first("Date"), first("Subject"), from, orFrom("Sender"), orFrom("Reply-To"),
		addresses(header, "To"), addresses(header, "Cc"), addresses(header, "Bcc"), first("In-Reply-To"), first("Message-ID"),
	}
	return "(" + strings.Join(parts, " ") + ")"
}

func addresses(header []byte, name string) string {
	var out strings.Builder
	for _, value := range fieldValues(header, name) {
		list, err := mail.ParseAddressList(value)
		if err != nil {
			continue
		}
		for _, a := range list {
			display := "NIL"
			if a.Name != "" {
				display = quote(a.Name)
			}
			local, host, _ := strings.Cut(a.Address, "@")
			fmt.Fprintf(&out, "(%s NIL %s %s)", display, quote(local), quote(host))
		}
	}
	if out.Len() == 0 {
		return "NIL"
	}
	return "(" + out.String() + ")"
}

// structureOf is a stand-in for BODYSTRUCTURE: every message is one text part.
func structureOf(c *content) string {
	text := c.size - int64(len(c.header()))
	lines := 0
	if c.raw != nil {
		lines = bytes.Count(c.raw[len(c.header()):], []byte("\n"))
	}
	return fmt.Sprintf(`("TEXT" "PLAIN" ("CHARSET" "us-ascii") NIL NIL "7BIT" %d %d)`, text, lines)
}
