package wire

import (
	"slices"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Ranges collects UIDs in the order of a server into a set, in memory that
// grows with the number of ranges and not of UIDs, and in time that does not
// grow with their disorder.
type Ranges struct {
	ranges []migration.UIDRange
	sorted bool
}

// Add puts first:last in, whichever is larger.
func (s *Ranges) Add(first, last migration.UID) error {
	first, last = min(first, last), max(first, last)
	n := len(s.ranges)
	if n > 0 && first == s.ranges[n-1].Last+1 && first != 0 {
		s.ranges[n-1].Last = last
		return nil
	}
	if n == migration.MaxUIDRanges {
		return limit("number of UID ranges", migration.MaxUIDRanges)
	}
	s.sorted = (n == 0 || s.sorted) && (n == 0 || first > s.ranges[n-1].Last)
	s.ranges = append(s.ranges, migration.UIDRange{First: first, Last: last})
	return nil
}

// Set gives what was collected.
func (s *Ranges) Set() migration.UIDSet {
	if !s.sorted {
		slices.SortFunc(s.ranges, func(a, b migration.UIDRange) int { return int(int64(a.First) - int64(b.First)) })
	}
	var set migration.UIDSet
	for _, r := range s.ranges {
		set.AddRange(r.First, r.Last)
	}
	return set
}

// Ranges reads a UID set (RFC 4315 section 4) into s, as a stream.
func (r *Reader) Ranges(s *Ranges) error {
	for {
		first, err := r.uid()
		if err != nil {
			return err
		}
		last := first
		if isRange, err := r.Try(':'); err != nil {
			return err
		} else if isRange {
			if last, err = r.uid(); err != nil {
				return err
			}
		}
		if err := s.Add(first, last); err != nil {
			return err
		}
		if more, err := r.Try(','); err != nil || !more {
			return err
		}
	}
}

// UID reads one UID without counting it as a token, for SEARCH answers.
func (r *Reader) UID() (migration.UID, error) { return r.uid() }

func (r *Reader) uid() (migration.UID, error) {
	n, err := r.digits()
	if err != nil {
		return 0, err
	}
	if n == 0 || n > 1<<32-1 {
		return 0, syntax("a UID")
	}
	return migration.UID(n), nil
}
