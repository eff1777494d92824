// Package secret keeps passwords and tokens out of everything that is printed.
//
// A Text shows itself as "[redacted]" through every formatting verb, JSON and
// slog. Only Reveal gives the value, so a search for Reveal finds every place
// that handles one. A Scrubber removes known secrets from texts that others
// wrote, such as a server that echoes the LOGIN line in its answer.
package secret

import (
	"fmt"
	"log/slog"
	"unique"
)

const redacted = "[redacted]"

// Text is a secret string. The zero value is empty and redacts nothing. Equal
// secrets are == each other. The string is behind a handle, because fmt prints
// the bare fields of a value whose verb is wrong (%w, %p), past every method.
type Text struct{ value unique.Handle[string] }

// New wraps a secret.
func New(value string) Text {
	if value == "" {
		return Text{}
	}
	return Text{unique.Make(value)}
}

// Reveal gives the secret itself.
func (t Text) Reveal() string {
	if t == (Text{}) {
		return ""
	}
	return t.value.Value()
}

// Empty reports whether there is no secret.
func (t Text) Empty() bool { return t == (Text{}) }

// String never gives the secret.
func (t Text) String() string { return redacted }

// GoString never gives the secret (%#v).
func (t Text) GoString() string { return redacted }

// Format never gives the secret, whatever the verb.
func (t Text) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText never gives the secret; JSON uses it too.
func (t Text) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue never gives the secret.
func (t Text) LogValue() slog.Value { return slog.StringValue(redacted) }
