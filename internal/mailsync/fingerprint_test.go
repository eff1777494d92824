package mailsync

import (
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"github.com/mailhaul/mailhaul/internal/migration"
)

func printOf(t *testing.T, text string) fingerprint {
	t.Helper()
	print, err := fingerprintOf(strings.NewReader(text), false)
	if err != nil {
		t.Fatal(err)
	}
	return print
}

func TestFingerprintForgivesWhatServersChange(t *testing.T) {
	for _, test := range []struct {
		name, a, b string
		plain      bool // the plain forms are equal
	}{
		{"line ends", "a: b\r\n\r\nc\r\n", "a: b\n\nc\n", true},
		{"final line end", "a\r\nb", "a\r\nb\r\n", true},
		{"several final line ends", "a\r\nb\r\n\r\n\r\n", "a\r\nb", true},
		{"NUL", "a\x00b", "a\x80b", true},
		{"NUL at the end", "a\x00", "a\x80\n", true},
		{"only line ends", "\r\n\r\n", "", true},
		{"an empty line less", "a\r\n\r\nb", "a\r\nb", false},
		{"a line end at the front", "\r\na", "a", false},
		{"a lone CR within", "a\rb", "a\nb", false},
		{"a lone CR is not nothing", "a\rb", "ab", false},
		{"nor at the end", "a\r", "a", false},
		{"CR CR LF", "a\r\r\nb", "a\r\nb", false},
		{"a space", "a ", "a", false},
		{"case", "A", "a", false},
		{"a line end and NUL", "a\n\x00", "a\x80", false},
	} {
		a, b := printOf(t, test.a), printOf(t, test.b)
		if (a.plain == b.plain) != test.plain {
			t.Errorf("%s: %q and %q: plain equal is %v", test.name, test.a, test.b, !test.plain)
		}
		if a.raw == b.raw {
			t.Errorf("%s: %q and %q have the same raw fingerprint", test.name, test.a, test.b)
		}
	}
}

// mailText draws texts rich in what the plain form treats specially.
func mailText() *rapid.Generator[string] {
	return rapid.Map(rapid.SliceOf(rapid.SampledFrom([]string{"\r", "\n", "\r\n", "\x00", "\x80", "a", "b"})),
		func(parts []string) string { return strings.Join(parts, "") })
}

func TestFingerprintDoesNotDependOnTheChunks(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		text := mailText().Draw(r, "text")
		whole, err := fingerprintOf(strings.NewReader(text), false)
		if err != nil {
			r.Fatal(err)
		}
		single, err := fingerprintOf(iotest.OneByteReader(strings.NewReader(text)), false)
		if err != nil || single != whole {
			r.Fatalf("%q in single bytes: %v, whole: %v, %v", text, single, whole, err)
		}
	})
}

// TestPlainFormIsCanonical compares with the definition, done on whole strings.
func TestPlainFormIsCanonical(t *testing.T) {
	canon := func(text string) string {
		text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\x00", "\x80")
		return strings.TrimRight(text, "\n")
	}
	rapid.Check(t, func(r *rapid.T) {
		text := mailText().Draw(r, "text")
		print, err := fingerprintOf(strings.NewReader(text), false)
		if err != nil || print.raw != sha256.Sum256([]byte(text)) || print.plain != sha256.Sum256([]byte(canon(text))) {
			r.Fatalf("%q is not hashed as itself and as %q, %v", text, canon(text), err)
		}
	})
}

func TestFingerprintTellsThatTheBodyBroke(t *testing.T) {
	broke := errors.New("broke")
	if _, err := fingerprintOf(iotest.ErrReader(broke), false); !errors.Is(err, broke) {
		t.Errorf("got %v", err)
	}
}

// likeness makes an identity from few words.
func likeness(t *testing.T, uid migration.UID, body string, at int64, flags ...string) identity {
	t.Helper()
	return newIdentity(migration.Message{UID: uid, Date: time.Unix(at, 0), Flags: flags}, printOf(t, body))
}

func expectPairs(t *testing.T, got []Pair, want ...Pair) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
}

