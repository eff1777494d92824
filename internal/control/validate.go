package control

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/mail"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// checks gathers every mistake in a request.
type checks struct{ fields []Field }

func (c *checks) that(ok bool, name, detail string, args ...any) {
	if !ok {
		c.fields = append(c.fields, Field{name, fmt.Sprintf(detail, args...)})
	}
}

func (c *checks) err() error { return invalid(c.fields) }

const maxName = 64

var validName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

func (c *checks) name(field, name string) {
	c.that(len(name) <= maxName && validName.MatchString(name), field,
		"must have 1 to %d letters, digits, dots, underscores and hyphens, and begin with a letter or digit", maxName)
}

// nameOfFile makes a name of a file's: without folder and ending, and with a hyphen
// for each stretch that a name may not have.
func nameOfFile(file string) string {
	if at := strings.LastIndexAny(file, `/\`); at >= 0 {
		file = file[at+1:]
	}
	for _, ending := range []string{".csv", ".txt"} {
		if len(file) > len(ending) && strings.EqualFold(file[len(file)-len(ending):], ending) {
			file = file[:len(file)-len(ending)]
		}
	}
	name := regexp.MustCompile(`[^A-Za-z0-9._-]+`).ReplaceAllString(file, "-")
	name = strings.TrimLeft(name, "-._")
	return strings.TrimRight(name[:min(len(name), maxName)], "-")
}

var validLabel = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$`)

// host accepts names (RFC 1123, with the underscore that is found in the field) and
// IP addresses.
func (c *checks) host(field, host string) {
	_, notIP := netip.ParseAddr(host)
	name := strings.TrimSuffix(host, ".")
	isName := len(name) > 0 && len(name) <= 253 && !slices.ContainsFunc(strings.Split(name, "."), func(label string) bool { return !validLabel.MatchString(label) })
	c.that(notIP == nil || isName, field, "must be a host name such as imap.example.org, or an IP address")
}

func (c *checks) between(field string, n, least, most int) {
	c.that(n >= least && n <= most, field, "must be from %d to %d", least, most)
}

func (c *checks) pin(field, pin string) {
	sum, err := base64.StdEncoding.DecodeString(pin)
	c.that(pin == "" || err == nil && len(sum) == sha256.Size, field, "must be the base64 of a SHA-256, 44 characters that end in =")
}

const maxCA = 256 << 10

func (c *checks) authorities(field, pem string) {
	ok := pem == "" || len(pem) <= maxCA && x509.NewCertPool().AppendCertsFromPEM([]byte(pem))
	c.that(ok, field, "must hold certificates in PEM form, at most 256 KiB")
}

// email accepts a bare address.
func (c *checks) email(field, address string) {
	parsed, err := mail.ParseAddress(address)
	ok := err == nil && parsed.Address == address && len(address) <= 254 && migration.SafeText(address) == address && !strings.ContainsAny(address, " \"")
	c.that(ok, field, "must be an e-mail address such as name@example.org")
}

// text accepts a line for people.
func (c *checks) text(field, text string, most int) {
	ok := utf8.RuneCountInString(text) <= most && utf8.ValidString(text) && migration.SafeText(text) == text
	c.that(ok, field, "must be one line of at most %d characters", most)
}

// user accepts the name of an account on a server.
func (c *checks) user(field, user string) {
	if user == "" {
		c.that(false, field, "is missing: the name of the account")
		return
	}
	ok := len(user) <= migration.MaxCSVField && utf8.ValidString(user) && migration.SafeText(user) == user
	c.that(ok, field, "must be the name of the account, without control characters")
}

// password accepts the password of an account on a server. Control characters have
// no place in any mechanism.
func (c *checks) password(field string, password Password) {
	ok := len(password) <= migration.MaxCSVField && utf8.ValidString(string(password)) && !strings.ContainsAny(string(password), "\r\n\x00")
	c.that(ok, field, "must be at most 4096 bytes without line breaks")
}

const maxRules = 1000

func (c *checks) rules(field string, rules []string) (parsed []migration.FolderRule) {
	c.that(len(rules) <= maxRules, field, "must be at most %d rules", maxRules)
	for _, text := range rules {
		rule, err := migration.ParseFolderRule(text)
		if err == nil && len(text) > migration.MaxCSVField {
			err = fmt.Errorf("folder rule: too long")
		}
		if err != nil {
			c.fields = append(c.fields, Field{field, err.Error()})
			continue
		}
		parsed = append(parsed, rule)
	}
	return parsed
}

// The bounds of intervals.
const (
	leastInterval   = 5 * time.Minute
	mostInterval    = 24 * time.Hour
	defaultInterval = 24 * time.Hour
	mostReport      = 366 * 24 * time.Hour
)

// interval reads the time between passes.
func (c *checks) interval(seconds *int64) time.Duration {
	if seconds == nil {
		return defaultInterval
	}
	ok := *seconds >= int64(leastInterval/time.Second) && *seconds <= int64(mostInterval/time.Second)
	c.that(ok, "intervalSeconds", "must be from 300 (5 minutes) to 86400 (24 hours)")
	return time.Duration(*seconds) * time.Second
}

// reportInterval reads the time between reports.
func (c *checks) reportInterval(seconds *int64) time.Duration {
	if seconds == nil {
		return defaultInterval
	}
	ok := *seconds == 0 || *seconds >= int64(leastInterval/time.Second) && *seconds <= int64(mostReport/time.Second)
	c.that(ok, "reportIntervalSeconds", "must be 0 for never, or from 300 (5 minutes) to a year")
	return time.Duration(*seconds) * time.Second
}

func (c *checks) recipients(field string, addresses []string) {
	c.that(len(addresses) <= migration.MaxRecipients, field, "must be at most %d addresses", migration.MaxRecipients)
	for _, address := range addresses[:min(len(addresses), migration.MaxRecipients)] {
		c.email(field, address)
	}
}

// schedule checks the times of a batch.
func (c *checks) schedule(o migration.BatchOptions) {
	if !o.StartAfter.IsZero() && !o.CompleteAfter.IsZero() {
		c.that(o.CompleteAfter.After(o.StartAfter), "completeAfter", "must be later than startAfter")
	}
	if !o.ReceivedFrom.IsZero() && !o.ReceivedBefore.IsZero() {
		c.that(o.ReceivedBefore.After(o.ReceivedFrom), "receivedBefore", "must be later than receivedFrom")
	}
	for name, t := range map[string]time.Time{"startAfter": o.StartAfter, "completeAfter": o.CompleteAfter, "receivedFrom": o.ReceivedFrom, "receivedBefore": o.ReceivedBefore} {
		c.that(t.IsZero() || t.Year() >= 1970 && t.Year() < 2200, name, "must be a date of our time")
	}
}

// completion checks a time at which a batch completes by itself. A slip of the pen must
// not end it at once.
func (c *checks) completion(after, now time.Time) {
	c.that(after.IsZero() || after.After(now), "completeAfter", "is past; to complete the batch now, ask for that")
}

// begin checks from when on messages are copied. What arrives once the batch is made is new
// mail, which nobody means to leave out.
func (c *checks) begin(from, now time.Time) {
	c.that(!from.After(now), "receivedFrom", "is yet to come; mail that arrives until then would be left behind")
}

// timeOf is an optional time in UTC, as precise as the store is.
func timeOf(t *time.Time) time.Time {
	if t == nil || t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}
