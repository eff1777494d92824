package secret_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailhaul/mailhaul/internal/secret"
)

const canary = `cA"n\ary & pä$$`

func TestSecretShowsInNoForm(t *testing.T) {
	text := secret.New(canary)
	holder := struct {
		Password secret.Text
		Pointer  *secret.Text
		All      []secret.Text
		ByName   map[string]secret.Text
	}{text, &text, []secret.Text{text}, map[string]secret.Text{"x": text}}
	var out strings.Builder
	for _, verb := range "vTtbcdoOqxXUeEfFgGspw" {
		for _, flags := range []string{"", "+", "#", "-20", "020", " ", "20.3"} {
			for _, value := range []any{text, &text, holder, &holder, []any{text}} {
				fmt.Fprintf(&out, "%"+flags+string(verb)+"\n", value)
			}
		}
	}
	fmt.Fprintln(&out, text, &text, holder, fmt.Errorf("signing in with %v: %w", text, fmt.Errorf("%s", text)))
	expectHidden(t, "fmt", out.String())
	if got := fmt.Sprintf("%v %s %q %#v %+v %d", text, text, text, text, text, text); got != strings.TrimSpace(strings.Repeat("[redacted] ", 6)) {
		t.Errorf("the verbs give %s", got)
	}
}

func TestSecretIsNotMarshalled(t *testing.T) {
	text := secret.New(canary)
	holder := struct {
		Password secret.Text
		Pointer  *secret.Text
		ByText   map[secret.Text]int
	}{text, &text, map[secret.Text]int{text: 1}}
	encoded, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	expectHidden(t, "JSON", string(encoded))
	if want := `{"Password":"[redacted]","Pointer":"[redacted]","ByText":{"[redacted]":1}}`; string(encoded) != want {
		t.Errorf("JSON is %s", encoded)
	}
	encoded, err = xml.Marshal(struct {
		XMLName  xml.Name `xml:"x"`
		Password secret.Text
	}{Password: text})
	if err != nil {
		t.Fatal(err)
	}
	expectHidden(t, "XML", string(encoded))
}

func TestSecretIsNotLogged(t *testing.T) {
	text := secret.New(canary)
	var out bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		log := slog.New(handler).With("own", text)
		log.Info("signing in", "password", text, "pointer", &text, "list", []secret.Text{text}, slog.Group("g", "p", text),
			"struct", struct{ P secret.Text }{text})
	}
	expectHidden(t, "slog", out.String())
}

func TestOnlyRevealGivesTheSecret(t *testing.T) {
	text := secret.New(canary)
	if text != secret.New(canary) || text == secret.New("another") || secret.New("") != (secret.Text{}) {
		t.Errorf("equal secrets differ")
	}
	if text.Reveal() != canary || text.Empty() || !secret.New("").Empty() || !(secret.Text{}).Empty() {
		t.Errorf("reveal gives %q", text.Reveal())
	}
}

// expectHidden looks for the secret in the forms in which it could slip out.
func expectHidden(t *testing.T, where, text string) {
	t.Helper()
	quoted := strconv.Quote(canary)
	for _, form := range []string{canary, quoted[1 : len(quoted)-1], hex.EncodeToString([]byte(canary)), "cA", "ary"} {
		if strings.Contains(text, form) || strings.Contains(text, strings.ToUpper(form)) {
			t.Errorf("%s shows %q", where, form)
		}
	}
}

func TestScrubberFindsEveryForm(t *testing.T) {
	scrubber := secret.NewScrubber(canary, "", "second-secret")
	quoted := strconv.Quote(canary)
	for name, text := range map[string]string{
		"raw":         "LOGIN anna " + canary + " failed",
		"two":         canary + canary,
		"another":     "the second-secret too",
		"Go":          "said " + quoted,
		"IMAP":        `LOGIN anna "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(canary) + `"`,
		"query":       "https://x/?p=" + url.QueryEscape(canary),
		"path":        "https://x/" + url.PathEscape(canary) + "/",
		"hex":         "00" + hex.EncodeToString([]byte(canary)) + "00",
		"HEX":         "00" + strings.ToUpper(hex.EncodeToString([]byte(canary))) + "00",
		"SASL PLAIN":  base64.StdEncoding.EncodeToString([]byte("\x00anna\x00" + canary)),
		"its end cut": base64.RawURLEncoding.EncodeToString([]byte(canary)),
	} {
		got := scrubber.Scrub(text)
		if !strings.Contains(got, "[redacted]") || strings.Contains(got, "ary") {
			t.Errorf("%s: %s has become %s", name, text, got)
		}
	}
}

// TestScrubberFindsBase64AtEveryAlignment: whatever stands around a secret in
// what is encoded, the characters that hold only the secret are gone.
func TestScrubberFindsBase64AtEveryAlignment(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		value := rapid.StringN(4, 30, 40).Draw(r, "secret")
		before, after := rapid.StringN(0, 9, -1).Draw(r, "before"), rapid.StringN(0, 9, -1).Draw(r, "after")
		scrubber := secret.NewScrubber(value)
		for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding} {
			text := encoding.EncodeToString([]byte(before + value + after))
			got := scrubber.Scrub(text)
			if got == text {
				r.Fatalf("%q between %q and %q in base64 stays %s", value, before, after, text)
			}
			// What is left around holds at most the edges of the secret.
			left := len(text) - (len(got) - strings.Count(got, "[redacted]")*len("[redacted]"))
			if most := len(value)*8/6 - 1; left < most-1 {
				r.Fatalf("of %s only %d characters went: %s", text, left, got)
			}
		}
	})
}

func TestScrubberLeavesTheRest(t *testing.T) {
	text := "NO [AUTHENTICATIONFAILED] Authentication failed."
	for _, scrubber := range []*secret.Scrubber{nil, {}, secret.NewScrubber(), secret.NewScrubber("", ""), secret.NewScrubber(canary)} {
		if got := scrubber.Scrub(text); got != text {
			t.Errorf("%+v makes %q", scrubber, got)
		}
	}
}

func TestLongerSecretsGoFirst(t *testing.T) {
	if got := secret.NewScrubber("pass", "password").Scrub("my password"); got != "my [redacted]" {
		t.Errorf("got %q", got)
	}
}

func FuzzScrubberHidesTheSecret(f *testing.F) {
	f.Add("geheim", "LOGIN geheim", "x")
	f.Add("a+b/c==", "", "")
	f.Add("0\x000", "0", "0")
	f.Fuzz(func(t *testing.T, value, before, after string) {
		if len(value) < 3 || strings.Contains("[redacted]", value) {
			return
		}
		got := secret.NewScrubber(value).Scrub(before + value + after)
		for piece := range strings.SplitSeq(got, "[redacted]") {
			if strings.Contains(piece, value) {
				t.Errorf("%q is in %q", value, got)
			}
		}
	})
}
