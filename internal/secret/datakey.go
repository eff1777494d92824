package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"strconv"
)

// Binding is where a sealed value may be used, and nowhere else. It is no secret
// and is kept beside the value, which is sealed together with it.
type Binding struct {
	// Purpose is what the value is: "source password", "administrator".
	Purpose string
	// Host, Port and Security are the server that it may be sent to.
	Host     string
	Port     int
	Security string
	// Batch and Address are the row it belongs to; empty when it belongs to
	// none.
	Batch, Address string
}

// Server is the server that the value may be sent to.
func (b Binding) Server() string { return net.JoinHostPort(b.Host, strconv.Itoa(b.Port)) }

func (b Binding) fields() []string {
	return []string{b.Purpose, b.Host, strconv.Itoa(b.Port), b.Security, b.Batch, b.Address}
}

// pack writes the binding so that no two have the same bytes.
func (b Binding) pack() []byte {
	var out []byte
	for _, field := range b.fields() {
		out = binary.AppendUvarint(out, uint64(len(field)))
		out = append(out, field...)
	}
	return out
}

func unpackBinding(b []byte) (Binding, error) {
	var fields []string
	for len(b) > 0 {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return Binding{}, ErrDamaged
		}
		fields = append(fields, string(b[n:n+int(size)]))
		b = b[n+int(size):]
	}
	if len(fields) != len(Binding{}.fields()) {
		return Binding{}, ErrDamaged
	}
	port, err := strconv.Atoi(fields[2])
	if err != nil {
		return Binding{}, ErrDamaged
	}
	return Binding{fields[0], fields[1], port, fields[3], fields[4], fields[5]}, nil
}

// BoundError says that a sealed value belongs elsewhere: somebody has changed the
// server, or moved the value from another row. The value stays sealed.
type BoundError struct{ To, Asked Binding }

func (e *BoundError) Error() string {
	switch {
	case e.To.Server() != e.Asked.Server() || e.To.Security != e.Asked.Security:
		return fmt.Sprintf("the %s was given for %s (%s) and is sent nowhere else, so not to %s (%s)",
			e.To.Purpose, e.To.Server(), e.To.Security, e.Asked.Server(), e.Asked.Security)
	case e.To.Purpose != e.Asked.Purpose:
		return fmt.Sprintf("it is a %s and no %s", e.To.Purpose, e.Asked.Purpose)
	default:
		return fmt.Sprintf("the %s belongs to %q in batch %q, and not to %q in batch %q", e.To.Purpose, e.To.Address, e.To.Batch, e.Asked.Address, e.Asked.Batch)
	}
}

// DataKey seals values, such as the passwords of a batch. It shows itself as
// redacted, as a Text does.
type DataKey struct {
	id   keyID
	keys *dataKeys
}

// dataKeys is behind a pointer, so that fmt prints an address at most.
type dataKeys struct {
	box *box
	raw []byte
}

func newDataKey(raw []byte) DataKey {
	return DataKey{idOf(raw), &dataKeys{newBox(derive(raw, "mailhaul seal")), slices.Clone(raw)}}
}

// Format never gives the key, whatever the verb.
func (k DataKey) Format(f fmt.State, verb rune) { Text{}.Format(f, verb) }

// Derive makes a key for another purpose out of this one, such as a hash key.
func (k DataKey) Derive(purpose string) []byte { return derive(k.keys.raw, "mailhaul "+purpose) }

// Seal gives the value sealed for one place. An empty value gives nothing.
func (k DataKey) Seal(value Text, to Binding) []byte {
	if value.Empty() {
		return nil
	}
	packed := to.pack()
	head := append([]byte{sealVersion}, k.id[:]...)
	head = binary.AppendUvarint(head, uint64(len(packed)))
	head = append(head, packed...)
	return append(head, k.keys.box.close([]byte(value.Reveal()), head)...)
}

// Open gives the value if it was sealed for that place with this key. Otherwise
// the error is ErrKey, ErrDamaged, or a *BoundError that names the right place. An
// empty value opens as nothing.
func (k DataKey) Open(sealed []byte, asked Binding) (Text, error) {
	if len(sealed) == 0 {
		return Text{}, nil
	}
	head, rest, ok := cutHead(sealed, sealVersion)
	if !ok {
		return Text{}, ErrDamaged
	}
	if keyID(head[1:]) != k.id {
		return Text{}, ErrKey
	}
	size, n := binary.Uvarint(rest)
	if n <= 0 || size > uint64(len(rest)-n) {
		return Text{}, ErrDamaged
	}
	to, err := unpackBinding(rest[n : n+int(size)])
	if err != nil {
		return Text{}, err
	}
	whole := len(head) + n + int(size)
	value, err := k.keys.box.open(sealed[whole:], sealed[:whole])
	if err != nil {
		return Text{}, err
	}
	defer clear(value)
	if to != asked {
		return Text{}, &BoundError{To: to, Asked: asked}
	}
	return New(string(value)), nil
}

// SealAlone seals a value with a data key of its own, which stands wrapped in
// front of it.
func (k *Keyring) SealAlone(value Text, to Binding) []byte {
	if value.Empty() {
		return nil
	}
	key, wrapped := k.NewDataKey()
	out := binary.AppendUvarint(nil, uint64(len(wrapped)))
	return append(append(out, wrapped...), key.Seal(value, to)...)
}

// OpenAlone opens what SealAlone gave.
func (k *Keyring) OpenAlone(sealed []byte, asked Binding) (Text, error) {
	if len(sealed) == 0 {
		return Text{}, nil
	}
	wrapped, value, err := cutAlone(sealed)
	if err != nil {
		return Text{}, err
	}
	key, err := k.UnwrapKey(wrapped)
	if err != nil {
		return Text{}, err
	}
	return key.Open(value, asked)
}

// RewrapAlone does for such a value what Rewrap does for a data key.
func (k *Keyring) RewrapAlone(sealed []byte) (anew []byte, changed bool, err error) {
	wrapped, value, err := cutAlone(sealed)
	if err != nil {
		return sealed, false, err
	}
	wrapped, changed, err = k.Rewrap(wrapped)
	if err != nil || !changed {
		return sealed, false, err
	}
	anew = binary.AppendUvarint(nil, uint64(len(wrapped)))
	return append(append(anew, wrapped...), value...), true, nil
}

func cutAlone(sealed []byte) (wrapped, value []byte, err error) {
	size, n := binary.Uvarint(sealed)
	if n <= 0 || size > uint64(len(sealed)-n) {
		return nil, nil, ErrDamaged
	}
	return sealed[n : n+int(size)], sealed[n+int(size):], nil
}

// box is AES-256-GCM whose random nonce stands in front (NIST SP 800-38D): a key
// may close 2^32 values.
type box struct{ aead cipher.AEAD }

func newBox(key []byte) *box {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("secret: " + err.Error()) // only for a wrong length
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("secret: " + err.Error())
	}
	return &box{aead}
}

// close seals a value. The nonce is made at random and stands before it.
func (b *box) close(value, beside []byte) []byte {
	return b.aead.Seal(nil, nil, value, beside) //nolint:gosec // no nonce is given: this AEAD makes its own
}

func (b *box) open(sealed, beside []byte) ([]byte, error) {
	value, err := b.aead.Open(nil, nil, sealed, beside)
	if err != nil {
		return nil, ErrDamaged
	}
	return value, nil
}
