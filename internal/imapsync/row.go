package imapsync

import (
	"cmp"
	"encoding/csv"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// addressOf is the first of the users that is an address; with a domain, the first user
// in it.
func addressOf(target, source, domain string) string {
	for _, user := range []string{target, source} {
		if _, _, err := migration.ParseAddress(user); err == nil {
			return user
		}
	}
	if user := cmp.Or(target, source); domain != "" && user != "" {
		if _, _, err := migration.ParseAddress(user + "@" + domain); err == nil {
			return user + "@" + domain
		}
	}
	return ""
}

// csvLine is a line of comma-separated values (RFC 4180).
func csvLine(fields []string) string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	_ = w.Write(fields) // a builder takes everything
	w.Flush()
	return b.String()
}
