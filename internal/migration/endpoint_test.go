package migration

import (
	"strings"
	"testing"
)

func TestAddressesAreRead(t *testing.T) {
	for _, test := range []struct {
		text     string
		address  string
		security Security
		user     string
	}{
		{"imaps://anna@mail.example.org", "mail.example.org:993", Implicit, "anna"},
		{"imap://anna@mail.example.org", "mail.example.org:143", StartTLS, "anna"},
		{"imap+plain://anna@localhost:1143", "localhost:1143", Cleartext, "anna"},
		{"IMAPS://anna@mail.example.org/", "mail.example.org:993", Implicit, "anna"},
		{"imaps://mail.example.org", "mail.example.org:993", Implicit, ""},
		{"imaps://anna@example.org@mail.example.org:1993", "mail.example.org:1993", Implicit, "anna@example.org"},
		{"imaps://anna%40example.org@mail.example.org", "mail.example.org:993", Implicit, "anna@example.org"},
		{"imaps://a%3Ab%25@mail.example.org", "mail.example.org:993", Implicit, "a:b%"},
		{`imaps://EXAMPLE\anna@mail.example.org`, "mail.example.org:993", Implicit, `EXAMPLE\anna`},
		{"imaps://a/b@mail.example.org", "mail.example.org:993", Implicit, "a/b"},
		{"imaps://anna@192.0.2.1", "192.0.2.1:993", Implicit, "anna"},
		{"imaps://anna@[2001:db8::1]", "[2001:db8::1]:993", Implicit, "anna"},
		{"imaps://anna@[2001:db8::1]:1993", "[2001:db8::1]:1993", Implicit, "anna"},
		{"imaps://anna@2001:db8::1", "[2001:db8::1]:993", Implicit, "anna"},
	} {
		endpoint, user, err := ParseURL(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		if endpoint.Address() != test.address || endpoint.Security != test.security || user != test.user || endpoint.AllowCleartext {
			t.Errorf("%s is read as %+v with user %q", test.text, endpoint, user)
		}
	}
}

func TestAddressesThatAreNone(t *testing.T) {
	for _, test := range []struct{ text, why string }{
		{"", "want imaps://"},
		{"mail.example.org", "want imaps://"},
		{"http://mail.example.org", "want imaps://"},
		{"imaps:/mail.example.org", "want imaps://"},
		{"imaps://", "host name"},
		{"imaps://anna@", "host name"},
		{"imaps://anna@mail.example.org:0", "port"},
		{"imaps://anna@mail.example.org:65536", "port"},
		{"imaps://anna@mail.example.org:imaps", "port"},
		{"imaps://anna@mail.example.org:", "port"},
		{"imaps://anna@mail example", "host name"},
		{"imaps://anna@mail.example.org/INBOX", `"/INBOX": leave that out`},
		{"imap://mail.example.org:143/Work/Old", "names no folder"},
		{"imaps://anna@mail.example.org?x", "host name"},
		{"imaps://anna@a:b:c", "host name"},
		{"imaps://an%zza@mail.example.org", "hexadecimal"},
		{"imaps://an%0Dna@mail.example.org", "line break"},
		{"imaps://an%00na@mail.example.org", "line break"},
		{"imaps://anna:canary@mail.example.org", "holds a password"},
		{"imaps://anna:can@ary@mail.example.org", "holds a password"},
		{"imaps://anna:canary@", "holds a password"},
		{"imap://:canary@mail.example.org", "holds a password"},
	} {
		endpoint, user, err := ParseURL(test.text)
		if err == nil {
			t.Errorf("%q is read as %+v with user %q", test.text, endpoint, user)
			continue
		}
		if !strings.Contains(err.Error(), test.why) || strings.Contains(err.Error(), "can") {
			t.Errorf("%q: %v", test.text, err)
		}
	}
}
