package wire

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// mailboxBase64 is the alphabet of modified UTF-7 (RFC 3501 section 5.1.3).
var mailboxBase64 = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").
	WithPadding(base64.NoPadding).Strict()

// DecodeName turns a raw folder name into text. It is strict: exactly what
// EncodeName writes is accepted, so that two raw names never look the same. ok
// is false for anything else; such a folder keeps its raw name.
func DecodeName(raw string) (name string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c < ' ' || c >= 0x7f {
			return "", false
		}
		if c != '&' {
			b.WriteByte(c)
			continue
		}
		length := strings.IndexByte(raw[i:], '-')
		if length < 0 {
			return "", false
		}
		if length == 1 {
			b.WriteByte('&')
		} else if !decodeShift(&b, raw[i+1:i+length]) {
			return "", false
		}
		i += length
	}
	if EncodeName(b.String()) != raw {
		return "", false
	}
	return b.String(), true
}

// decodeShift decodes one stretch of base64 UTF-16.
func decodeShift(b *strings.Builder, encoded string) bool {
	octets, err := mailboxBase64.DecodeString(encoded)
	if err != nil || len(octets)%2 != 0 {
		return false
	}
	units := make([]uint16, len(octets)/2)
	for i := range units {
		units[i] = uint16(octets[2*i])<<8 | uint16(octets[2*i+1])
	}
	for _, r := range utf16.Decode(units) {
		if r == utf8.RuneError || r == 0 {
			return false
		}
		b.WriteRune(r)
	}
	return true
}

// EncodeName turns text into a raw folder name. Invalid UTF-8 becomes U+FFFD.
func EncodeName(name string) string {
	var b strings.Builder
	var pending []uint16
	flush := func() {
		if len(pending) == 0 {
			return
		}
		octets := make([]byte, 0, 2*len(pending))
		for _, unit := range pending {
			octets = append(octets, byte(unit>>8), byte(unit))
		}
		b.WriteByte('&')
		b.WriteString(mailboxBase64.EncodeToString(octets))
		b.WriteByte('-')
		pending = pending[:0]
	}
	for _, r := range name {
		if r < ' ' || r >= 0x7f {
			pending = utf16.AppendRune(pending, r)
			continue
		}
		flush()
		b.WriteRune(r)
		if r == '&' {
			b.WriteByte('-')
		}
	}
	flush()
	return b.String()
}