func TestMatchTakesEachCopyOnce(t *testing.T) {
	var sources, copies []identity
	for uid := range migration.UID(5) {
		sources = append(sources, likeness(t, uid+1, "same", 7))
	}
	for uid := range migration.UID(3) {
		copies = append(copies, likeness(t, uid+21, "same", 7))
	}
	expectPairs(t, matchCopies(sources, copies), Pair{1, 21}, Pair{2, 22}, Pair{3, 23})
}

func TestMatchWantsTheSameDate(t *testing.T) {
	expectPairs(t, matchCopies([]identity{likeness(t, 1, "a", 7)}, []identity{likeness(t, 2, "a", 8)}))
}

func TestMatchComparesInstantsNotZones(t *testing.T) {
	here, there := likeness(t, 1, "a", 7), likeness(t, 2, "a", 7)
	there.at = instant(time.Unix(7, 999).In(time.FixedZone("", 3600)))
	expectPairs(t, matchCopies([]identity{here}, []identity{there}), Pair{1, 2})
}

func TestMatchPrefersEqualBytesToEqualText(t *testing.T) {
	sources := []identity{likeness(t, 1, "a\n", 7), likeness(t, 2, "a\r\n", 7)}
	copies := []identity{likeness(t, 11, "a\r\n", 7), likeness(t, 12, "a\n", 7)}
	expectPairs(t, matchCopies(sources, copies), Pair{1, 12}, Pair{2, 11})
}

func TestMatchBreaksTiesByFlags(t *testing.T) {
	sources := []identity{likeness(t, 1, "a", 7, `\Seen`, "$Work"), likeness(t, 2, "a", 7)}
	copies := []identity{likeness(t, 11, "a", 7), likeness(t, 12, "a", 7, "$work", `\seen`)}
	expectPairs(t, matchCopies(sources, copies), Pair{1, 12}, Pair{2, 11})
}

func TestMatchDoesNotChangeWhatItIsGiven(t *testing.T) {
	sources, copies := []identity{likeness(t, 1, "a", 7)}, []identity{likeness(t, 2, "a", 7)}
	matchCopies(sources, copies)
	if sources[0].uid != 1 || copies[0].uid != 2 {
		t.Errorf("now %v and %v", sources, copies)
	}
}

// TestMatchIsAsLargeAsCanBe: every pair is of equal text and date, none is used
// twice, and no source is left while an equal candidate is.
func TestMatchIsAsLargeAsCanBe(t *testing.T) {
	draw := rapid.Custom(func(r *rapid.T) identity {
		body := rapid.SampledFrom([]string{"a", "a\n", "a\r\n", "b", "b\n"}).Draw(r, "body")
		flags := rapid.SampledFrom([]migration.Flags{nil, {`\Seen`}}).Draw(r, "flags")
		print, _ := fingerprintOf(strings.NewReader(body), false)
		return newIdentity(migration.Message{Date: time.Unix(rapid.Int64Range(1, 2).Draw(r, "date"), 0), Flags: flags}, print)
	})
	type text struct {
		print [32]byte
		at    int64
	}
	rapid.Check(t, func(r *rapid.T) {
		sources, copies := rapid.SliceOfN(draw, 0, 12).Draw(r, "sources"), rapid.SliceOfN(draw, 0, 12).Draw(r, "copies")
		have, there := map[text]int{}, map[text]int{}
		for i := range sources {
			sources[i].uid = migration.UID(i + 1)
			have[text{sources[i].print.plain, sources[i].at}]++
		}
		for i := range copies {
			copies[i].uid = migration.UID(i + 1)
			there[text{copies[i].print.plain, copies[i].at}]++
		}
		most := 0
		for key, n := range have {
			most += min(n, there[key])
		}
		pairs := matchCopies(sources, copies)
		used, served := map[migration.UID]bool{}, map[migration.UID]bool{}
		for _, pair := range pairs {
			s, c := sources[pair.Source-1], copies[pair.Target-1]
			if s.print.plain != c.print.plain || s.at != c.at || served[pair.Source] || used[pair.Target] {
				r.Fatalf("%v of %v", pair, pairs)
			}
			served[pair.Source], used[pair.Target] = true, true
		}
		if len(pairs) != most {
			r.Fatalf("%d pairs, want %d", len(pairs), most)
		}
	})
}
