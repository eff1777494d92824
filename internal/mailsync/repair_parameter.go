package mailsync

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// parameterWidth is how much of a value goes into one piece of a parameter.
const parameterWidth = 50

// parameters writes a value with MIME parameters. Those with bytes above 127 get the
// form of RFC 2231, in pieces (section 3) where they are long. One without a name
// that can be written goes.
func (w *wordWriter) parameters(value []byte) {
	pieces := splitParameters(value)
	w.raw(without8Bit(pieces[0]))
	for _, text := range pieces[1:] {
		if !has8Bit(text) {
			w.raw([]byte(";"))
			w.raw(text)
			continue
		}
		name, content, ok := parameter(text)
		if !ok || has8Bit([]byte(name)) || strings.ContainsAny(name, " \t\n\"*") {
			continue
		}
		if !has8Bit(content) { // they were behind its quotes
			w.raw([]byte(";\n " + name + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(string(content)) + `"`))
			continue
		}
		w.extended(name, content)
	}
}

// extended writes a parameter in the form of RFC 2231 section 4.
func (w *wordWriter) extended(name string, content []byte) {
	charset := "iso-8859-1"
	if utf8.Valid(content) {
		charset = "utf-8"
	}
	var pieces [][]byte
	coded := []byte(charset + "''")
	for _, b := range content {
		if len(coded) > parameterWidth {
			pieces = append(pieces, bytes.Clone(coded))
			coded = coded[:0]
		}
		if b < utf8.RuneSelf && (b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '.' || b == '-' || b == '_') {
			coded = append(coded, b)
		} else {
			coded = appendCoded(coded, '%', b)
		}
	}
	pieces = append(pieces, coded)
	for i, text := range pieces {
		number := fmt.Sprintf("*%d*", i)
		if len(pieces) == 1 {
			number = "*"
		}
		w.raw(fmt.Appendf(nil, ";\n %s%s=%s", name, number, text))
	}
}
