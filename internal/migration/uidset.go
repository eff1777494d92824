package migration

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// UIDRange is an inclusive stretch of UIDs.
type UIDRange struct{ First, Last UID }

// Len is the number of UIDs in the range.
func (r UIDRange) Len() int { return int(r.Last) - int(r.First) + 1 }

// UIDSet is a set of UIDs, kept as ascending, disjoint, non-touching ranges, so
// that a server's "1:4294967295" costs one range. The zero value is empty.
type UIDSet struct{ ranges []UIDRange }

// MaxUIDRanges bounds what is read from a server or a file.
const MaxUIDRanges = 1_000_000

// NewUIDSet makes a set of single UIDs in any order.
func NewUIDSet(uids ...UID) UIDSet {
	sorted := slices.Clone(uids)
	slices.Sort(sorted)
	var s UIDSet
	for _, uid := range sorted {
		s.Add(uid)
	}
	return s
}

// UIDsFrom makes the set first:last. It is empty when last < first.
func UIDsFrom(first, last UID) UIDSet {
	var s UIDSet
	s.AddRange(first, last)
	return s
}

// Add puts one UID in. Ascending order costs O(1).
func (s *UIDSet) Add(uid UID) { s.AddRange(uid, uid) }

// AddRange puts first:last in; nothing when last < first or first is zero.
func (s *UIDSet) AddRange(first, last UID) {
	if last < first || first == 0 {
		return
	}
	n := len(s.ranges)
	if n == 0 || first > s.ranges[n-1].Last+1 && s.ranges[n-1].Last != ^UID(0) {
		s.ranges = append(s.ranges, UIDRange{first, last})
		return
	}
	// i is the first range that touches or follows the new one.
	i := sort.Search(n, func(i int) bool { return s.ranges[i].Last >= first-1 })
	j := i
	for j < n && (last == ^UID(0) || s.ranges[j].First <= last+1) {
		first, last = min(first, s.ranges[j].First), max(last, s.ranges[j].Last)
		j++
	}
	s.ranges = slices.Replace(s.ranges, i, j, UIDRange{first, last})
}

// Contains reports whether the UID is in the set.
func (s UIDSet) Contains(uid UID) bool {
	i := sort.Search(len(s.ranges), func(i int) bool { return s.ranges[i].Last >= uid })
	return i < len(s.ranges) && s.ranges[i].First <= uid
}

// Len is the number of UIDs.
func (s UIDSet) Len() int {
	n := 0
	for _, r := range s.ranges {
		n += r.Len()
	}
	return n
}

// Empty reports whether the set has no UID.
func (s UIDSet) Empty() bool { return len(s.ranges) == 0 }

// Min is the smallest UID, zero when empty.
func (s UIDSet) Min() UID {
	if s.Empty() {
		return 0
	}
	return s.ranges[0].First
}

// Max is the largest UID, zero when empty.
func (s UIDSet) Max() UID {
	if s.Empty() {
		return 0
	}
	return s.ranges[len(s.ranges)-1].Last
}

// Ranges yields the ranges in ascending order.
func (s UIDSet) Ranges() iter.Seq[UIDRange] { return slices.Values(s.ranges) }

// RangeCount is the number of ranges.
func (s UIDSet) RangeCount() int { return len(s.ranges) }

// All yields the UIDs in ascending order.
func (s UIDSet) All() iter.Seq[UID] {
	return func(yield func(UID) bool) {
		for _, r := range s.ranges {
			for uid := r.First; ; uid++ {
				if !yield(uid) {
					return
				}
				if uid == r.Last {
					break
				}
			}
		}
	}
}

// Clone is a copy that shares nothing.
func (s UIDSet) Clone() UIDSet { return UIDSet{slices.Clone(s.ranges)} }

// Union is the set of what is in either.
func (s UIDSet) Union(t UIDSet) UIDSet {
	var out UIDSet
	i, j := 0, 0
	for i < len(s.ranges) || j < len(t.ranges) {
		if j == len(t.ranges) || i < len(s.ranges) && s.ranges[i].First <= t.ranges[j].First {
			out.AddRange(s.ranges[i].First, s.ranges[i].Last)
			i++
		} else {
			out.AddRange(t.ranges[j].First, t.ranges[j].Last)
			j++
		}
	}
	return out
}

