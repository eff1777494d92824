package oracle

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// DiffOptions says what counts as equal. The zero value compares everything
// but UIDs, which differ between any two servers.
type DiffOptions struct {
	// MapFolder returns the decoded name in the second snapshot of a decoded
	// name in the first; nil means the same name.
	MapFolder func(string) string
	// Ignore leaves a message of either side out; nil means none. IgnoreChurn
	// is the usual one.
	Ignore func(folder string, m Message) bool
	// IgnoreFlags leaves flags and keywords out of the comparison.
	IgnoreFlags bool
	// IgnoreSubscriptions leaves subscriptions out.
	IgnoreSubscriptions bool
	// ExtraFolders allows folders in the second that the first does not have.
	// Their messages are compared all the same: they are too many.
	ExtraFolders bool
}

// IgnoreChurn leaves out messages that a test delivered during the run.
func IgnoreChurn(_ string, m Message) bool { return m.Churn }

// Diff lists in plain lines what the second snapshot lacks or has too much of,
// compared with the first; nothing means that they are equal.
func Diff(a, b Snapshot, o DiffOptions) []string {
	if o.MapFolder == nil {
		o.MapFolder = func(name string) string { return name }
	}
	if o.Ignore == nil {
		o.Ignore = func(string, Message) bool { return false }
	}
	lines := diffFolders(a, b, o)
	same := func(name string) string { return name }
	first, second := contents(a, o, o.MapFolder), contents(b, o, same)
	keys := maps.Clone(first)
	maps.Copy(keys, second)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		switch n := second[key] - first[key]; {
		case n < 0:
			lines = append(lines, fmt.Sprintf("missing %dx: %s", -n, key))
		case n > 0:
			lines = append(lines, fmt.Sprintf("too many %dx: %s", n, key))
		}
	}
	return lines
}

// contents counts the messages of a snapshot by what is compared of them.
func contents(s Snapshot, o DiffOptions, mapFolder func(string) string) map[string]int {
	counts := make(map[string]int)
	for _, f := range s.Folders {
		for _, m := range f.Messages {
			if o.Ignore(f.Name, m) {
				continue
			}
			key := fmt.Sprintf("folder=%q sha256=%s size=%d date=%d", mapFolder(f.Name), m.SHA256, m.Size, m.Date)
			if !o.IgnoreFlags {
				key += " flags=" + flagList(m.Flags)
			}
			counts[key]++
		}
	}
	return counts
}

// flagList is the flags in one spelling: RFC 9051, section 2.3.2 makes them
// case-insensitive.
func flagList(flags []string) string {
	lower := strings.Split(strings.ToLower(strings.Join(flags, ",")), ",")
	slices.Sort(lower)
	return strings.Join(lower, ",")
}

// diffFolders compares the names and subscriptions of selectable folders.
func diffFolders(a, b Snapshot, o DiffOptions) []string {
	var lines []string
	second := make(map[string]Folder)
	for _, f := range b.Folders {
		if f.Selectable {
			second[f.Name] = f
		}
	}
	for _, f := range a.Folders {
		if !f.Selectable {
			continue
		}
		name := o.MapFolder(f.Name)
		g, ok := second[name]
		delete(second, name)
		if !ok {
			lines = append(lines, fmt.Sprintf("missing folder %q", name))
		} else if !o.IgnoreSubscriptions && f.Subscribed != g.Subscribed {
			lines = append(lines, fmt.Sprintf("subscription of %q is %t, want %t", name, g.Subscribed, f.Subscribed))
		}
	}
	if !o.ExtraFolders {
		for _, name := range slices.Sorted(maps.Keys(second)) {
			lines = append(lines, fmt.Sprintf("extra folder %q", name))
		}
	}
	return lines
}
