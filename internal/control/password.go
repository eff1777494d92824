package control

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// The bounds of an operator's password, in characters. Nothing is cut off.
const (
	leastPassword = 12
	mostPassword  = 256
)

// operatorPassword checks a new password of an operator.
func (c *checks) operatorPassword(field, name string, password Password) {
	n := utf8.RuneCountInString(string(password))
	c.that(n >= leastPassword && n <= mostPassword && utf8.ValidString(string(password)), field, "must have %d to %d characters", leastPassword, mostPassword)
	plain := strings.ToLower(string(password))
	first, _ := utf8.DecodeRuneInString(plain)
	weak := n > 0 && strings.Count(plain, string(first)) == n || name != "" && strings.ReplaceAll(plain, strings.ToLower(name), "") == ""
	c.that(!weak, field, "must not be one character or the name over and over")
}

// cost is what a hash costs: argon2id (RFC 9106) with so many KiB, rounds and lanes.
type cost struct {
	memory, time uint32
	threads      uint8
}

var usualCost = cost{64 << 10, 3, 1}

const (
	hashSize = 32
	saltSize = 16
)

// The bounds on guessing at once: so many hashes under way, so many waiting.
const (
	hashesAtOnce  = 2
	hashesWaiting = 16
	hashWait      = 10 * time.Second
)

// hashing makes and compares hashes of passwords, few at a time, because each takes
// much memory.
type hashing struct {
	cost  cost
	slots chan struct{}
	queue chan struct{}
	// dummy is compared with when there is no such operator, so that this takes
	// as long.
	dummy string
}

func newHashing() *hashing {
	h := &hashing{cost: usualCost, slots: make(chan struct{}, hashesAtOnce), queue: make(chan struct{}, hashesAtOnce+hashesWaiting)}
	h.dummy = h.cost.encode(make([]byte, saltSize), make([]byte, hashSize))
	return h
}

// enter waits for a place.
func (h *hashing) enter(ctx context.Context) (leave func(), err error) {
	select {
	case h.queue <- struct{}{}:
	default:
		return nil, errBusy()
	}
	ctx, cancel := context.WithTimeout(ctx, hashWait)
	defer cancel()
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots; <-h.queue }, nil
	case <-ctx.Done():
		<-h.queue
		return nil, errBusy()
	}
}

func errBusy() error {
	return &Problem{Kind: TooMany, Code: "busy", Detail: "Too many people are signing in.", Remedy: "Try again in a moment.", After: hashWait}
}

// hash gives the encoded hash of a password.
func (h *hashing) hash(ctx context.Context, password Password) (string, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt)
	return h.cost.encode(salt, h.cost.key(password, salt)), nil
}

// matches compares a password with an encoded hash, or with nothing, which takes
// as long and never matches.
func (h *hashing) matches(ctx context.Context, encoded string, password Password) (bool, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	known := encoded != ""
	if !known {
		encoded = h.dummy
	}
	c, salt, want, err := decodeHash(encoded)
	if err != nil {
		return false, err
	}
	got := c.key(password, salt)
	return subtle.ConstantTimeCompare(got, want) == 1 && known, nil
}

func (c cost) key(password Password, salt []byte) []byte {
	return argon2.IDKey([]byte(password), salt, c.time, c.memory, c.threads, hashSize)
}

// encode writes a hash in the usual form: $argon2id$v=19$m=65536,t=3,p=1$salt$hash.
func (c cost) encode(salt, key []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.memory, c.time, c.threads, b64.EncodeToString(salt), b64.EncodeToString(key))
}

var errHash = errors.New("the stored hash of the password is damaged")

// decodeHash reads a stored hash. Its cost is bounded, so that a hash that was put
// into the database cannot take all memory.
func decodeHash(encoded string) (c cost, salt, key []byte, err error) {
	parts := strings.Split(encoded, "$")
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return c, nil, nil, errHash
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.memory, &c.time, &c.threads); err != nil {
		return c, nil, nil, errHash
	}
	salt, err = base64.RawStdEncoding.DecodeString(parts[4])
	if err == nil {
		key, err = base64.RawStdEncoding.DecodeString(parts[5])
	}
	if err != nil || len(key) != hashSize || c.memory > usualCost.memory || c.time > 10 || c.time < 1 || c.threads < 1 || c.threads > 4 {
		return c, nil, nil, errHash
	}
	return c, salt, key, nil
}
