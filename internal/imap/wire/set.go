package wire

import (
	"cmp"
	"slices"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Ranges collects UIDs in the order of a server into a set, in memory that
// grows with the number of ranges and not of UIDs, and in time that does not
// grow with their disorder.
type Ranges struct {
	set migration.UIDSet
	// loose are ranges that did not follow the one before.
	loose []migration.UIDRange
}

// rangesMost is how many ranges there may be, and looseMost how many of them out
// of order: servers list UIDs as they ascend.
const (
	rangesMost = 800_000
	looseMost  = 400_000
)

// Add puts first:last in, whichever is larger.
func (s *Ranges) Add(first, last migration.UID) error {
	first, last = min(first, last), max(first, last)
	switch {
	case s.set.RangeCount()+len(s.loose) >= rangesMost:
		return limit("number of UID ranges", rangesMost)
	case first > s.set.Max():
		s.set.AddRange(first, last)
	case len(s.loose) >= looseMost:
		return limit("number of UID ranges out of order", looseMost)
	default:
		s.loose = append(s.loose, migration.UIDRange{First: first, Last: last})
	}
	return nil
}

// Set gives what was collected.
func (s *Ranges) Set() migration.UIDSet {
	if len(s.loose) == 0 {
		return s.set
	}
	slices.SortFunc(s.loose, func(a, b migration.UIDRange) int { return cmp.Compare(a.First, b.First) })
	var set migration.UIDSet
	for _, r := range s.loose {
		set.AddRange(r.First, r.Last)
	}
	return s.set.Union(set)
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
