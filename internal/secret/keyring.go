package secret

import (
	"bytes"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// KeySize is the size of the server's key and of data keys, in bytes.
const KeySize = 32

// maxEarlier bounds the earlier keys of a keyring.
const maxEarlier = 16

// Errors of the keyring. None tells anything of a secret.
var (
	// ErrKey: sealed or wrapped with a key that is not here.
	ErrKey = errors.New("it was sealed with another key")
	// ErrDamaged: the bytes are not what was sealed, or were moved from
	// elsewhere.
	ErrDamaged = errors.New("the sealed value is damaged")
)

// Keyring holds the server's key, which wraps data keys, and earlier ones, which
// only unwrap. It is used by several goroutines.
type Keyring struct {
	current serverKey
	earlier []serverKey
}

type serverKey struct {
	id  keyID
	box *box
}

// NewKeyring makes a keyring of raw keys: the one that wraps, and earlier ones.
func NewKeyring(current []byte, earlier ...[]byte) (*Keyring, error) {
	if len(earlier) > maxEarlier {
		return nil, fmt.Errorf("%d earlier keys: at most %d are kept", len(earlier), maxEarlier)
	}
	var keys []serverKey
	for _, raw := range append([][]byte{current}, earlier...) {
		if len(raw) != KeySize {
			return nil, fmt.Errorf("the server key has %d bytes and not %d", len(raw), KeySize)
		}
		if bytes.Equal(raw, make([]byte, KeySize)) {
			return nil, errors.New("the server key is all zeros")
		}
		keys = append(keys, serverKey{idOf(raw), newBox(raw)})
	}
	return &Keyring{keys[0], keys[1:]}, nil
}

// ParseKeyring reads keys as they stand in a key file: one a line, in base64 or
// hexadecimal, the current one first. Blank lines and those with # are left out.
// Errors name lines and no content.
func ParseKeyring(text []byte) (*Keyring, error) {
	var keys [][]byte
	for n, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, err := decodeKey(line)
		if err != nil {
			return nil, fmt.Errorf("line %d of the server key: %w", n+1, err)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no server key")
	}
	return NewKeyring(keys[0], keys[1:]...)
}

func decodeKey(line string) ([]byte, error) {
	if len(line) == hex.EncodedLen(KeySize) {
		if key, err := hex.DecodeString(line); err == nil {
			return key, nil
		}
	}
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.RawURLEncoding} {
		if key, err := encoding.DecodeString(line); err == nil && len(key) == KeySize {
			return key, nil
		}
	}
	return nil, fmt.Errorf("want %d bytes in base64 (44 characters) or hexadecimal (64)", KeySize)
}

// GenerateKey makes a key as a line of a key file.
func GenerateKey() string {
	return base64.StdEncoding.EncodeToString(random(KeySize)) + "\n"
}

// ID names the key that wraps, for people: it tells keys apart and nothing more.
func (k *Keyring) ID() string { return hex.EncodeToString(k.current.id[:]) }

// NewDataKey makes a data key, and gives it wrapped, as it is stored.
func (k *Keyring) NewDataKey() (DataKey, []byte) {
	raw := random(KeySize)
	return newDataKey(raw), k.wrap(raw)
}

const (
	wrapVersion = 1
	sealVersion = 2
)

// wrap gives version, key number and the box of the data key.
func (k *Keyring) wrap(raw []byte) []byte {
	head := append([]byte{wrapVersion}, k.current.id[:]...)
	return append(head, k.current.box.close(raw, head)...)
}

// UnwrapKey opens a wrapped data key. ErrKey: with a key that is not here.
func (k *Keyring) UnwrapKey(wrapped []byte) (DataKey, error) {
	raw, _, err := k.unwrap(wrapped)
	if err != nil {
		return DataKey{}, err
	}
	return newDataKey(raw), nil
}

func (k *Keyring) unwrap(wrapped []byte) (raw []byte, by keyID, err error) {
	head, sealed, ok := cutHead(wrapped, wrapVersion)
	if !ok {
		return nil, by, ErrDamaged
	}
	copy(by[:], head[1:])
	for _, key := range append([]serverKey{k.current}, k.earlier...) {
		if key.id != by {
			continue
		}
		raw, err = key.box.open(sealed, head)
		if err == nil && len(raw) != KeySize {
			err = ErrDamaged
		}
		return raw, by, err
	}
	return nil, by, fmt.Errorf("the data key: %w (%x)", ErrKey, by)
}

// Rewrap gives a data key wrapped with the current key; false when it is so
// already. What was sealed with the data key stays as it is.
func (k *Keyring) Rewrap(wrapped []byte) (anew []byte, changed bool, err error) {
	raw, by, err := k.unwrap(wrapped)
	if err != nil || by == k.current.id {
		return wrapped, false, err
	}
	return k.wrap(raw), true, nil
}

// keyID names a key without telling it.
type keyID [4]byte

func idOf(raw []byte) (id keyID) {
	copy(id[:], derive(raw, "mailhaul key id"))
	return id
}

// derive makes a key for one purpose out of another (RFC 5869).
func derive(raw []byte, purpose string) []byte {
	key, err := hkdf.Key(sha256.New, raw, nil, purpose, KeySize)
	if err != nil {
		panic("secret: " + err.Error()) // only for a length that is too great
	}
	return key
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	return b
}

// cutHead splits off version and key number.
func cutHead(b []byte, version byte) (head, rest []byte, ok bool) {
	n := 1 + len(keyID{})
	if len(b) < n || b[0] != version {
		return nil, nil, false
	}
	return b[:n:n], b[n:], true
}
