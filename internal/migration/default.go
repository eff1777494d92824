package migration

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// DefaultFolders says which folder of a mailbox has which of DefaultUses. Names are
// as in folder rules: "/" between their levels, and no case.
type DefaultFolders map[string]string

// DefaultUses are the special uses (RFC 6154) that a folder can be given.
func DefaultUses() []string { return []string{"Sent", "Drafts", "Trash", "Junk", "Archive"} }

// mostFolderName is the longest name of a default folder in bytes.
const mostFolderName = 1000

// ParseDefaultFolders reads texts such as "Sent=Gesendete Elemente". An empty name is
// kept, for With.
func ParseDefaultFolders(texts []string) (DefaultFolders, error) {
	var d DefaultFolders
	for _, text := range texts {
		use, name, found := strings.Cut(text, "=")
		if !found {
			return nil, fmt.Errorf("%q names no folder: write USE=FOLDER, such as Sent=\"Gesendete Elemente\"", text)
		}
		if d == nil {
			d = DefaultFolders{}
		}
		use = strings.TrimSpace(use)
		for other := range d {
			if strings.EqualFold(other, use) {
				return nil, fmt.Errorf("%s is given twice: a use has one folder", use)
			}
		}
		d[use] = name
	}
	return d, nil
}

// With gives the folders with the changes; an empty name takes a use away. It says
// what is wrong with a change. Uses have no case.
func (d DefaultFolders) With(changes DefaultFolders) (DefaultFolders, error) {
	changed := maps.Clone(d)
	if changed == nil {
		changed = DefaultFolders{}
	}
	given := map[string]bool{}
	for _, use := range slices.Sorted(maps.Keys(changes)) {
		known := slices.IndexFunc(DefaultUses(), func(known string) bool { return strings.EqualFold(known, strings.TrimSpace(use)) })
		if known < 0 {
			return nil, fmt.Errorf("%q is no use of a default folder: it is one of %s", use, strings.Join(DefaultUses(), ", "))
		}
		if given[DefaultUses()[known]] {
			return nil, fmt.Errorf("%s is given twice: a use has one folder", DefaultUses()[known])
		}
		given[DefaultUses()[known]] = true
		name := strings.Trim(strings.TrimSpace(changes[use]), "/")
		if err := checkFolderName(name); err != nil {
			return nil, err
		}
		changed[DefaultUses()[known]] = name
	}
	maps.DeleteFunc(changed, func(_, name string) bool { return name == "" })
	if len(changed) == 0 {
		return nil, nil
	}
	return changed, changed.apart()
}

func checkFolderName(name string) error {
	switch {
	case strings.EqualFold(name, "INBOX"):
		return fmt.Errorf("the INBOX is itself, and can have no other use: name another folder")
	case len(name) > mostFolderName:
		return fmt.Errorf("the folder name %q... is longer than %d bytes: check that it is one", name[:20], mostFolderName)
	case SafeText(name) != name:
		return fmt.Errorf("the folder name %q holds characters that cannot be shown: write it as mail programs show it", name)
	}
	return nil
}

// apart refuses a folder with two uses.
func (d DefaultFolders) apart() error {
	uses := map[string]string{}
	for _, use := range DefaultUses() {
		name := strings.ToLower(d[use])
		if other := uses[name]; name != "" && other != "" {
			return fmt.Errorf("the folder %q would have two uses, %s and %s: give it one", d[use], other, use)
		}
		uses[name] = use
	}
	return nil
}

// String is how people write it: "Sent=Gesendete Elemente, Junk=Spam".
func (d DefaultFolders) String() string {
	var parts []string
	for _, use := range DefaultUses() {
		if name := d[use]; name != "" {
			parts = append(parts, use+"="+name)
		}
	}
	return strings.Join(parts, ", ")
}
