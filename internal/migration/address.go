package migration

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"
)

// ParseAddress takes an e-mail address apart. The domain is in lower case and in its
// xn-- form (RFC 5891) where it has letters beyond ASCII. What an address of a
// migration file may not be, it is not here either: one with a display name, a quoted
// name or a server's number for a domain (RFC 5321 section 4.1.2). The error says
// what to write instead.
func ParseAddress(text string) (local, domain string, err error) {
	shown := fmt.Sprintf("%q", shortenedTo(SafeText(text), 60))
	at := strings.LastIndexByte(text, '@')
	switch {
	case at < 0:
		return "", "", fmt.Errorf("%s has no @: want an address such as anna@example.org", shown)
	case at == len(text)-1:
		return "", "", fmt.Errorf("%s has no domain after the @: want an address such as anna@example.org", shown)
	case at == 0:
		return "", "", fmt.Errorf("%s has no name before the @: want an address such as anna@example.org", shown)
	case strings.ContainsAny(text, "<>") || strings.HasPrefix(strings.ToLower(text), "mailto:"):
		return "", "", fmt.Errorf("%s is more than an address: want anna@example.org, without a display name", shown)
	case len(text) > 254 || !utf8.ValidString(text) || !validLocalPart(text[:at]):
		return "", "", fmt.Errorf("%s is no e-mail address: want one such as anna@example.org", shown)
	}
	domain, err = mailDomain(text[at+1:])
	if err != nil {
		return "", "", fmt.Errorf("%s: %w", shown, err)
	}
	return text[:at], domain, nil
}

// mailDomain checks a domain and gives it in ASCII and lower case.
func mailDomain(domain string) (string, error) {
	literal := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(domain, "["), "IPv6:"), "]")
	if _, err := netip.ParseAddr(literal); err == nil || strings.HasPrefix(domain, "[") {
		return "", errors.New("the part after the @ is a server's number, not a domain: nothing is to be found there")
	}
	if !validDomain(domain) {
		ascii, ok := asciiDomain(domain)
		switch {
		case !ok:
			return "", errors.New("the part after the @ is no domain: want one such as example.org")
		case ascii == "":
			return "", errors.New("the domain cannot be brought into its xn-- form here: write it so (RFC 5891)")
		}
		domain = ascii
	}
	domain = strings.ToLower(domain)
	if !strings.Contains(domain, ".") {
		return "", errors.New("the domain has no dot: want a full one such as example.org")
	}
	return domain, nil
}

func shortenedTo(text string, most int) string {
	runes := []rune(text)
	if len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return text
}
