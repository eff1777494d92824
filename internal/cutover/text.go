package cutover

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"
)

// shown is a server for people.
func shown(s Server) string {
	if s.Address == "" || s.Name == s.Address {
		return shortAddress(s.Name)
	}
	return s.Name + " (" + shortAddress(s.Address) + ")"
}

// shortAddress is an address for people: without the usual port.
func shortAddress(address string) string {
	host, port, err := net.SplitHostPort(address)
	if number, bad := strconv.Atoi(port); err == nil && bad == nil && number == 53 {
		return host
	}
	return address
}

// duration is a length of time for people: in seconds below two minutes, in minutes below
// two hours, in hours below four days.
func duration(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 4*day:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d/day))
}

// moment is a time for people, the same for all that read it.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

func number(n int) string { return strconv.Itoa(n) }

func verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// plural is a number with its noun.
func plural(n int, one, many string) string { return number(n) + " " + verb(n, one, many) }

func distinct(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}
