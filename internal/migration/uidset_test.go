package migration

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// plainSet is a set without any cleverness.
type plainSet map[UID]bool

func (p plainSet) sorted() []UID {
	out := []UID{}
	for uid, in := range p {
		if in {
			out = append(out, uid)
		}
	}
	slices.Sort(out)
	return out
}

// drawUID is near one end of the numbers, where there are edges.
func drawUID(r *rapid.T, label string) UID {
	n := UID(rapid.Uint32Range(1, 40).Draw(r, label))
	if rapid.Bool().Draw(r, label+" is high") {
		return math.MaxUint32 - n + 1
	}
	return n
}

// drawSet builds a set by its own methods, and the same in plain.
func drawSet(r *rapid.T, label string) (UIDSet, plainSet) {
	var set UIDSet
	plain := plainSet{}
	for range rapid.IntRange(0, 8).Draw(r, label+" parts") {
		first, n := drawUID(r, label), rapid.IntRange(0, 6).Draw(r, label+" more")
		last := UID(min(uint64(first)+uint64(n), math.MaxUint32))
		if n == 0 {
			set.Add(first)
		} else {
			set.AddRange(first, last)
		}
		for uid := uint64(first); uid <= uint64(last); uid++ {
			plain[UID(uid)] = true
		}
	}
	return set, plain
}

func expectSame(r *rapid.T, what string, set UIDSet, plain plainSet) {
	r.Helper()
	want := plain.sorted()
	got := slices.Collect(set.All())
	if !slices.Equal(got, want) && len(got)+len(want) > 0 {
		r.Fatalf("%s: %v, want %v", what, got, want)
	}
	if set.Len() != len(want) || set.Empty() != (len(want) == 0) {
		r.Fatalf("%s: length %d, empty %v, want %d", what, set.Len(), set.Empty(), len(want))
	}
	if len(want) > 0 && (set.Min() != want[0] || set.Max() != want[len(want)-1]) {
		r.Fatalf("%s: from %d to %d, want %v", what, set.Min(), set.Max(), want)
	}
	var last UIDRange
	for span := range set.Ranges() {
		if span.First > span.Last || span.First <= last.Last || last.Last != 0 && span.First == last.Last+1 {
			r.Fatalf("%s: ranges %v", what, set)
		}
		last = span
	}
}

func TestSetsBehaveAsSets(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		a, plainA := drawSet(r, "a")
		b, plainB := drawSet(r, "b")
		before := a.Clone()
		union, minus, both := plainSet{}, plainSet{}, plainSet{}
		for uid := range plainA {
			union[uid], minus[uid], both[uid] = true, !plainB[uid], plainB[uid]
		}
		for uid := range plainB {
			union[uid] = true
		}
		expectSame(r, "a", a, plainA)
		expectSame(r, "union", a.Union(b), union)
		expectSame(r, "minus", a.Minus(b), minus)
		expectSame(r, "intersection", a.Intersect(b), both)
		if !a.Equal(before) {
			r.Fatalf("a has become %v, was %v", a, before)
		}
		if a.Equal(b) != slices.Equal(plainA.sorted(), plainB.sorted()) {
			r.Fatalf("%v equals %v: %v", a, b, a.Equal(b))
		}
		uid := drawUID(r, "uid")
		if a.Contains(uid) != plainA[uid] {
			r.Fatalf("%v contains %d: %v", a, uid, a.Contains(uid))
		}
		expectSame(r, "of single UIDs", NewUIDSet(plainA.sorted()...), plainA)
	})
}

func TestSetsKeepTheirTextAndPackedForm(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		set, plain := drawSet(r, "set")
		unpacked, err := UnpackUIDSet(set.Pack())
		if err != nil || !unpacked.Equal(set) {
			r.Fatalf("%v packed and unpacked is %v, %v", set, unpacked, err)
		}
		var chunks UIDSet
		n := rapid.IntRange(1, 3).Draw(r, "n")
		for part := range set.Chunks(n) {
			if part.RangeCount() > n || part.Empty() {
				r.Fatalf("a chunk of %d is %v", n, part)
			}
			chunks = chunks.Union(part)
		}
		expectSame(r, "chunks", chunks, plain)
		if set.Empty() {
			return
		}
		parts := strings.Split(set.String(), ",")
		text := strings.Join(append(rapid.Permutation(parts).Draw(r, "order"), parts[0]), ",")
		parsed, err := ParseUIDSet(text)
		if err != nil || !parsed.Equal(set) {
			r.Fatalf("%q is read as %v, %v", text, parsed, err)
		}
	})
}

func TestClonesShareNothing(t *testing.T) {
	set := NewUIDSet(1, 5, 9)
	clone := set.Clone()
	clone.AddRange(2, 8)
	if set.String() != "1,5,9" || clone.String() != "1:9" {
		t.Errorf("%v and %v", set, clone)
	}
}

func TestRangesThatAreNone(t *testing.T) {
	var set UIDSet
	set.AddRange(0, 5)
	set.AddRange(5, 4)
	set.Add(0)
	if !set.Empty() || set.String() != "" || set.Min() != 0 || set.Max() != 0 {
		t.Errorf("got %v", set)
	}
	if all := UIDsFrom(1, math.MaxUint32); all.RangeCount() != 1 || all.Len() != math.MaxUint32 || all.String() != "1:4294967295" {
		t.Errorf("got %v", all)
	}
}

func TestTextsThatAreNoUIDSet(t *testing.T) {
	for _, text := range []string{"", "0", "1,", ",1", "*", "1:*", "1:", ":1", "a", "-1", "+1", "4294967296", "1:2:3", " 1", "1 2", "1,0:3"} {
		if set, err := ParseUIDSet(text); err == nil {
			t.Errorf("%q is read as %v", text, set)
		}
	}
	if _, err := ParseUIDSet(strings.Repeat("1,", MaxUIDRanges) + "1"); err == nil {
		t.Errorf("more than %d ranges are read", MaxUIDRanges)
	}
}

func TestBackwardRangesAreRead(t *testing.T) {
	if set, err := ParseUIDSet("9:7,3"); err != nil || set.String() != "3,7:9" {
		t.Errorf("got %v, %v", set, err)
	}
}

func FuzzUnpackUIDSet(f *testing.F) {
	f.Add([]byte{})
	f.Add(UIDsFrom(1, math.MaxUint32).Pack())
	f.Add(NewUIDSet(1, 3, 5, math.MaxUint32).Pack())
	f.Add(bytes.Repeat([]byte{0xff}, 20))
	f.Fuzz(func(t *testing.T, packed []byte) {
		set, err := UnpackUIDSet(packed)
		if err != nil {
			return
		}
		if again, err := UnpackUIDSet(set.Pack()); err != nil || !again.Equal(set) {
			t.Errorf("%x is %v, and packed again %v, %v", packed, set, again, err)
		}
	})
}
