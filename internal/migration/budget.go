package migration

import (
	"maps"
	"strings"
	"time"
)

// DayBudget is how many bytes an account may move in 24 hours, wherever they begin;
// 0 is any number.
type DayBudget struct{ Down, Up int64 }

// None reports whether there is no budget at all.
func (b DayBudget) None() bool { return b.Down == 0 && b.Up == 0 }

// gmailDay is what Gmail allows an account by IMAP. It locks out who moves more.
var gmailDay = DayBudget{Down: 2_500_000_000, Up: 500_000_000}

// UsualBudget is the budget of servers that are known to have one, by host name.
func UsualBudget(host string) DayBudget {
	switch strings.ToLower(strings.TrimSuffix(host, ".")) {
	case "imap.gmail.com", "imap.googlemail.com":
		return gmailDay
	}
	return DayBudget{}
}

// HourUse is what an account has moved in one direction, in bytes by the hour since
// 1970. An hour counts until 24 hours after its end, so that what is counted is
// never less than what was moved in any 24 hours.
type HourUse map[int64]int64

// HourOf is the hour of a moment.
func HourOf(t time.Time) int64 { return t.Unix() / 3600 }

// hoursKept is for how many hours after its own an hour counts.
const hoursKept = 24

func endOf(hour int64) time.Time { return time.Unix((hour+hoursKept+1)*3600, 0) }

// Used is how much counts at a moment.
func (u HourUse) Used(now time.Time) (bytes int64) {
	for hour, n := range u {
		if endOf(hour).After(now) {
			bytes += n
		}
	}
	return bytes
}

// RoomAgain is when so much of a limit is free, now or later: at most the whole of
// it, when all that counts now no longer does.
func (u HourUse) RoomAgain(limit, room int64, now time.Time) time.Time {
	at := now
	for hour := HourOf(now) - hoursKept; u.Used(at) > max(limit-room, 0) && hour <= HourOf(now); hour++ {
		if u[hour] > 0 {
			at = endOf(hour)
		}
	}
	return at
}

// longestEstimate is how far ahead EndAfter looks.
const longestEstimate = 366 * 24

// EndAfter is when so many more bytes can have been moved at the earliest, as far as
// the limit goes; zero when it does not hold them up.
func (u HourUse) EndAfter(limit, bytes int64, now time.Time) time.Time {
	if limit <= 0 || u.Used(now)+bytes <= limit {
		return time.Time{}
	}
	will := maps.Clone(u)
	if will == nil {
		will = HourUse{}
	}
	at := now
	for range longestEstimate {
		// What is left of the limit goes in the hour at hand.
		room := min(max(limit-will.Used(at), 0), bytes)
		will[HourOf(at)] += room
		if bytes -= room; bytes == 0 {
			break
		}
		at = time.Unix((HourOf(at)+1)*3600, 0)
	}
	return at
}
