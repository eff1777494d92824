package imapfake

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// CompareOptions say what is not a difference. The zero value compares all.
type CompareOptions struct {
	// Rename gives the name in b of a folder of a; nil keeps names.
	Rename func(string) string
	// Exclude leaves messages out, on both sides.
	Exclude func(folder string, m Message) bool
	// IgnoreFlags, IgnoreKeywords and IgnoreDates leave those out;
	// keywords are the flags without a backslash.
	IgnoreFlags, IgnoreKeywords, IgnoreDates bool
	// IgnoreFolders does not report folders that only one side has, as long
	// as they are empty.
	IgnoreFolders bool
	// Appended compares the bytes that clients sent to b, where its server
	// made messages anew (AppendRules.Rewrite), in the place of those it has.
	Appended bool
}

// DifferenceKind is how two mailboxes differ.
type DifferenceKind string

// The kinds of differences. A message that was altered is missing in one form
// and extra in another.
const (
	Missing       DifferenceKind = "missing"
	Extra         DifferenceKind = "extra"
	Flags         DifferenceKind = "flags"
	Date          DifferenceKind = "date"
	MissingFolder DifferenceKind = "missing folder"
	ExtraFolder   DifferenceKind = "extra folder"
)

// Difference is one difference of b from a, in a folder named as in b.
type Difference struct {
	Kind   DifferenceKind
	Folder string
	Sum    [sha256.Size]byte
	// A and B are the UIDs on either side, zero where there is none.
	A, B   migration.UID
	Detail string
}

func (d Difference) String() string {
	return fmt.Sprintf("%s in %q: uid %d -> %d, sha256 %x... %s", d.Kind, d.Folder, d.A, d.B, d.Sum[:4], d.Detail)
}

// Compare tells how b differs from a as multisets of folder, bytes, date (the
// instant) and flags. Duplicates count: two copies are not one.
func Compare(a, b *Mailbox, options CompareOptions) []Difference {
	var out []Difference
	left := map[string]string{}
	for _, name := range a.Folders() {
		to := name
		if options.Rename != nil {
			to = options.Rename(name)
		}
		left[to] = name
	}
	right := b.Folders()
	for _, name := range right {
		if _, ok := left[name]; !ok && !(options.IgnoreFolders && b.Len(name) == 0) {
			out = append(out, Difference{Kind: ExtraFolder, Folder: name})
		}
	}
	names := slices.Clone(right)
	for to, from := range left {
		if slices.Contains(right, to) {
			continue
		}
		names = append(names, to)
		if !(options.IgnoreFolders && a.Len(from) == 0) {
			out = append(out, Difference{Kind: MissingFolder, Folder: to})
		}
	}
	slices.Sort(names)
	for _, name := range names {
		var have []Message
		if from, ok := left[name]; ok {
			have = a.Messages(from)
		}
		out = append(out, options.compare(name, have, b.Messages(name))...)
	}
	return out
}

func (o *CompareOptions) compare(folder string, a, b []Message) []Difference {
	if o.Exclude != nil {
		exclude := func(m Message) bool { return o.Exclude(folder, m) }
		a, b = slices.DeleteFunc(a, exclude), slices.DeleteFunc(b, exclude)
	}
	if o.Appended {
		for i := range b {
			if b[i].Appended != nil {
				b[i].Sum = sha256.Sum256(b[i].Appended)
			}
		}
	}
	bySum := map[[sha256.Size]byte][2][]Message{}
	var order [][sha256.Size]byte
	for side, list := range [][]Message{a, b} {
		for _, m := range list {
			pair, seen := bySum[m.Sum]
			if !seen {
				order = append(order, m.Sum)
			}
			pair[side] = append(pair[side], m)
			bySum[m.Sum] = pair
		}
	}
	var out []Difference
	for _, sum := range order {
		pair := bySum[sum]
		out = append(out, o.pair(folder, pair[0], pair[1])...)
	}
	return out
}

// pair matches messages of the same bytes: those that agree in everything
// first, then those that agree in the date, then the others.
func (o *CompareOptions) pair(folder string, a, b []Message) []Difference {
	agree := []func(x, y Message) bool{
		func(x, y Message) bool { return o.sameDate(x, y) && o.flags(x) == o.flags(y) },
		o.sameDate,
		func(Message, Message) bool { return true },
	}
	var out []Difference
	byDate := func(x, y Message) int { return cmp.Or(x.Date.Compare(y.Date), cmp.Compare(x.UID, y.UID)) }
	slices.SortFunc(a, byDate)
	slices.SortFunc(b, byDate)
	for _, same := range agree {
		var rest []Message
		for _, m := range a {
			i := slices.IndexFunc(b, func(n Message) bool { return same(m, n) })
			if i < 0 {
				rest = append(rest, m)
				continue
			}
			out = append(out, o.between(folder, m, b[i])...)
			b = slices.Delete(b, i, i+1)
		}
		a = rest
	}
	for _, m := range a {
		out = append(out, Difference{Kind: Missing, Folder: folder, Sum: m.Sum, A: m.UID})
	}
	for _, m := range b {
		out = append(out, Difference{Kind: Extra, Folder: folder, Sum: m.Sum, B: m.UID})
	}
	return out
}

func (o *CompareOptions) between(folder string, a, b Message) []Difference {
	var out []Difference
	if !o.sameDate(a, b) {
		out = append(out, Difference{Date, folder, a.Sum, a.UID, b.UID, a.Date.Format(time.RFC3339) + " -> " + b.Date.Format(time.RFC3339)})
	}
	if x, y := o.flags(a), o.flags(b); x != y {
		out = append(out, Difference{Flags, folder, a.Sum, a.UID, b.UID, fmt.Sprintf("(%s) -> (%s)", x, y)})
	}
	return out
}

// sameDate compares to the second, which is what INTERNALDATE can say.
func (o *CompareOptions) sameDate(a, b Message) bool {
	return o.IgnoreDates || a.Date.Unix() == b.Date.Unix()
}

func (o *CompareOptions) flags(m Message) string {
	if o.IgnoreFlags {
		return ""
	}
	var list []string
	for _, flag := range m.Flags {
		if !o.IgnoreKeywords || strings.HasPrefix(flag, `\`) {
			list = append(list, strings.ToLower(flag))
		}
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}