// Minus is the set of what is in s and not in t.
func (s UIDSet) Minus(t UIDSet) UIDSet {
	var out UIDSet
	j := 0
	for _, r := range s.ranges {
		first := r.First
		for j < len(t.ranges) && t.ranges[j].Last < first {
			j++
		}
		k := j
		for ; k < len(t.ranges) && t.ranges[k].First <= r.Last; k++ {
			if t.ranges[k].First > first {
				out.AddRange(first, t.ranges[k].First-1)
			}
			if t.ranges[k].Last >= r.Last {
				first = 0
				break
			}
			first = t.ranges[k].Last + 1
		}
		if first != 0 {
			out.AddRange(first, r.Last)
		}
	}
	return out
}

// Intersect is the set of what is in both. A short stretch of a long set is found
// without going through it.
func (s UIDSet) Intersect(t UIDSet) UIDSet {
	var out UIDSet
	i, j := s.from(t.Min()), t.from(s.Min())
	for i < len(s.ranges) && j < len(t.ranges) {
		a, b := s.ranges[i], t.ranges[j]
		out.AddRange(max(a.First, b.First), min(a.Last, b.Last))
		if a.Last < b.Last {
			i++
		} else {
			j++
		}
	}
	return out
}

// from is the first range that does not end below the UID.
func (s UIDSet) from(uid UID) int {
	return sort.Search(len(s.ranges), func(i int) bool { return s.ranges[i].Last >= uid })
}

// Equal reports whether both hold the same UIDs.
func (s UIDSet) Equal(t UIDSet) bool { return slices.Equal(s.ranges, t.ranges) }

// String is the sequence-set form of RFC 3501 section 9: "1:3,7". Empty for an
// empty set, which no command may send.
func (s UIDSet) String() string {
	var b strings.Builder
	for i, r := range s.ranges {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatUint(uint64(r.First), 10))
		if r.Last != r.First {
			b.WriteByte(':')
			b.WriteString(strconv.FormatUint(uint64(r.Last), 10))
		}
	}
	return b.String()
}

// Chunks cuts the set into sets of at most n ranges each, so that a command
// line stays short.
func (s UIDSet) Chunks(n int) iter.Seq[UIDSet] {
	return func(yield func(UIDSet) bool) {
		for part := range slices.Chunk(s.ranges, n) {
			if !yield(UIDSet{part}) {
				return
			}
		}
	}
}

// ParseUIDSet reads the form String writes, in any order and with overlaps, as
// servers send it (RFC 4315 section 4, uid-set). "*" is refused: no answer
// carries it.
func ParseUIDSet(text string) (UIDSet, error) {
	var ranges []UIDRange
	for part := range strings.SplitSeq(text, ",") {
		if len(ranges) == MaxUIDRanges {
			return UIDSet{}, fmt.Errorf("uid set with more than %d ranges", MaxUIDRanges)
		}
		from, to, isRange := strings.Cut(part, ":")
		first, err := parseUID(from)
		if err != nil {
			return UIDSet{}, err
		}
		last := first
		if isRange {
			if last, err = parseUID(to); err != nil {
				return UIDSet{}, err
			}
		}
		ranges = append(ranges, UIDRange{min(first, last), max(first, last)})
	}
	slices.SortFunc(ranges, func(a, b UIDRange) int { return int(int64(a.First) - int64(b.First)) })
	var s UIDSet
	for _, r := range ranges {
		s.AddRange(r.First, r.Last)
	}
	return s, nil
}

func parseUID(text string) (UID, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("uid %.20q: want a number from 1 to 4294967295", text)
	}
	return UID(n), nil
}

// Pack writes the set as varints: for each range the distance from the one
// before, and its length less one. A folder of 200,000 messages without gaps
// takes 5 bytes.
func (s UIDSet) Pack() []byte {
	var out []byte
	var at UID
	for _, r := range s.ranges {
		out = binary.AppendUvarint(out, uint64(r.First-at))
		out = binary.AppendUvarint(out, uint64(r.Last-r.First))
		at = r.Last
	}
	return out
}

var errPacked = errors.New("packed uid set is damaged")

// UnpackUIDSet reads what Pack wrote.
func UnpackUIDSet(packed []byte) (UIDSet, error) {
	var s UIDSet
	var at uint64
	for len(packed) > 0 {
		gap, n := binary.Uvarint(packed)
		if n <= 0 {
			return UIDSet{}, errPacked
		}
		length, m := binary.Uvarint(packed[n:])
		if m <= 0 || gap == 0 || gap > 1<<32 || length > 1<<32 || at+gap+length >= 1<<32 {
			return UIDSet{}, errPacked
		}
		s.AddRange(UID(at+gap), UID(at+gap+length))
		at += gap + length
		packed = packed[n+m:]
	}
	return s, nil
}
