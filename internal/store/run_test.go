package store

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// drawMap draws an injective map as pairs. UIDs are near each other or at the
// upper end.
func drawMap(r *rapid.T, label string) []mailsync.Pair {
	have, back := map[migration.UID]bool{}, map[migration.UID]bool{}
	var pairs []mailsync.Pair
	for range rapid.IntRange(1, 12).Draw(r, label+" stretches") {
		p := mailsync.Pair{Source: drawUID(r), Target: drawUID(r)}
		for n := rapid.IntRange(1, 9).Draw(r, "length"); n > 0 && p.Source != 0 && p.Target != 0; n-- {
			if !have[p.Source] && !back[p.Target] {
				have[p.Source], back[p.Target] = true, true
				pairs = append(pairs, p)
			}
			p.Source++
			p.Target++
		}
	}
	return pairs
}

func drawUID(r *rapid.T) migration.UID {
	n := rapid.OneOf(rapid.Uint32Range(1, 50), rapid.Uint32Range(1, 100_000), rapid.Uint32Range(^uint32(0)-50, ^uint32(0))).Draw(r, "uid")
	return migration.UID(n)
}

func mapOf(pairs []mailsync.Pair) map[migration.UID]migration.UID {
	m := map[migration.UID]migration.UID{}
	for _, p := range pairs {
		m[p.Source] = p.Target
	}
	return m
}

func expanded(runs []run) map[migration.UID]migration.UID {
	m := map[migration.UID]migration.UID{}
	for _, r := range runs {
		for i := range r.count {
			m[migration.UID(r.source+i)] = migration.UID(r.target + i)
		}
	}
	return m
}

func mustRuns(r *rapid.T, pairs []mailsync.Pair) []run {
	runs, err := runsOf(pairs)
	if err != nil {
		r.Fatal(err)
	}
	return runs
}

func TestRunsHoldPairs(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		pairs := drawMap(r, "pairs")
		runs := mustRuns(r, pairs)
		if !maps.Equal(expanded(runs), mapOf(pairs)) {
			r.Fatalf("runs %v of pairs %v", runs, pairs)
		}
		var unpacked []run
		var last uint64
		for _, b := range blocksOf(runs) {
			got, err := b.runs()
			if err != nil || b.sourceFirst <= last || len(b.packed) > blockMost {
				r.Fatalf("block %+v after %d: %v", b, last, err)
			}
			last = b.sourceLast
			unpacked = append(unpacked, got...)
		}
		if !slices.Equal(unpacked, runs) {
			r.Fatalf("unpacked %v, want %v", unpacked, runs)
		}
		at := uint64(drawUID(r))
		below, from := cut(runs, at)
		for source := range expanded(below) {
			if uint64(source) >= at {
				r.Fatalf("cut at %d: %v below", at, below)
			}
		}
		if !slices.Equal(merge(below, from), runs) || len(from) > 0 && from[0].source < at {
			r.Fatalf("cut at %d: %v and %v", at, below, from)
		}
	})
}

func TestRunsAreInjective(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		a, b := drawMap(r, "have"), drawMap(r, "add")
		b = append(b, a[:rapid.IntRange(0, len(a)).Draw(r, "shared")]...)
		all, back, fits := mapOf(a), map[migration.UID]migration.UID{}, true
		for _, p := range slices.Concat(a, b) {
			source, there := back[p.Target]
			target, also := all[p.Source]
			fits = fits && (!there || source == p.Source) && (!also || target == p.Target)
			all[p.Source], back[p.Target] = p.Target, p.Source
		}
		have := mustRuns(r, a)
		add, err := runsOf(b)
		var lacking []run
		if err == nil {
			err = clash(have, sortedByTarget(add))
		}
		if err == nil {
			lacking, err = missing(have, add)
		}
		if fits != (err == nil) || err != nil && !errors.Is(err, mailsync.ErrMapped) {
			r.Fatalf("error %v, fits %v", err, fits)
		}
		if merged := merge(have, lacking); err == nil && !maps.Equal(expanded(merged), all) {
			r.Fatalf("merged %v, want %v", merged, all)
		}
	})
}

func TestLongRunStaysOne(t *testing.T) {
	long := []run{{1, 1, 1<<32 - 1}}
	blocks := blocksOf(long)
	if len(blocks) != 1 || len(blocks[0].packed) > 12 {
		t.Fatalf("blocks %+v", blocks)
	}
	if got, err := blocks[0].runs(); err != nil || !slices.Equal(got, long) {
		t.Fatalf("runs %v: %v", got, err)
	}
}

func TestPackedSizes(t *testing.T) {
	for _, c := range []struct {
		apart uint64
		bytes int
	}{{1, 1}, {8, 1}, {15, 1}, {16, 1}, {17, 2}, {2000, 2}} {
		var runs []run
		for i := range uint64(1000) {
			runs = append(runs, run{1 + i, 1 + i*c.apart, 1})
		}
		got := len(packBlock(runs, 1<<20).packed)
		if c.apart == 1 {
			got = len(packBlock([]run{{1, 1, 1000}}, 1<<20).packed) / 5
		}
		if got > 1000*c.bytes+12 {
			t.Errorf("%d apart: %d bytes for 1,000 messages", c.apart, got)
		}
	}
}

func TestRefusesDamage(t *testing.T) {
	for _, packed := range []string{"\x00", "\x03", "\x80", "\x07\x01", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "\x05\xff\xff\xff\xff\xff\x7f"} {
		if runs, err := unpackRuns([]byte(packed)); !errors.Is(err, errDamaged) {
			t.Errorf("%q: %v, %v", packed, runs, err)
		}
		if flags, err := unpackFlags([]byte(packed)); packed != "\x00" && !errors.Is(err, errDamaged) {
			t.Errorf("%q: %v, %v", packed, flags, err)
		}
	}
	wrong := packBlock([]run{{1, 1, 5}}, blockMost)
	wrong.messages++
	if _, err := wrong.runs(); !errors.Is(err, errDamaged) {
		t.Errorf("a block that does not add up: %v", err)
	}
}

// FuzzUnpack holds the readers to what they promise: an error or what can be
// written again, never a number out of range.
func FuzzUnpack(f *testing.F) {
	f.Add(packBlock([]run{{1, 7, 3}, {9, 1, 1}, {20, 90, 2}}, blockMost).packed)
	f.Add(packFlags(mailsync.FlagSets{migration.FlagSeen: migration.NewUIDSet(1, 5)}))
	f.Fuzz(func(t *testing.T, packed []byte) {
		var last uint64
		runs, _ := unpackRuns(packed)
		for _, r := range runs {
			if r.source <= last || r.target == 0 || r.count == 0 || r.sourceEnd() > 1<<32 || r.targetEnd() > 1<<32 {
				t.Fatalf("run %v after %d", r, last)
			}
			last = r.sourceEnd() - 1
		}
		if flags, err := unpackFlags(packed); err == nil {
			again, err := unpackFlags(packFlags(flags))
			if err != nil || !maps.EqualFunc(again, flags, migration.UIDSet.Equal) {
				t.Fatalf("flags %v: %v", flags, err)
			}
		}
	})
}
