package migration

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// addressTrouble says what keeps a value from being an address (RFC 5321
// section 4.1.2, without quoted names and address literals, which no mailbox of
// a target has), as a code, and its remedy where it is a special one.
func addressTrouble(value string) (code, remedy string) {
	if value == "" || strings.TrimSpace(value) == "" {
		return CSVNoAddress, ""
	}
	if strings.ContainsRune("=+-@", rune(value[0])) {
		return CSVFormula, ""
	}
	if strings.ContainsAny(value, "<>") || strings.HasPrefix(strings.ToLower(value), "mailto:") {
		return CSVDisplayName, ""
	}
	at := strings.LastIndexByte(value, '@')
	if at < 0 || len(value) > 254 || !validLocalPart(value[:at]) {
		return CSVBadAddress, ""
	}
	domain := value[at+1:]
	if validDomain(domain) {
		return "", ""
	}
	ascii, ok := asciiDomain(domain)
	switch {
	case !ok:
		return CSVBadAddress, ""
	case ascii == "":
		return CSVDomain, ""
	}
	return CSVDomain, fmt.Sprintf("Write the domain as %s (RFC 5891).", ascii)
}

// validLocalPart takes a dot-string of RFC 5321, with the letters of RFC 6531.
func validLocalPart(local string) bool {
	if local == "" || len(local) > 64 {
		return false
	}
	for atom := range strings.SplitSeq(local, ".") {
		if atom == "" || strings.ContainsFunc(atom, func(r rune) bool { return !isAtomText(r) }) {
			return false
		}
	}
	return true
}

func isAtomText(r rune) bool {
	if r >= utf8.RuneSelf {
		return isWordRune(r)
	}
	return isWordRune(r) || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}

func isWordRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r)
}

// validDomain takes a host name in ASCII (RFC 1123 section 2.1).
func validDomain(domain string) bool {
	if domain == "" || len(domain) > 253 {
		return false
	}
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		if strings.ContainsFunc(label, func(r rune) bool { return r >= utf8.RuneSelf || r != '-' && !isWordRune(r) }) {
			return false
		}
	}
	return true
}

// asciiDomain gives a domain with letters beyond ASCII in its xn-- form. It is
// empty where that takes more than is known here (characters to be composed
// first); false when the domain would not be valid even then.
func asciiDomain(domain string) (string, bool) {
	labels := strings.Split(strings.ReplaceAll(domain, "。", "."), ".")
	composed := true
	for i, label := range labels {
		if strings.ContainsFunc(label, func(r rune) bool { return r != '-' && !isWordRune(r) }) {
			return "", false
		}
		composed = composed && !strings.ContainsFunc(label, unicode.IsMark)
		label = strings.ToLower(label)
		if strings.ContainsFunc(label, func(r rune) bool { return r >= utf8.RuneSelf }) {
			label = "xn--" + punycode(label)
		}
		labels[i] = label
	}
	ascii := strings.Join(labels, ".")
	if !validDomain(ascii) || ascii == strings.ToLower(domain) {
		return "", false
	}
	if !composed {
		ascii = ""
	}
	return ascii, true
}

// punycode encodes a label (RFC 3492 section 6.3).
func punycode(label string) string {
	const base, tmin, tmax, start = 36, 1, 26, 128
	digits := "abcdefghijklmnopqrstuvwxyz0123456789"
	runes := []rune(label)
	var out strings.Builder
	for _, r := range runes {
		if r < start {
			out.WriteRune(r)
		}
	}
	done := out.Len()
	basic := done
	if basic > 0 {
		out.WriteByte('-')
	}
	n, delta, bias := rune(start), 0, 72
	for done < len(runes) {
		next := slices.MinFunc(runes, func(a, b rune) int { return punycodeOrder(a, n) - punycodeOrder(b, n) })
		delta += int(next-n) * (done + 1)
		n = next
		for _, r := range runes {
			if r < n {
				delta++
			}
			if r != n {
				continue
			}
			q := delta
			for k := base; ; k += base {
				t := min(max(k-bias, tmin), tmax)
				if q < t {
					break
				}
				out.WriteByte(digits[t+(q-t)%(base-t)])
				q = (q - t) / (base - t)
			}
			out.WriteByte(digits[q])
			bias = punycodeBias(delta, done+1, done == basic)
			delta = 0
			done++
		}
		delta++
		n++
	}
	return out.String()
}

// punycodeOrder puts the runes that are already written last.
func punycodeOrder(r, from rune) int {
	if r < from {
		return unicode.MaxRune + 1
	}
	return int(r)
}

// punycodeBias adapts the bias (RFC 3492 section 6.1).
func punycodeBias(delta, points int, first bool) int {
	const base, tmin, tmax, skew, damp = 36, 1, 26, 38, 700
	if first {
		delta /= damp
	} else {
		delta /= 2
	}
	delta += delta / points
	k := 0
	for ; delta > (base-tmin)*tmax/2; k += base {
		delta /= base - tmin
	}
	return k + (base-tmin+1)*delta/(delta+skew)
}

// ValidUserRoot takes a folder path: no step up, and, when it is all ASCII,
// valid modified UTF-7 (RFC 3501 section 5.1.3).
func ValidUserRoot(root string) bool {
	for step := range strings.FieldsFuncSeq(root, func(r rune) bool { return r == '/' || r == '\\' }) {
		if step == ".." {
			return false
		}
	}
	if strings.Contains(root, "..") || strings.TrimSpace(root) != root {
		return false
	}
	if strings.ContainsFunc(root, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return true
	}
	return validUTF7(root)
}

// validUTF7 checks each shift of a name in modified UTF-7: &- is an ampersand,
// &...- is UTF-16 in a base64 of its own that holds no printable ASCII and no
// control character.
func validUTF7(name string) bool {
	encoding := base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding).Strict()
	for {
		_, shifted, found := strings.Cut(name, "&")
		if !found {
			return true
		}
		code, rest, closed := strings.Cut(shifted, "-")
		if !closed {
			return false
		}
		name = rest
		if code == "" {
			continue
		}
		data, err := encoding.DecodeString(code)
		if err != nil || len(data) == 0 || len(data)%2 != 0 {
			return false
		}
		units := make([]uint16, 0, len(data)/2)
		for i := 0; i < len(data); i += 2 {
			units = append(units, uint16(data[i])<<8|uint16(data[i+1]))
		}
		for _, r := range utf16.Decode(units) {
			if r < utf8.RuneSelf || r == unicode.ReplacementChar || invisible(r) {
				return false
			}
		}
	}
}
