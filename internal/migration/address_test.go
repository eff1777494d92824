package migration

import (
	"strings"
	"testing"
)

func TestAnAddressIsTakenApart(t *testing.T) {
	tests := []struct{ text, local, domain string }{
		{"anna@example.org", "anna", "example.org"},
		{"Anna.B+x@EXAMPLE.Org", "Anna.B+x", "example.org"},
		{"grün@example.org", "grün", "example.org"},
		{"anna@bücher.example", "anna", "xn--bcher-kva.example"},
		{"anna@BÜCHER.example", "anna", "xn--bcher-kva.example"},
		{"anna@mail.co.uk", "anna", "mail.co.uk"},
	}
	for _, test := range tests {
		local, domain, err := ParseAddress(test.text)
		if err != nil || local != test.local || domain != test.domain {
			t.Errorf("%s: got %q, %q, %v; want %q, %q", test.text, local, domain, err, test.local, test.domain)
		}
	}
}

func TestWhatIsNoAddressIsToldHowToBeOne(t *testing.T) {
	tests := []struct{ text, want string }{
		{"", "has no @"},
		{"example.org", "has no @"},
		{"anna@", "has no domain"},
		{"@example.org", "has no name"},
		{"Anna <anna@example.org>", "without a display name"},
		{"mailto:anna@example.org", "without a display name"},
		{"anna b@example.org", "is no e-mail address"},
		{"anna@b@example.org", "is no e-mail address"},
		{"anna\x00@example.org", "is no e-mail address"},
		{strings.Repeat("a", 65) + "@example.org", "is no e-mail address"},
		{"anna@localhost", "has no dot"},
		{"anna@192.0.2.1", "a server's number"},
		{"anna@[192.0.2.1]", "a server's number"},
		{"anna@[IPv6:2001:db8::1]", "a server's number"},
		{"anna@exa mple.org", "is no domain"},
		{"anna@-example.org", "is no domain"},
		{"anna@example..org", "is no domain"},
		{"anna@example.org.", "is no domain"},
		{"anna@bu\u0308cher.example", "xn-- form"},
		{"anna@exa\u202emple.org", "is no domain"},
	}
	for _, test := range tests {
		_, _, err := ParseAddress(test.text)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: got %v, want %q", test.text, err, test.want)
		}
		if err != nil && SafeText(err.Error()) != err.Error() {
			t.Errorf("%q: the error is not fit to be shown: %q", test.text, err)
		}
	}
}
