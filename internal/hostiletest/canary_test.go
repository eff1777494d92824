package hostiletest

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
)

// canary is a text that must not show, in the forms in which it might.
type canary struct {
	name  string
	forms map[string][]byte
}

func newCanary(name, value string) canary {
	c := canary{name, map[string][]byte{}}
	add := func(form, text string) { c.forms[form] = []byte(text) }
	add("raw", value)
	add("imap quoted", strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value))
	quoted := strconv.Quote(value)
	add("go quoted", quoted[1:len(quoted)-1])
	encoded, _ := json.Marshal(value)
	add("json", string(encoded[1:len(encoded)-1]))
	add("url query", url.QueryEscape(value))
	add("url path", url.PathEscape(value))
	add("hex", hex.EncodeToString([]byte(value)))
	add("HEX", strings.ToUpper(hex.EncodeToString([]byte(value))))
	for offset := range 3 {
		// The characters that depend on the value alone.
		padded := strings.Repeat("x", offset) + value
		from, to := (offset*8+5)/6, len(padded)*8/6
		add(fmt.Sprint("base64+", offset), base64.RawStdEncoding.EncodeToString([]byte(padded))[from:to])
		add(fmt.Sprint("base64url+", offset), base64.RawURLEncoding.EncodeToString([]byte(padded))[from:to])
	}
	var little, big []byte
	for _, unit := range utf16.Encode([]rune(value)) {
		little = binary.LittleEndian.AppendUint16(little, unit)
		big = binary.BigEndian.AppendUint16(big, unit)
	}
	c.forms["utf-16le"], c.forms["utf-16be"] = little, big
	return c
}

// in names the forms in which the canary is in the bytes, without case for hex
// and raw.
func (c canary) in(data []byte) []string {
	var found []string
	for form, text := range c.forms {
		if bytes.Contains(data, text) {
			found = append(found, form)
		}
	}
	return found
}

// absent fails the test when one of the canaries shows, and reports how many
// bytes it looked at.
func absent(t *testing.T, where string, data []byte, canaries ...canary) int {
	t.Helper()
	for _, c := range canaries {
		for _, form := range c.in(data) {
			at := bytes.Index(data, c.forms[form])
			t.Errorf("%s shows the %s (%s): ...%q...", where, c.name, form, data[max(0, at-60):min(len(data), at+len(c.forms[form])+60)])
		}
	}
	return len(data)
}

func TestCanariesAreFoundInEveryForm(t *testing.T) {
	const value = `s3cr"et\ü+/&x`
	c := newCanary("canary", value)
	for form, text := range c.forms {
		if len(c.in([]byte("a"+string(text)+"b"))) == 0 {
			t.Error(form)
		}
	}
	for offset := range 3 {
		text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\x00", offset) + value + "\x01\x01"))
		if len(c.in([]byte(text))) == 0 {
			t.Error("base64 at", offset)
		}
	}
}
