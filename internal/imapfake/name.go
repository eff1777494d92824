package imapfake

import (
	"encoding/base64"
	"slices"
	"strings"
	"unicode/utf16"
)

// canonical gives a name its stored spelling: INBOX has no case (RFC 3501
// section 5.1), and one trailing delimiter says nothing.
func (r *NameRules) canonical(name string) string {
	if r.Delimiter != "" && len(name) > 1 {
		name = strings.TrimSuffix(name, r.Delimiter)
	}
	if strings.EqualFold(name, "INBOX") {
		return "INBOX"
	}
	if n := len("INBOX" + r.Delimiter); r.Delimiter != "" && len(name) > n && strings.EqualFold(name[:n], "INBOX"+r.Delimiter) {
		return "INBOX" + r.Delimiter + name[n:]
	}
	return name
}

// key is what decides whether two names are the same folder.
func (r *NameRules) key(name string) string {
	name = r.canonical(name)
	if !r.CaseInsensitive {
		return name
	}
	if decoded, ok := decodeUTF7(name); ok {
		name = decoded
	}
	return strings.ToLower(name)
}

// refusal is the answer to a name that cannot be created, empty when it can.
func (r *NameRules) refusal(name string) string {
	limit := r.MaxLength
	if limit == 0 {
		limit = 1000
	}
	switch {
	case name == "":
		return "NO [CANNOT] Mailbox name is empty"
	case len(name) > limit:
		return "NO [CANNOT] Mailbox name too long"
	case r.Prefix != "" && name != "INBOX" && !strings.HasPrefix(name, r.Prefix):
		return "NO Invalid mailbox name: client tried to access nonexistent namespace"
	case slices.ContainsFunc(r.Reserved, func(s string) bool { return strings.EqualFold(s, name) }):
		if r.ReservedAnswer != "" {
			return r.ReservedAnswer
		}
		return "NO Folder name is reserved"
	case r.TrailingSpace != "" && strings.Contains(name+r.Delimiter, " "+r.Delimiter):
		return r.TrailingSpace
	case strings.ContainsAny(name, r.Forbidden) || strings.ContainsAny(name, "\x00\r\n%*"):
		return "NO [CANNOT] Character not allowed in mailbox name"
	}
	if r.Delimiter != "" && slices.Contains(strings.Split(name, r.Delimiter), "") {
		return "NO [CANNOT] Mailbox name has an empty level"
	}
	if _, ok := decodeUTF7(name); r.StrictUTF7 && !ok {
		return "NO [CANNOT] Mailbox name is not valid mUTF-7"
	}
	return ""
}

// parents lists the names above a name, the highest first.
func (r *NameRules) parents(name string) []string {
	if r.Delimiter == "" {
		return nil
	}
	var above []string
	for i := range len(name) {
		if i > 0 && strings.HasPrefix(name[i:], r.Delimiter) {
			above = append(above, name[:i])
		}
	}
	return above
}

// matches reports whether a LIST pattern fits a name: * is anything, % anything
// but the delimiter (RFC 3501 section 6.3.8).
func (r *NameRules) matches(pattern, name string) bool {
	if r.Delimiter != "" {
		if n := len("INBOX"); len(pattern) >= n && strings.EqualFold(pattern[:n], "INBOX") && (len(pattern) == n || strings.HasPrefix(pattern[n:], r.Delimiter)) {
			pattern = "INBOX" + pattern[n:]
		}
	} else if strings.EqualFold(pattern, "INBOX") {
		pattern = "INBOX"
	}
	// Two-pointer matching with one fallback per kind of wildcard: a failing
	// % falls back to the last *, which is enough because * covers more.
	p, n := 0, 0
	star, starN, percent, percentN := -1, 0, -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, starN, percent = p, n, -1
			p++
		case p < len(pattern) && pattern[p] == '%':
			percent, percentN = p, n
			p++
		case p < len(pattern) && pattern[p] == name[n]:
			p++
			n++
		case percent >= 0 && !strings.HasPrefix(name[percentN:], orNUL(r.Delimiter)):
			percentN++
			p, n = percent+1, percentN
		case star >= 0:
			starN++
			p, n, percent = star+1, starN, -1
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*%") == ""
}

func orNUL(delimiter string) string {
	if delimiter == "" {
		return "\x00"
	}
	return delimiter
}

// decodeUTF7 decodes modified UTF-7 (RFC 3501 section 5.1.3) and reports
// whether the name is valid: printable ASCII, well-formed base64, no runs that
// should have been one or need not have been encoded.
func decodeUTF7(name string) (string, bool) {
	encoding := base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding)
	var out strings.Builder
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c < 0x20 || c > 0x7e {
			return "", false
		}
		if c != '&' {
			out.WriteByte(c)
			continue
		}
		end := strings.IndexByte(name[i:], '-')
		if end < 0 {
			return "", false
		}
		run := name[i+1 : i+end]
		i += end
		if run == "" {
			out.WriteByte('&')
			continue
		}
		raw, err := encoding.DecodeString(run)
		if err != nil || len(raw)%2 != 0 {
			return "", false
		}
		units := make([]uint16, len(raw)/2)
		for j := range units {
			units[j] = uint16(raw[2*j])<<8 | uint16(raw[2*j+1])
		}
		for _, r := range utf16.Decode(units) {
			if r >= 0x20 && r <= 0x7e || r == 0xfffd {
				return "", false
			}
			out.WriteRune(r)
		}
	}
	return out.String(), true
}
