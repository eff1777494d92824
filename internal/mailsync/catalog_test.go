package mailsync

import (
	"reflect"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

func cataloged(sizes ...int64) *catalog {
	c := &catalog{}
	for i, size := range sizes {
		c.add(migration.Message{UID: migration.UID(i + 1), Size: size})
	}
	return c
}

func repeated(n int, size int64) []int64 {
	sizes := make([]int64, n)
	for i := range sizes {
		sizes[i] = size
	}
	return sizes
}

func TestWindowsAreBoundedAndNewestFirst(t *testing.T) {
	const mib = 1 << 20
	for _, test := range []struct {
		name  string
		sizes []int64
		want  []string // the windows' UIDs
	}{
		{"nothing", nil, []string{""}},
		{"one", []int64{5}, []string{"1", ""}},
		{"128 fit", repeated(128, 1), []string{"1:128", ""}},
		{"129 do not", repeated(129, 1), []string{"2:129", "1"}},
		{"8 MiB fit", repeated(9, mib), []string{"2:9", "1"}},
		{"more than 8 MiB do not", repeated(5, 4*mib+1), []string{"5", "4", "3", "2", "1"}},
		{"a large one goes alone", []int64{1, 100 * mib, 1, 1}, []string{"3:4", "2", "1"}},
		{"unknown sizes count nothing", repeated(134, -1), []string{"7:134", "1:6"}},
	} {
		c := cataloged(test.sizes...)
		for i, want := range test.want {
			window := c.take(windowMessages)
			if got := uidsOf(window).String(); got != want {
				t.Errorf("%s: window %d is %q, want %q", test.name, i, got, want)
			}
			for j := 1; j < len(window); j++ {
				if window[j].UID < window[j-1].UID {
					t.Errorf("%s: window %d does not ascend: %v", test.name, i, window)
				}
			}
		}
	}
}

func TestCatalogGivesBackWhatItTook(t *testing.T) {
	c := &catalog{}
	want := []migration.Message{
		{UID: 3, Size: 10, Date: time.Unix(1_000_000_000, 0).In(time.FixedZone("", -3*3600-1800)), Flags: migration.Flags{`\Seen`, "$Work"}},
		{UID: 4, Size: -1, Flags: migration.Flags{}},
		{UID: 7, Size: 0, Date: time.Unix(-5, 0).In(time.FixedZone("", 0)), Flags: migration.Flags{`\Seen`, "$Work"}},
	}
	for _, i := range []int{2, 0, 1, 0} { // out of order and one twice
		c.add(want[i])
	}
	c.sort()
	got := c.take(windowMessages)
	if len(got) != len(want) {
		t.Fatalf("got %v", got)
	}
	for i := range want {
		_, offset := got[i].Date.Zone()
		_, wanted := want[i].Date.Zone()
		if got[i].UID != want[i].UID || got[i].Size != want[i].Size || !got[i].Date.Equal(want[i].Date) || offset != wanted || !got[i].Flags.Equal(want[i].Flags) {
			t.Errorf("got %+v, want %+v", got[i], want[i])
		}
	}
}

func TestCatalogRemoves(t *testing.T) {
	c := cataloged(1, 2, 4, 8)
	removed := c.remove(migration.NewUIDSet(2, 4, 9))
	if got := uidsOf(removed).String(); got != "2,4" {
		t.Errorf("removed %s", got)
	}
	if uids := c.uids(); !reflect.DeepEqual(uids, migration.NewUIDSet(1, 3)) || c.bytes() != 5 {
		t.Errorf("left %v with %d bytes", uids, c.bytes())
	}
}
