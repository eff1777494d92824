package imap

import (
	"strconv"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// appendUIDs reads APPENDUID (RFC 4315 section 3, RFC 3502 section 6.3.11) for
// a command of n messages. Anything but n different UIDs counts as not told:
// some servers announce UIDPLUS and answer nonsense.
func appendUIDs(s statusResponse, n int) (validity uint32, uids []migration.UID) {
	if s.code != "APPENDUID" {
		return 0, nil
	}
	first, set, _ := strings.Cut(s.arguments, " ")
	v, err := strconv.ParseUint(first, 10, 32)
	if err != nil || v == 0 {
		return 0, nil
	}
	var seen migration.UIDSet
	for part := range strings.SplitSeq(strings.TrimSpace(set), ",") {
		from, to, isRange := strings.Cut(part, ":")
		if !isRange {
			to = from
		}
		a, errFrom := strconv.ParseUint(from, 10, 32)
		b, errTo := strconv.ParseUint(to, 10, 32)
		if errFrom != nil || errTo != nil || a == 0 || b < a || b-a >= uint64(n-len(uids)) {
			return 0, nil
		}
		for uid := a; uid <= b; uid++ {
			if seen.Contains(migration.UID(uid)) {
				return 0, nil
			}
			seen.Add(migration.UID(uid))
			uids = append(uids, migration.UID(uid))
		}
	}
	if len(uids) != n {
		return 0, nil
	}
	return uint32(v), uids
}
