package mailsync

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// rooted takes of the source's folders those at or under Job.SourceRoot, and the
// root off their names. The rule:
//
//   - The root is written with "/", which stands for the source's delimiter. It is
//     the name as people see it, or as the server spells it (modified UTF-7), with
//     or without the prefix of the personal namespace. Case counts, except that of
//     INBOX at its start.
//   - Whose namespace the folders are in does not matter: an administrator names
//     other people's.
//   - One folder becomes the INBOX: the one that is it by the ledger, else the
//     INBOX directly below the root, else the root itself.
//   - A root that is not the INBOX keeps its own last name, and so does an INBOX
//     that is not; " (2)", " (3)"... keeps them apart from the others and from the
//     INBOX. Each is a finding when it is first met. Such a root is left out while it is empty.
//
// The raw names stay: they address the folders. It is pure.
func rooted(all []migration.Folder, root, prefix string, records []FolderRecord) ([]migration.Folder, []migration.Finding, error) {
	root = strings.Trim(root, "/")
	found := below(all, root, "")
	if len(found) == 0 && prefix != "" {
		found = below(all, root, prefix)
	}
	if len(found) == 0 {
		return nil, nil, noRoot(all, root)
	}
	inbox := inboxOf(found, records)
	taken := map[string]bool{"INBOX": true}
	for _, r := range found {
		taken[r.name()] = true
	}
	var out []migration.Folder
	var findings []migration.Finding
	for _, r := range found {
		from, name := r.folder.Name, r.name()
		switch {
		case r.folder.Raw == inbox:
			name = "INBOX"
		case len(r.levels) == 0 && r.folder.Status != nil && r.folder.Status.Messages == 0:
			continue
		case len(r.levels) == 0, strings.EqualFold(name, "INBOX"):
			name = free(r.last, taken)
			if slices.ContainsFunc(records, func(record FolderRecord) bool { return record.Source == r.folder.Raw }) {
				break // it was told before
			}
			findings = append(findings, migration.Finding{Code: migration.CodeFolderRenamed, Folder: from,
				Reason: fmt.Sprintf("under the UserRoot another folder is the INBOX; the messages of this one go to %q", name),
				Remedy: "Tell the person, or move them at the target after the migration."})
		}
		r.folder.Name = name
		out = append(out, r.folder)
	}
	return out, findings, nil
}

// free finds a name that is nobody's and not the INBOX, and takes it.
func free(plain string, taken map[string]bool) string {
	name := plain
	for n := 2; taken[name] || strings.EqualFold(name, "INBOX"); n++ {
		name = fmt.Sprintf("%s (%d)", plain, n)
	}
	taken[name] = true
	return name
}

// relative is a folder at or under the root.
type relative struct {
	folder migration.Folder
	levels []string // below the root, none for the root itself
	last   string   // level of the name
}

// name is the name below the root, empty for the root itself.
func (r relative) name() string { return strings.Join(r.levels, string(r.folder.Delimiter)) }

// below finds the selectable folders at or under the root.
func below(all []migration.Folder, root, prefix string) (found []relative) {
	for _, f := range all {
		if !f.Selectable {
			continue
		}
		path, delimiter := prefix+root, "\x00"
		if f.Delimiter != 0 {
			delimiter = string(f.Delimiter)
			path = prefix + strings.ReplaceAll(root, "/", delimiter)
		}
		names, depth := strings.Split(f.Name, delimiter), len(strings.Split(path, delimiter))
		if !under(f.Name, path, delimiter) {
			if !under(f.Raw, path, delimiter) {
				continue
			}
			if raw := strings.Split(f.Raw, delimiter); len(raw) != len(names) {
				names = raw // the delimiter is in what was decoded
			}
		}
		found = append(found, relative{f, names[depth:], names[len(names)-1]})
	}
	return found
}

// under reports whether the name is the path or below it.
func under(name, path, delimiter string) bool {
	name, path = upperInbox(name, delimiter), upperInbox(path, delimiter)
	return name == path || strings.HasPrefix(name, path+delimiter)
}

// upperInbox writes an INBOX at the start in capitals (RFC 3501 section 5.1).
func upperInbox(name, delimiter string) string {
	first, rest, more := strings.Cut(name, delimiter)
	switch {
	case !strings.EqualFold(first, "INBOX"):
		return name
	case more:
		return "INBOX" + delimiter + rest
	}
	return "INBOX"
}

// inboxOf gives the raw name of the folder that becomes the INBOX, empty when
// none does.
func inboxOf(found []relative, records []FolderRecord) string {
	known := map[string]string{}
	for _, record := range records {
		known[record.Source] = record.Target
	}
	var best string
	rank := 0
	for _, r := range found {
		target, remembered := known[r.folder.Raw]
		is := 0
		switch {
		case remembered && strings.EqualFold(target, "INBOX"):
			is = 4
		case remembered:
		case slices.Equal(r.levels, []string{"INBOX"}):
			is = 3
		case len(r.levels) == 1 && strings.EqualFold(r.levels[0], "INBOX"):
			is = 2
		case len(r.levels) == 0:
			is = 1
		}
		if is > rank {
			best, rank = r.folder.Raw, is
		}
	}
	return best
}

// noRoot is the fault of a root that is not there.
func noRoot(all []migration.Folder, root string) error {
	const most = 10
	var tops []string
	for _, f := range all {
		top := f.Name
		if f.Delimiter != 0 {
			top, _, _ = strings.Cut(strings.TrimPrefix(f.Name, string(f.Delimiter)), string(f.Delimiter))
		}
		if top = fmt.Sprintf("%q", migration.SafeText(top)); !slices.Contains(tops, top) {
			tops = append(tops, top)
		}
	}
	slices.Sort(tops)
	there := strings.Join(tops[:min(most, len(tops))], ", ")
	if len(tops) > most {
		there += fmt.Sprintf(" and %d more", len(tops)-most)
	}
	return &migration.Fault{Class: migration.OneMailbox, Code: migration.CodeUserRoot, Doing: fmt.Sprintf("looking for the UserRoot %q", root),
		Err:    fmt.Errorf("the source lists no folder for mail at it or under it; on the top level there are %s", there),
		Remedy: "Correct the UserRoot: the path of the person's folder as this sign-in sees it, with / between its levels; or give the sign-in the right to see it."}
}
