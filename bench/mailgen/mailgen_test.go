package mailgen

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"github.com/mailhaul/mailhaul/rigs/dovecotrig"
	"github.com/mailhaul/mailhaul/rigs/effort"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSameSeedMakesTheSameMail(t *testing.T) {
	spec := Spec{Seed: 7, Messages: 50, Bytes: 1 << 20, Folders: 3}
	a, b := spec.Corpus(), spec.Corpus()
	same := func(x, y Message) bool {
		return x.Folder == y.Folder && bytes.Equal(x.Body, y.Body) && x.Date.Equal(y.Date) && slices.Equal(x.Flags, y.Flags)
	}
	if !slices.EqualFunc(a.Messages, b.Messages, same) {
		t.Error("two corpora of one seed differ")
	}
	spec.Seed = 8
	if c := spec.Corpus(); slices.EqualFunc(a.Messages, c.Messages, same) {
		t.Error("two seeds make the same corpus")
	}
}

func TestRaceCorporaMeetTheirTotals(t *testing.T) {
	effort.LeaveToLong(t)
	for _, spec := range []Spec{Loopback(), Latency()} {
		c := spec.Corpus()
		if len(c.Messages) != spec.Messages || len(c.Folders) != spec.Folders {
			t.Errorf("%d messages in %d folders", len(c.Messages), len(c.Folders))
		}
		if off := math.Abs(float64(c.Bytes()-spec.Bytes)) / float64(spec.Bytes); off > 0.06 {
			t.Errorf("%d bytes, want %d within 6 per cent", c.Bytes(), spec.Bytes)
		}
	}
}

func TestEncodeName(t *testing.T) {
	for name, want := range map[string]string{
		"INBOX": "INBOX", "R&D": "R&-D", "&": "&-", "Entwürfe": "Entw&APw-rfe",
		"日本語": "&ZeVnLIqe-", "😀 fun": "&2D3eAA- fun", "a/é": "a/&AOk-",
	} {
		if got := EncodeName(name); got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
}

func TestGroupsKeepEveryMessageAndTheirLimits(t *testing.T) {
	c := Spec{Seed: 3, Messages: 400, Bytes: 40 << 20, Folders: 5}.Corpus()
	n := 0
	for _, g := range groups(c, false) {
		n += len(g.messages)
		if len(g.messages) > groupMessages || len(g.messages) > 1 && g.bytes > groupBytes {
			t.Errorf("a group of %d messages and %d bytes", len(g.messages), g.bytes)
		}
	}
	if n != len(c.Messages) {
		t.Errorf("the groups hold %d messages of %d", n, len(c.Messages))
	}
	if got := len(groups(c, true)); got != len(c.Messages) {
		t.Errorf("%d single groups for %d messages", got, len(c.Messages))
	}
}

func TestRawNamesFollowTheNamespace(t *testing.T) {
	dots := Target{Separator: ".", Prefix: "INBOX."}
	for name, want := range map[string]string{
		"INBOX": "INBOX", "Sent": "INBOX.Sent", "a/b": "INBOX.a.b", "INBOX/Child": "INBOX.Child",
	} {
		if got := dots.raw(name); got != want {
			t.Errorf("%q is %q on the wire, want %q", name, got, want)
		}
	}
}

func TestLoadReportsARefusal(t *testing.T) {
	s := dovecotrig.StartT(t, dovecotrig.Options{})
	target := Target{Addr: s.Addr(), User: "u", Password: s.Password}
	c := Corpus{Folders: []string{"INBOX"}, Messages: []Message{{Folder: "Nowhere", Body: []byte("x")}}}
	if err := Load(t.Context(), target, c, LoadOptions{}); err == nil {
		t.Error("an append to a missing folder is no error")
	}
}
