package control

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 6238 is on HMAC-SHA-1, which is not broken, and apps know no other
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
)

// The codes of the second factor (RFC 6238): those that every app knows.
const (
	totpBytes  = 20
	totpDigits = 6
	totpPeriod = 30 * time.Second
	// totpSkew is how many steps the clock of a telephone may be ahead or behind.
	totpSkew = 1
	// totpWithin is how long one may take to confirm that an app has the secret.
	totpWithin = 15 * time.Minute
)

// Recovery codes stand in for a code, each once.
const (
	recoveryCodes = 10
	recoveryBytes = 10
	recoveryGroup = 4 // of characters
)

// base32Text writes secrets as apps take them.
var base32Text = base32.StdEncoding.WithPadding(base32.NoPadding)

// totpStep is the number of the step that a time is in.
func totpStep(at time.Time) int64 { return at.Unix() / int64(totpPeriod/time.Second) }

// totpCode gives the code of a step (RFC 4226 section 5.3).
func totpCode(key []byte, step int64, digits int) string {
	mac := hmac.New(sha1.New, key)
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(step))
	mac.Write(counter[:])
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	number := uint64(binary.BigEndian.Uint32(sum[at:]) & 0x7fffffff)
	modulus := uint64(1)
	for range digits {
		modulus *= 10
	}
	return fmt.Sprintf("%0*d", digits, number%modulus)
}

// totpMatch finds the step whose code was given, among those around a time.
func totpMatch(key []byte, code string, at time.Time) (step int64, found bool) {
	now := totpStep(at)
	for candidate := now - totpSkew; candidate <= now+totpSkew; candidate++ {
		if subtle.ConstantTimeCompare([]byte(totpCode(key, candidate, totpDigits)), []byte(code)) == 1 {
			step, found = candidate, true
		}
	}
	return step, found
}

// totpURI is what apps read from a picture.
func totpURI(name, text string) string {
	query := url.Values{"secret": {text}, "issuer": {"mailhaul"}, "algorithm": {"SHA1"}, "digits": {fmt.Sprint(totpDigits)}, "period": {fmt.Sprint(int(totpPeriod.Seconds()))}}
	return "otpauth://totp/" + url.PathEscape("mailhaul:"+name) + "?" + query.Encode()
}

// plainCode is a code as it was meant: people write spaces and hyphens.
func plainCode(code Password) string {
	return strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(string(code)))
}

// isTOTP tells the code of an app from a recovery code.
func isTOTP(plain string) bool {
	return len(plain) == totpDigits && strings.Trim(plain, "0123456789") == ""
}

// newRecoveryCodes makes the codes of an operator, with what is stored of them.
func (s *Service) newRecoveryCodes(operator int64) (codes []Password, hashes [][]byte) {
	for range recoveryCodes {
		raw := make([]byte, recoveryBytes)
		_, _ = rand.Read(raw)
		text := base32Text.EncodeToString(raw)
		hashes = append(hashes, s.recoveryHash(operator, text))
		var groups []string
		for ; text != ""; text = text[recoveryGroup:] {
			groups = append(groups, text[:recoveryGroup])
		}
		codes = append(codes, Password(strings.ToLower(strings.Join(groups, "-"))))
	}
	return codes, hashes
}

// recoveryHash is what is stored of a recovery code: it is random, and nobody
// without the server's key can try codes on a copy of the database.
func (s *Service) recoveryHash(operator int64, plain string) []byte {
	mac := hmac.New(sha256.New, s.root.Derive("recovery code"))
	fmt.Fprintf(mac, "%d\x00%s", operator, plain)
	return mac.Sum(nil)
}

// factorBinding is where the secret of a second factor may be used.
func factorBinding(o migration.Operator) secret.Binding {
	return secret.Binding{Purpose: "second factor", Address: fmt.Sprintf("%d/%s", o.ID, o.Name)}
}

// openFactor opens the secret of a second factor.
func (s *Service) openFactor(o migration.Operator, f migration.SecondFactor) ([]byte, error) {
	text, err := s.keys.OpenAlone(f.Secret, factorBinding(o))
	if err != nil {
		return nil, fmt.Errorf("opening the second factor of %s: %w", migration.SafeText(o.Name), err)
	}
	key, err := base32Text.DecodeString(text.Reveal())
	if err != nil {
		return nil, fmt.Errorf("the second factor of %s is damaged", migration.SafeText(o.Name))
	}
	return key, nil
}
