package mailsync

import (
	"crypto/sha256"
	"hash"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// fingerprint tells whether two messages are the same bytes. Headers alone never
// do: different messages share them, and servers rewrite them.
type fingerprint struct {
	// raw is the SHA-256 of the bytes as they are.
	raw [sha256.Size]byte
	// plain is the SHA-256 after what servers are known to change when they
	// store: line ends to LF, none at the end, NUL to 0x80.
	plain [sha256.Size]byte
	// canon is canonHash, for targets that make messages anew and for messages that
	// were repaired, where hasCanon says so.
	canon    [sha256.Size]byte
	hasCanon bool
}

// fingerprintOf reads a message to its end.
func fingerprintOf(body io.Reader, canonical bool) (fingerprint, error) {
	raw := sha256.New()
	plain := &plainHash{sum: sha256.New()}
	into := []io.Writer{raw, plain}
	var canon *canonHash
	if canonical {
		canon = newCanonHash()
		into = append(into, canon)
	}
	if _, err := io.Copy(io.MultiWriter(into...), body); err != nil {
		return fingerprint{}, err
	}
	plain.finish()
	print := fingerprint{hasCanon: canonical}
	if canonical {
		print.canon = canon.sum()
	}
	raw.Sum(print.raw[:0])
	plain.sum.Sum(print.plain[:0])
	return print, nil
}

// plainHash hashes what is written to it in plain form.
type plainHash struct {
	sum      hash.Hash
	afterCR  bool
	newlines int // line ends not yet hashed, because they may be the last
	out      []byte
}

func (p *plainHash) Write(bytes []byte) (int, error) {
	p.out = p.out[:0]
	for _, b := range bytes {
		if p.afterCR && b != '\n' {
			p.emit('\r')
		}
		p.afterCR = b == '\r'
		switch b {
		case '\r':
		case '\n':
			p.newlines++
		case 0:
			p.emit(0x80)
		default:
			p.emit(b)
		}
	}
	_, _ = p.sum.Write(p.out)
	return len(bytes), nil
}

// finish writes a carriage return that nothing followed.
func (p *plainHash) finish() {
	if p.out = p.out[:0]; p.afterCR {
		p.emit('\r')
	}
	_, _ = p.sum.Write(p.out)
}

func (p *plainHash) emit(b byte) {
	for ; p.newlines > 0; p.newlines-- {
		p.out = append(p.out, '\n')
	}
	p.out = append(p.out, b)
}

// identity is a message with all that decides whether it is the same as another:
// its bytes and its INTERNALDATE. The date separates our copy from the same mail
// delivered to the target by forwarding. Flags only break ties, because people
// change them.
type identity struct {
	uid   migration.UID
	at    int64 // INTERNALDATE in Unix seconds
	flags string
	print fingerprint
}

func newIdentity(m migration.Message, print fingerprint) identity {
	return identity{uid: m.UID, at: instant(m.Date), flags: flagKey(m.Flags), print: print}
}

// instant is a date as it compares: servers keep seconds and their own zone.
func instant(date time.Time) int64 {
	if date.IsZero() {
		return 0
	}
	return date.Unix()
}

// flagKey spells a set of flags in one way.
func flagKey(flags migration.Flags) string {
	folded := make([]string, len(flags))
	for i, flag := range flags {
		folded[i] = strings.ToLower(flag)
	}
	slices.Sort(folded)
	return strings.Join(folded, " ")
}

// sameness is what must be equal at one strength of matching.
type sameness struct {
	print [sha256.Size]byte
	at    int64
	flags string
}

// strengths of matching, strongest first, so that of several near equals the
// nearest is taken. One says false of what it cannot tell.
var strengths = []func(identity) (sameness, bool){
	func(i identity) (sameness, bool) { return sameness{i.print.raw, i.at, i.flags}, true },
	func(i identity) (sameness, bool) { return sameness{i.print.raw, i.at, ""}, true },
	func(i identity) (sameness, bool) { return sameness{i.print.plain, i.at, ""}, true },
	func(i identity) (sameness, bool) { return sameness{i.print.canon, i.at, ""}, i.print.hasCanon },
}

// canonical reports whether the target makes messages anew, so that copies are told by
// their canonical form.
func (p *pass) canonical(migration.UID) bool { return p.traits().Rewrites }

// canonOf says of which source messages of a folder the canonical form is wanted, and
// of which target messages that are compared with the given ones.
func (p *pass) canonOf(f *folder, sources []migration.Message) (ofSource, ofTarget func(migration.UID) bool) {
	wanted := func(uid migration.UID) bool { return p.canonical(uid) || f.marks[uid].mended() }
	some := slices.ContainsFunc(sources, func(m migration.Message) bool { return wanted(m.UID) })
	return wanted, func(migration.UID) bool { return some }
}

// exactly is what is equal in two copies of one message at the target.
func (p *pass) exactly(i identity) sameness {
	if i.print.hasCanon {
		return sameness{i.print.canon, i.at, ""}
	}
	return sameness{i.print.raw, i.at, ""}
}

// matchCopies pairs source messages with their copies among the candidates, as a
// multiset: each candidate serves one source message, so of five equal messages
// three copies account for three (invariant I4). It is pure.
func matchCopies(sources, candidates []identity) []Pair {
	var pairs []Pair
	sources, candidates = slices.Clone(sources), slices.Clone(candidates)
	for _, strength := range strengths {
		free := make(map[sameness][]int, len(candidates))
		for i, c := range candidates {
			if key, tells := strength(c); tells && c.uid != 0 {
				free[key] = append(free[key], i)
			}
		}
		for i, s := range sources {
			key, tells := strength(s)
			if !tells || s.uid == 0 {
				continue
			}
			if same := free[key]; len(same) > 0 {
				pairs = append(pairs, Pair{Source: s.uid, Target: candidates[same[0]].uid})
				free[key] = same[1:]
				sources[i].uid, candidates[same[0]].uid = 0, 0
			}
		}
	}
	slices.SortFunc(pairs, func(a, b Pair) int { return int(int64(a.Source) - int64(b.Source)) })
	return pairs
}
