package demo

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
	"unicode/utf16"
)

// wireName is a folder name in modified UTF-7 (RFC 3501 section 5.1.3).
func wireName(name string) string {
	var out strings.Builder
	var run []rune
	flush := func() {
		if len(run) > 0 {
			out.WriteString("&" + shifted(run) + "-")
			run = nil
		}
	}
	for _, r := range name {
		switch {
		case r < 0x20 || r > 0x7e:
			run = append(run, r)
			continue
		case r == '&':
			flush()
			out.WriteString("&-")
		default:
			flush()
			out.WriteRune(r)
		}
	}
	flush()
	return out.String()
}

// shifted is the base64 of modified UTF-7, with "," for "/" and without padding.
func shifted(run []rune) string {
	var units []byte
	for _, unit := range utf16.Encode(run) {
		units = binary.BigEndian.AppendUint16(units, unit)
	}
	return strings.ReplaceAll(base64.RawStdEncoding.EncodeToString(units), "/", ",")
}
