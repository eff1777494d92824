package wire

import (
	"strconv"
	"strings"
	"time"
)

// dateLayout is date-time of RFC 3501 section 9; the day is padded with a space.
const dateLayout = "_2-Jan-2006 15:04:05 -0700"

// FormatDate renders an INTERNALDATE without its quotes.
func FormatDate(t time.Time) string { return t.Format(dateLayout) }

// FitsDate reports whether the date can be carried: the grammar has four digits
// for the year, and zones of whole minutes.
func FitsDate(t time.Time) bool {
	year := t.Year()
	return !t.IsZero() && year >= 1 && year <= 9999
}

// ParseDate reads an INTERNALDATE as servers write it: with the day padded by a
// space, a zero or nothing, with one-digit hours, without a zone or with a
// named one. ok is false when it is no date at all.
func ParseDate(text string) (t time.Time, ok bool) {
	fields := strings.Fields(text)
	if len(fields) < 2 || len(fields) > 3 {
		return time.Time{}, false
	}
	zone := "+0000"
	if len(fields) == 3 {
		zone = fields[2]
	}
	location, ok := parseZone(zone)
	if !ok {
		return time.Time{}, false
	}
	t, err := time.ParseInLocation("2-Jan-2006 15:4:5", fields[0]+" "+fields[1], location)
	if err != nil {
		t, err = time.ParseInLocation("2-Jan-06 15:4:5", fields[0]+" "+fields[1], location)
	}
	return t.Truncate(time.Second), err == nil // a fraction, which time takes, is no part of a date
}

// parseZone reads +hhmm; a zone with a name or of another shape counts as UTC.
func parseZone(zone string) (*time.Location, bool) {
	if len(zone) != 5 || zone[0] != '+' && zone[0] != '-' {
		return time.UTC, zone != "" && zone[0] >= 'A'
	}
	n, err := strconv.ParseUint(zone[1:], 10, 16)
	if err != nil || n%100 > 59 || n/100 > 23 {
		return nil, false
	}
	seconds := int(n/100*3600 + n%100*60)
	if zone[0] == '-' {
		seconds = -seconds
	}
	return time.FixedZone("", seconds), true
}
