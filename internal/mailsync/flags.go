package mailsync

import (
	"maps"
	"slices"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// add notes that the message has these flags.
func (s FlagSets) add(uid migration.UID, flags migration.Flags) {
	for _, flag := range flags {
		name := s.spelling(flag)
		set := s[name]
		set.Add(uid)
		s[name] = set
	}
}

// spelling is the name under which the flag is kept already, or as it is.
func (s FlagSets) spelling(flag string) string {
	if _, ok := s[flag]; ok {
		return flag
	}
	for name := range s {
		if strings.EqualFold(name, flag) {
			return name
		}
	}
	return flag
}

// replaced is s with the flags of the given messages as they are in now.
func (s FlagSets) replaced(uids migration.UIDSet, now FlagSets) FlagSets {
	out := FlagSets{}
	for name, set := range s {
		if rest := set.Minus(uids); !rest.Empty() {
			out[name] = rest
		}
	}
	for name, set := range now {
		if have := set.Intersect(uids); !have.Empty() {
			name = out.spelling(name)
			out[name] = out[name].Union(have)
		}
	}
	return out
}

// carrying and the name of a flag is the name under which the messages are kept
// whose change of this flag is under way to the target. No flag has a space.
const carrying = "carrying "

// with notes that the changes are under way.
func (s FlagSets) with(changes []FlagChange) FlagSets {
	out := FlagSets{}
	maps.Copy(out, s)
	for _, change := range changes {
		name := carrying + change.Flag
		out[name] = out[name].Union(change.Sources)
	}
	return out
}

// FlagChange is one flag to be added to or removed from messages.
type FlagChange struct {
	Flag string
	Add  bool
	// Sources are the source UIDs of the messages.
	Sources migration.UIDSet
}

// planFlags gives what changed at the source between two looks at the given
// messages. Only these differences are carried to the target, so that what a
// person changed there stays (a three-way merge whose base is the last look). It
// is pure.
func planFlags(before, now FlagSets, uids migration.UIDSet) []FlagChange {
	names := map[string]bool{}
	for name := range before {
		names[strings.TrimPrefix(name, carrying)] = true
	}
	for name := range now {
		names[before.spelling(name)] = true
	}
	var changes []FlagChange
	for _, name := range slices.Sorted(maps.Keys(names)) {
		was := before[name].Intersect(uids)
		is := now[now.spelling(name)].Intersect(uids)
		// Of these nobody knows what the target has got: they are carried again.
		open := before[carrying+name].Intersect(uids)
		was = was.Minus(open).Union(open.Minus(is))
		if added := is.Minus(was); !added.Empty() {
			changes = append(changes, FlagChange{Flag: name, Add: true, Sources: added})
		}
		if removed := was.Minus(is); !removed.Empty() {
			changes = append(changes, FlagChange{Flag: name, Sources: removed})
		}
	}
	return changes
}

// keepable splits flags into what the target folder keeps and what it loses.
func keepable(target migration.FolderStatus, flags migration.Flags) (kept, lost migration.Flags) {
	for _, flag := range flags {
		if target.Keeps(flag) && validFlag(flag) {
			kept = append(kept, flag)
		} else {
			lost = append(lost, flag)
		}
	}
	return kept, lost
}

// keepable splits the flags of a message into what the target keeps and what it loses.
// Those it shows to people as something else are neither: nobody misses them.
func (p *pass) keepable(f *folder, flags migration.Flags) (kept, lost migration.Flags) {
	unwanted := p.traits().Unwanted
	return keepable(f.opened, slices.DeleteFunc(slices.Clone(flags), unwanted.Has))
}

// systemOnly is what is left of the flags without keywords.
func systemOnly(flags migration.Flags) migration.Flags {
	return slices.DeleteFunc(slices.Clone(flags), func(flag string) bool { return !strings.HasPrefix(flag, `\`) })
}

// validFlag reports whether the flag can be written in a command: an atom, or a
// backslash and an atom (RFC 3501 section 9). Some servers list others.
func validFlag(flag string) bool {
	atom := strings.TrimPrefix(flag, `\`)
	return atom != "" && !strings.ContainsFunc(atom, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`(){%*"\]`, r)
	})
}
