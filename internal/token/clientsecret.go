package token

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mailhaul/mailhaul/internal/secret"
)

// secretMost is more than any client secret has; Entra ID makes 40 characters.
const secretMost = 255

const remedySecret = "give the value of the client secret, one line, which the portal shows once when the secret is made"

// CheckClientSecret says why a text cannot be the value of a client secret: it is what
// people take for one by mistake. Errors never hold a part of it.
func CheckClientSecret(text secret.Text) error {
	if guid.MatchString(strings.TrimSpace(text.Reveal())) {
		return errors.New("the client secret has the form of an ID: it is the secret's ID and not its value; " + remedySecret)
	}
	return checkSecretForm(text)
}

// checkSecretForm refuses what is no line of text: a file with a key, which must not
// reach the authority.
func checkSecretForm(text secret.Text) error {
	switch value := text.Reveal(); {
	case strings.Contains(value, "-----BEGIN"):
		return errors.New("the client secret is a PEM file, as keys and certificates are: give a certificate as the certificate, or else " + remedySecret)
	case strings.ContainsAny(strings.TrimRight(value, "\r\n"), "\r\n"):
		return errors.New("the client secret has several lines: " + remedySecret)
	case isBinary(value):
		return errors.New("the client secret is binary, as .pfx, .p12 and .der files are: " + remedySecret)
	case len(value) > secretMost:
		return fmt.Errorf("the client secret is longer than %d bytes: %s", secretMost, remedySecret)
	}
	return nil
}

// isBinary reports whether a text is no text. What was no UTF-8 has the replacement
// character when it has come by JSON.
func isBinary(text string) bool {
	return !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool {
		return r == utf8.RuneError || unicode.IsControl(r) && !strings.ContainsRune("\t\r\n", r)
	})
}
