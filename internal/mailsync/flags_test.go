package mailsync

import (
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailhaul/mailhaul/internal/migration"
)

func flagSets(perFlag map[string][]migration.UID) FlagSets {
	sets := FlagSets{}
	for flag, uids := range perFlag {
		sets[flag] = migration.NewUIDSet(uids...)
	}
	return sets
}

func TestPlanCarriesOnlyWhatChangedAtTheSource(t *testing.T) {
	before := flagSets(map[string][]migration.UID{`\Seen`: {1, 2}, "$Work": {3}, `\Flagged`: {4}})
	now := flagSets(map[string][]migration.UID{`\Seen`: {2, 5, 9}, "$work": {3}})
	got := planFlags(before, now, migration.UIDsFrom(1, 5))
	want := []FlagChange{
		{Flag: `\Flagged`, Sources: migration.NewUIDSet(4)},
		{Flag: `\Seen`, Add: true, Sources: migration.NewUIDSet(5)},
		{Flag: `\Seen`, Sources: migration.NewUIDSet(1)},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestPlanIsEmptyWhenNothingChanged(t *testing.T) {
	sets := flagSets(map[string][]migration.UID{`\Seen`: {1, 2}, "$Work": {3}})
	if got := planFlags(sets, sets, migration.UIDsFrom(1, 9)); len(got) > 0 {
		t.Errorf("got %+v", got)
	}
}

// perMessage is the plain form of FlagSets: a set of folded flags a message.
type perMessage map[migration.UID]map[string]bool

func (p perMessage) of(uid migration.UID) map[string]bool {
	if p[uid] == nil {
		p[uid] = map[string]bool{}
	}
	return p[uid]
}

func unpacked(sets FlagSets) perMessage {
	p := perMessage{}
	for flag, uids := range sets {
		for uid := range uids.All() {
			p.of(uid)[strings.ToLower(flag)] = true
		}
	}
	return p
}

func drawFlagSets(r *rapid.T, label string) FlagSets {
	sets := FlagSets{}
	names := []string{`\Seen`, `\seen`, "$Work", "$WORK", "Other"}
	for uid := migration.UID(1); uid <= 8; uid++ {
		sets.add(uid, rapid.SliceOfDistinct(rapid.SampledFrom(names), strings.ToLower).Draw(r, label))
	}
	return sets
}

func drawUIDs(r *rapid.T, label string) migration.UIDSet {
	return migration.NewUIDSet(rapid.SliceOfN(rapid.Map(rapid.Uint32Range(1, 10), func(n uint32) migration.UID { return migration.UID(n) }), 0, 8).Draw(r, label)...)
}

// TestCarriedFlagsAreAThreeWayMerge compares with flags kept message by message:
// what changed at the source is changed at the target, everything else stays as
// the target has it.
func TestCarriedFlagsAreAThreeWayMerge(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		before, now, target := drawFlagSets(r, "before"), drawFlagSets(r, "now"), unpacked(drawFlagSets(r, "target"))
		uids := drawUIDs(r, "uids")
		was, is, want := unpacked(before), unpacked(now), perMessage{}
		for uid := range uids.All() {
			for _, flag := range []string{`\seen`, "$work", "other"} {
				here := target.of(uid)[flag]
				if was.of(uid)[flag] != is.of(uid)[flag] {
					here = is.of(uid)[flag]
				}
				if here {
					want.of(uid)[flag] = true
				}
			}
		}
		for _, change := range planFlags(before, now, uids) {
			if change.Sources.Empty() || !change.Sources.Minus(uids).Empty() {
				r.Fatalf("change %+v of %v", change, uids)
			}
			for uid := range change.Sources.All() {
				if change.Add {
					target.of(uid)[strings.ToLower(change.Flag)] = true
				} else {
					delete(target.of(uid), strings.ToLower(change.Flag))
				}
			}
		}
		for uid := range uids.All() {
			if !reflect.DeepEqual(target.of(uid), want.of(uid)) {
				r.Fatalf("uid %d: got %v, want %v", uid, target.of(uid), want.of(uid))
			}
		}
	})
}

func TestReplacedTakesTheNewFlagsOfTheseMessagesOnly(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		before, now, uids := drawFlagSets(r, "before"), drawFlagSets(r, "now"), drawUIDs(r, "uids")
		was, is, got := unpacked(before), unpacked(now), unpacked(before.replaced(uids, now))
		for uid := migration.UID(1); uid <= 10; uid++ {
			want := was.of(uid)
			if uids.Contains(uid) {
				want = is.of(uid)
			}
			if !reflect.DeepEqual(got.of(uid), want) {
				r.Fatalf("uid %d: got %v, want %v", uid, got.of(uid), want)
			}
		}
		if again := planFlags(before.replaced(uids, now), now, uids); len(again) > 0 {
			r.Fatalf("carried twice: %+v", again)
		}
	})
}

func TestFlagsTheTargetLosesAreTold(t *testing.T) {
	wild := migration.FolderStatus{PermanentFlags: []string{`\Seen`, `\*`}}
	plain := migration.FolderStatus{PermanentFlags: []string{`\Seen`, "$Work"}}
	silent := migration.FolderStatus{}
	flags := migration.Flags{`\seen`, `\Flagged`, "$work", "two words", "", "ümlaut", "a]"}
	for _, test := range []struct {
		target     migration.FolderStatus
		kept, lost string
	}{
		{wild, `\seen $work`, `\Flagged|two words||ümlaut|a]`},
		{plain, `\seen $work`, `\Flagged|two words||ümlaut|a]`},
		{silent, `\seen \Flagged`, `$work|two words||ümlaut|a]`},
	} {
		kept, lost := keepable(test.target, flags)
		if strings.Join(kept, " ") != test.kept || strings.Join(lost, "|") != test.lost {
			t.Errorf("%v: kept %q, lost %q", test.target.PermanentFlags, kept, lost)
		}
	}
	if got := systemOnly(migration.Flags{"$Work", `\Seen`}); len(got) != 1 || got[0] != `\Seen` {
		t.Errorf("system flags are %v", got)
	}
}
