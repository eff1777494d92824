package imapfake

import (
	"slices"
	"strconv"
	"strings"
)

// numberSet is a sequence set as a client wrote it, in any order, with 0 for
// "*" (RFC 3501 section 9, sequence-set).
type numberSet []numberRange

type numberRange struct{ first, last uint32 }

func parseNumberSet(text string) (numberSet, bool) {
	var set numberSet
	for part := range strings.SplitSeq(text, ",") {
		from, to, isRange := strings.Cut(part, ":")
		first, ok := parseSetNumber(from)
		if !ok {
			return nil, false
		}
		last := first
		if isRange {
			if last, ok = parseSetNumber(to); !ok {
				return nil, false
			}
		}
		set = append(set, numberRange{first, last})
	}
	return set, true
}

func parseSetNumber(text string) (uint32, bool) {
	if text == "*" {
		return 0, true
	}
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(n), err == nil && n > 0
}

// normal puts a number in the place of "*", and the ranges in ascending order
// without overlaps. "5:*" with a highest number of 3 is 3:5.
func (s numberSet) normal(highest uint32) numberSet {
	out := make(numberSet, 0, len(s))
	for _, r := range s {
		if r.first == 0 {
			r.first = highest
		}
		if r.last == 0 {
			r.last = highest
		}
		if r.first > r.last {
			r.first, r.last = r.last, r.first
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b numberRange) int {
		if a.first < b.first {
			return -1
		}
		if a.first > b.first {
			return 1
		}
		return 0
	})
	merged := out[:0]
	for _, r := range out {
		if n := len(merged); n > 0 && r.first <= merged[n-1].last {
			merged[n-1].last = max(merged[n-1].last, r.last)
			continue
		}
		merged = append(merged, r)
	}
	return merged
}

// contains reports whether a number is in the set, which must be normal.
func (s numberSet) contains(n uint32) bool {
	i, found := slices.BinarySearchFunc(s, n, func(r numberRange, n uint32) int {
		switch {
		case r.last < n:
			return -1
		case r.first > n:
			return 1
		}
		return 0
	})
	return found && i < len(s)
}
