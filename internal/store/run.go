package store

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sort"

	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// run is a stretch of pairs that is consecutive on both sides: source+i was
// copied to target+i, for i below count.
type run struct{ source, target, count uint64 }

func (r run) sourceEnd() uint64 { return r.source + r.count }
func (r run) targetEnd() uint64 { return r.target + r.count }

// offset is the same for two runs exactly when their maps agree.
func (r run) offset() int64 { return int64(r.target) - int64(r.source) }

// from is the run without its first n pairs, upTo is those.
func (r run) from(n uint64) run { return run{r.source + n, r.target + n, r.count - n} }
func (r run) upTo(n uint64) run { return run{r.source, r.target, n} }

// appendRun puts a run at the end, and joins it with the last if it can.
func appendRun(runs []run, r run) []run {
	if n := len(runs); n > 0 && runs[n-1].sourceEnd() == r.source && runs[n-1].targetEnd() == r.target {
		runs[n-1].count += r.count
		return runs
	}
	return append(runs, r)
}

// runsOf sorts pairs into runs, ascending by source. Equal pairs count once. A
// source or target that occurs in two different pairs is ErrMapped.
func runsOf(pairs []mailsync.Pair) ([]run, error) {
	sorted := slices.Clone(pairs)
	slices.SortFunc(sorted, func(a, b mailsync.Pair) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Target, b.Target))
	})
	sorted = slices.Compact(sorted)
	var runs []run
	for i, p := range sorted {
		if p.Source == 0 || p.Target == 0 {
			return nil, fmt.Errorf("pair of source uid %d and target uid %d: uids start at 1", p.Source, p.Target)
		}
		if i > 0 && sorted[i-1].Source == p.Source {
			return nil, errTwoTargets(uint64(p.Source), uint64(sorted[i-1].Target), uint64(p.Target))
		}
		runs = appendRun(runs, run{uint64(p.Source), uint64(p.Target), 1})
	}
	byTarget := sortedByTarget(runs)
	for i := 1; i < len(byTarget); i++ {
		if before, r := byTarget[i-1], byTarget[i]; before.targetEnd() > r.target {
			return nil, errTwoSources(r.target, uint64(int64(r.target)-before.offset()), r.source)
		}
	}
	return runs, nil
}

func sortedByTarget(runs []run) []run {
	sorted := slices.Clone(runs)
	slices.SortFunc(sorted, func(a, b run) int { return cmp.Compare(a.target, b.target) })
	return sorted
}

// errTwoTargets and errTwoSources break invariant I3, the injective map.
func errTwoTargets(source, have, want uint64) error {
	return fmt.Errorf("source uid %d has target uid %d and cannot have %d as well: %w", source, have, want, mailsync.ErrMapped)
}

func errTwoSources(target, have, want uint64) error {
	return fmt.Errorf("target uid %d belongs to source uid %d and cannot belong to %d as well: %w", target, have, want, mailsync.ErrMapped)
}

// missing gives the parts of add that have lacks. Both ascend by source. A
// source with another target in have is ErrMapped.
func missing(have, add []run) ([]run, error) {
	var lacking []run
	i := 0
	for _, r := range add {
		for r.count > 0 {
			for i < len(have) && have[i].sourceEnd() <= r.source {
				i++
			}
			if i == len(have) || have[i].source >= r.sourceEnd() {
				lacking = appendRun(lacking, r)
				break
			}
			h := have[i]
			if r.source < h.source {
				lacking = appendRun(lacking, r.upTo(h.source-r.source))
				r = r.from(h.source - r.source)
			}
			if h.offset() != r.offset() {
				return nil, errTwoTargets(r.source, uint64(int64(r.source)+h.offset()), r.target)
			}
			r = r.from(min(r.count, h.sourceEnd()-r.source))
		}
	}
	return lacking, nil
}

// merge joins two lists of runs that ascend by source and share none.
func merge(a, b []run) []run {
	out := make([]run, 0, len(a)+len(b))
	for len(a) > 0 || len(b) > 0 {
		if len(b) == 0 || len(a) > 0 && a[0].source < b[0].source {
			out, a = appendRun(out, a[0]), a[1:]
		} else {
			out, b = appendRun(out, b[0]), b[1:]
		}
	}
	return out
}

// cut splits runs into those below a source UID and those from it on.
func cut(runs []run, source uint64) (below, from []run) {
	i := sort.Search(len(runs), func(i int) bool { return runs[i].sourceEnd() > source })
	if i == len(runs) || runs[i].source >= source {
		return runs[:i], runs[i:]
	}
	n := source - runs[i].source
	below = append(slices.Clone(runs[:i]), runs[i].upTo(n))
	return below, append([]run{runs[i].from(n)}, runs[i+1:]...)
}

// clash looks for a target UID that a run of have gives to another source than
// wanted does. wanted is sorted by target.
func clash(have, wanted []run) error {
	for _, h := range have {
		i := sort.Search(len(wanted), func(i int) bool { return wanted[i].targetEnd() > h.target })
		for ; i < len(wanted) && wanted[i].target < h.targetEnd(); i++ {
			if w := wanted[i]; w.offset() != h.offset() {
				target := max(w.target, h.target)
				return errTwoSources(target, uint64(int64(target)-h.offset()), uint64(int64(target)-w.offset()))
			}
		}
	}
	return nil
}

// The packed form of a run is one to three varints. The first holds how far the
// target is from where the run before would have gone on (zigzag, shifted by
// two) and two bits that say whether a source gap and a length follow. A message
// of a window whose targets interleave with those of other connections takes one
// byte while they are up to fifteen apart, and two up to two thousand.
const (
	hasGap    = 1
	hasLength = 2
	deltaBits = 2
)

// appendPacked writes the run that follows before. The first run follows
// run{}.
func appendPacked(packed []byte, before, r run) []byte {
	delta := int64(r.target) - int64(before.targetEnd())
	token := uint64(delta<<1^delta>>63) << deltaBits
	gap := r.source - before.sourceEnd()
	if gap > 0 {
		token |= hasGap
	}
	if r.count > 1 {
		token |= hasLength
	}
	packed = binary.AppendUvarint(packed, token)
	if gap > 0 {
		packed = binary.AppendUvarint(packed, gap)
	}
	if r.count > 1 {
		packed = binary.AppendUvarint(packed, r.count-2)
	}
	return packed
}

var errDamaged = errors.New("the record of copied messages is damaged")

// unpackRuns reads what appendPacked wrote. It never trusts a number: what
// leaves the range of UIDs is errDamaged.
func unpackRuns(packed []byte) ([]run, error) {
	var runs []run
	var before run
	sound := true
	next := func() uint64 {
		v, n := binary.Uvarint(packed)
		if n <= 0 || v > 1<<36 {
			sound, packed = false, nil
			return 0
		}
		packed = packed[n:]
		return v
	}
	const most = uint64(^migration.UID(0))
	for len(packed) > 0 {
		token := next()
		zigzag := token >> deltaBits
		r := run{source: before.sourceEnd(), count: 1}
		if token&hasGap != 0 {
			r.source += next()
		}
		if token&hasLength != 0 {
			r.count = next() + 2
		}
		target := int64(before.targetEnd()) + (int64(zigzag>>1) ^ -int64(zigzag&1))
		r.target = uint64(target)
		if !sound || target < 1 || r.source < 1 || r.sourceEnd()-1 > most || r.targetEnd()-1 > most {
			return nil, errDamaged
		}
		runs = append(runs, r)
		before = r
	}
	return runs, nil
}
