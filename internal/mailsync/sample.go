package mailsync

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Sample chooses the messages whose bytes are compared. The zero value takes all.
type Sample struct {
	share       float64 // of the messages, when kind is "share"
	part, parts int     // the part-th of parts, when kind is "part"
	bytes       int64   // up to this many bytes a folder, when kind is "bytes"
	kind        string
}

// ParseSample reads "all", "none", "5%" (at random), "2/7" (the second of seven
// parts, so that seven runs read everything) or "500M" (up to that much of each
// folder, with K, M, G or T).
func ParseSample(text string) (Sample, error) {
	wrong := fmt.Errorf("sample %q: want all, none, a share such as 5%%, a part such as 2/7, or an amount such as 500M", text)
	switch {
	case text == "" || text == "all":
		return Sample{}, nil
	case text == "none":
		return Sample{kind: "share"}, nil
	case strings.HasSuffix(text, "%"):
		share, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
		if err != nil || !(share >= 0 && share <= 100) { // NaN neither
			return Sample{}, wrong
		}
		return Sample{kind: "share", share: share / 100}, nil
	case strings.Contains(text, "/"):
		part, parts, _ := strings.Cut(text, "/")
		n, err1 := strconv.Atoi(part)
		t, err2 := strconv.Atoi(parts)
		if err1 != nil || err2 != nil || n < 1 || n > t {
			return Sample{}, wrong
		}
		return Sample{kind: "part", part: n, parts: t}, nil
	default:
		unit := strings.IndexByte("KMGT", text[len(text)-1])
		amount, err := strconv.ParseInt(text[:len(text)-1], 10, 32)
		if unit < 0 || err != nil || amount < 1 || amount > math.MaxInt64>>(10*(unit+1)) {
			return Sample{}, wrong
		}
		return Sample{kind: "bytes", bytes: amount << (10 * (unit + 1))}, nil
	}
}

// choose gives the UIDs whose bytes are to be compared.
func (s Sample) choose(messages []migration.Message) migration.UIDSet {
	var uids migration.UIDSet
	left := s.bytes
	for i, m := range messages {
		take := false
		switch s.kind {
		case "":
			take = true
		case "share":
			take = rand.Float64() < s.share
		case "part":
			take = i%s.parts == s.part-1
		case "bytes":
			take = left > 0
			left -= max(m.Size, 1)
		}
		if take {
			uids.Add(m.UID)
		}
	}
	return uids
}
