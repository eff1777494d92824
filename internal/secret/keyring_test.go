package secret

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

const password = "C4nary!Parole-77"

func keyring(t *testing.T, fill byte, earlier ...byte) *Keyring {
	t.Helper()
	var before [][]byte
	for _, b := range earlier {
		before = append(before, bytes.Repeat([]byte{b}, KeySize))
	}
	k, err := NewKeyring(bytes.Repeat([]byte{fill}, KeySize), before...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var anna = Binding{Purpose: "source password", Host: "imap.a.example", Port: 993, Security: "implicit", Batch: "pilot", Address: "anna@example.org"}

func TestASealedValueOpensWhereItBelongs(t *testing.T) {
	key, wrapped := keyring(t, 1).NewDataKey()
	sealed := key.Seal(New(password), anna)
	again, err := keyring(t, 1).UnwrapKey(wrapped)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Open(sealed, anna); err != nil || got.Reveal() != password {
		t.Errorf("opened %v, %v", got == New(password), err)
	}
	if bytes.Contains(sealed, []byte(password)) || bytes.Equal(sealed, key.Seal(New(password), anna)) {
		t.Error("the sealed value shows the password, or is the same twice")
	}
	if sealed := key.Seal(Text{}, anna); sealed != nil {
		t.Errorf("nothing seals as %x", sealed)
	}
}

func TestASealedValueOpensNowhereElse(t *testing.T) {
	key, _ := keyring(t, 1).NewDataKey()
	sealed := key.Seal(New(password), anna)
	moves := map[string]func(*Binding){
		"purpose": func(b *Binding) { b.Purpose = "target password" }, "host": func(b *Binding) { b.Host = "evil.example" },
		"port": func(b *Binding) { b.Port = 143 }, "security": func(b *Binding) { b.Security = "none" },
		"batch": func(b *Binding) { b.Batch = "other" }, "address": func(b *Binding) { b.Address = "bert@example.org" },
	}
	for what, move := range moves {
		asked := anna
		move(&asked)
		got, err := key.Open(sealed, asked)
		var bound *BoundError
		if !errors.As(err, &bound) || bound.To != anna || !got.Empty() {
			t.Errorf("another %s: %v", what, err)
		}
		if strings.Contains(fmt.Sprint(err), password) {
			t.Errorf("the error holds the password")
		}
	}
	repointed := anna
	repointed.Host = "evil.example"
	if _, err := key.Open(sealed, repointed); !strings.Contains(err.Error(), "imap.a.example:993") {
		t.Errorf("the error does not name the server it is bound to: %v", err)
	}
}

func TestABindingThatWasWrittenOverDoesNotOpen(t *testing.T) {
	key, _ := keyring(t, 1).NewDataKey()
	sealed := key.Seal(New(password), anna)
	evil := anna
	evil.Host = "imap.b.example"
	forged := bytes.Replace(bytes.Clone(sealed), []byte("imap.a.example"), []byte("imap.b.example"), 1)
	if _, err := key.Open(forged, evil); !errors.Is(err, ErrDamaged) {
		t.Errorf("a forged binding: %v", err)
	}
	for n := range sealed {
		broken := bytes.Clone(sealed)
		broken[n] ^= 1
		if _, err := key.Open(broken, anna); err == nil {
			t.Fatalf("opens with byte %d changed", n)
		}
		if _, err := key.Open(sealed[:n], anna); err == nil && n > 0 {
			t.Fatalf("opens cut at byte %d", n)
		}
	}
}

func TestAValueOfAnotherBatchDoesNotOpen(t *testing.T) {
	k := keyring(t, 1)
	one, _ := k.NewDataKey()
	other, _ := k.NewDataKey()
	if _, err := other.Open(one.Seal(New(password), anna), anna); !errors.Is(err, ErrKey) {
		t.Errorf("opens with another batch's key: %v", err)
	}
}

func TestBindingsAreToldApartWhateverTheyHold(t *testing.T) {
	a := Binding{Purpose: "p", Host: "ab", Batch: "c"}
	b := Binding{Purpose: "p", Host: "a", Batch: "bc"}
	if bytes.Equal(a.pack(), b.pack()) {
		t.Error("two bindings have the same bytes")
	}
	if got, err := unpackBinding(anna.pack()); err != nil || got != anna {
		t.Errorf("comes back as %+v, %v", got, err)
	}
}

func TestAnotherServerKeyIsToldAndOpensNothing(t *testing.T) {
	_, wrapped := keyring(t, 1).NewDataKey()
	if _, err := keyring(t, 2).UnwrapKey(wrapped); !errors.Is(err, ErrKey) {
		t.Errorf("unwraps with another key: %v", err)
	}
	if _, err := keyring(t, 1).UnwrapKey(wrapped[:9]); !errors.Is(err, ErrDamaged) {
		t.Errorf("unwraps half a key: %v", err)
	}
}

func TestRotationWrapsDataKeysAnew(t *testing.T) {
	old := keyring(t, 1)
	key, wrapped := old.NewDataKey()
	sealed := key.Seal(New(password), anna)
	alone := old.SealAlone(New(password), anna)

	both := keyring(t, 2, 1)
	anew, changed, err := both.Rewrap(wrapped)
	if err != nil || !changed {
		t.Fatal(changed, err)
	}
	aloneAnew, changed, err := both.RewrapAlone(alone)
	if err != nil || !changed {
		t.Fatal(changed, err)
	}
	if _, changed, err := both.Rewrap(anew); changed || err != nil {
		t.Error("wraps a second time", changed, err)
	}
	fresh := keyring(t, 2)
	opened, err := fresh.UnwrapKey(anew)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := opened.Open(sealed, anna); err != nil || got != New(password) {
		t.Errorf("what was sealed before does not open: %v", err)
	}
	if got, err := fresh.OpenAlone(aloneAnew, anna); err != nil || got != New(password) {
		t.Errorf("what was sealed alone before does not open: %v", err)
	}
	if _, err := fresh.OpenAlone(alone, anna); !errors.Is(err, ErrKey) {
		t.Errorf("what was not wrapped anew opens: %v", err)
	}
}

func TestADataKeyShowsItselfNowhere(t *testing.T) {
	raw := bytes.Repeat([]byte{0xab}, KeySize)
	key := newDataKey(raw)
	js, _ := json.Marshal(map[string]any{"key": key})
	shown := string(js)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%p", "%w"} {
		shown += fmt.Sprintf(verb, key)
	}
	if strings.Contains(shown, "171") || strings.Contains(shown, hex.EncodeToString(raw)[:8]) {
		t.Errorf("shows %s", shown)
	}
	if bytes.Equal(key.Derive("audit"), key.Derive("files")) || bytes.Equal(key.Derive("audit"), raw) {
		t.Error("derived keys are not apart")
	}
}

func TestKeyFilesAreReadInEitherForm(t *testing.T) {
	line := GenerateKey()
	k, err := ParseKeyring([]byte("# the server key\n\n" + line + strings.Repeat("0a", KeySize) + "\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if k.ID() == keyring(t, 10).ID() || len(k.earlier) != 1 || k.earlier[0].id != keyring(t, 10).current.id {
		t.Error("the keys are not in the order of the file")
	}
	for _, bad := range []string{"", "# nothing\n", "short\n", strings.Repeat("00", KeySize), line + password + "\n"} {
		if _, err := ParseKeyring([]byte(bad)); err == nil || strings.Contains(err.Error(), password) {
			t.Errorf("%d bytes: %v", len(bad), err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	k, _ := NewKeyring(bytes.Repeat([]byte{1}, KeySize))
	key, wrapped := k.NewDataKey()
	f.Add(key.Seal(New(password), anna))
	f.Add(k.SealAlone(New(password), anna))
	f.Add(wrapped)
	other := anna
	other.Address = "x"
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := key.Open(b, other); err == nil && !got.Empty() {
			t.Error("opens for another row")
		}
		_, _ = k.OpenAlone(b, anna)
		_, _ = k.UnwrapKey(b)
		_, _, _ = k.RewrapAlone(b)
	})
}
