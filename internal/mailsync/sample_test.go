package mailsync

import (
	"slices"
	"testing"

	"github.com/mailhaul/mailhaul/internal/migration"
)

func messages(sizes ...int64) []migration.Message {
	var out []migration.Message
	for i, size := range sizes {
		out = append(out, migration.Message{UID: migration.UID(i + 1), Size: size})
	}
	return out
}

func TestSamplesChoose(t *testing.T) {
	all := messages(1000, 600, 500, -1, 10)
	for text, want := range map[string]string{
		"": "1:5", "all": "1:5", "none": "", "0%": "", "100%": "1:5",
		"1/1": "1:5", "1/2": "1,3,5", "2/2": "2,4", "3/7": "3", "7/7": "",
		"1K": "1:2", "2K": "1:3", "1G": "1:5", "4096T": "1:5",
	} {
		sample, err := ParseSample(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := sample.choose(all).String(); got != want {
			t.Errorf("%q chooses %q, want %q", text, got, want)
		}
	}
}

func TestSamplesThatAreNone(t *testing.T) {
	for _, text := range []string{"every", "5", "-1%", "101%", "%", "x%", "0/3", "4/3", "1/", "/1", "1/2/3", "0M", "-5M", "5X", "M", "1.5G", "99999999999G", "NaN%", "9000000T"} {
		if sample, err := ParseSample(text); err == nil {
			t.Errorf("%q is taken as %+v", text, sample)
		}
	}
}

func TestPartsMakeTheWhole(t *testing.T) {
	all := messages(slices.Repeat([]int64{1}, 100)...)
	var seen migration.UIDSet
	for _, text := range []string{"1/3", "2/3", "3/3"} {
		sample, err := ParseSample(text)
		if err != nil {
			t.Fatal(err)
		}
		part := sample.choose(all)
		if !part.Intersect(seen).Empty() {
			t.Errorf("%s has messages of the parts before", text)
		}
		seen = seen.Union(part)
	}
	if seen.Len() != 100 {
		t.Errorf("together they are %s", seen)
	}
}

func TestShareIsAboutTheShare(t *testing.T) {
	sample, err := ParseSample("20%")
	if err != nil {
		t.Fatal(err)
	}
	// 20,000 +- 126 for one standard deviation.
	if n := sample.choose(messages(make([]int64, 100_000)...)).Len(); n < 18_500 || n > 21_500 {
		t.Errorf("20%% of 100,000 are %d", n)
	}
}
