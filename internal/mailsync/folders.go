package mailsync

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// FolderPair is a source folder and the target folder its messages go to.
type FolderPair struct {
	Source migration.Folder
	// Target is the decoded name at the target.
	Target string
	// Exists is true when the target has the folder already.
	Exists bool
	// TargetRaw is the target's raw name when it exists.
	TargetRaw string
	// Finding is set when the name differs in more than its delimiter.
	Finding *migration.Finding
	// Default: it differs only because both sides have a default folder for that use,
	// each with a name of its own.
	Default bool
}

// nameRules are what a target wants of names. The zero value fits servers that
// take any name and tell case apart.
type nameRules struct {
	delimiter rune
	prefix    string
	// foldCase: "Work" and "work" are one folder.
	foldCase bool
	// trim: names may not begin or end with a space.
	trim bool
	// forbidden characters beside the delimiter and controls.
	forbidden string
	// reserved top-level names, folded.
	reserved []string
	// local: the names of folders without mail are taken in whatever language, where
	// the target refuses them.
	local bool
	// source and target lead to the default folders of each side.
	source, target guide
	// known are the target names the ledger remembers, by raw source name.
	known map[string]string
}

// rulesFor derives the rules from what is known of the target.
func rulesFor(profile migration.Profile, folders []migration.Folder) nameRules {
	rules := nameRules{delimiter: '/', prefix: personalPrefix(profile)}
	for _, f := range folders {
		if f.Delimiter != 0 && f.Space == migration.Personal {
			rules.delimiter = f.Delimiter
			break
		}
	}
	if profile.Traits.FoldsCase {
		rules.foldCase, rules.trim = true, true
	}
	if profile.Traits.Localises {
		rules.local, rules.target.local = true, true
		rules.reserved = append(notMail(folders, rules.prefix), "files")
	}
	return rules
}

func personalPrefix(profile migration.Profile) string {
	for _, n := range profile.Namespaces {
		if n.Space == migration.Personal {
			return n.Prefix
		}
	}
	return ""
}

// pairing is the state of pairFolders.
type pairing struct {
	sourcePrefix string
	rules        nameRules
	// target folders by compared name, and names given away already.
	existing map[string]migration.Folder
	taken    map[string]bool
	// moved are the source paths whose target path is not their own.
	moved map[string][]string
	// uses are the source paths that go to the target's folder of their use.
	uses map[string]bool
}

// pairFolders decides for each source folder where its messages go. The rule, in
// this order:
//
//  0. What the ledger remembers stays.
//  1. INBOX goes to INBOX.
//  2. A folder of a special use (see guide.uses) goes to the target's folder of
//     that use, if it has one.
//  3. A folder below another follows it.
//  4. Any other keeps its name: the source's namespace prefix is taken off, the
//     levels are joined with the target's delimiter and prefix. A delimiter or a
//     control character inside a level becomes "_". Where the target wants it,
//     spaces at the ends are cut and reserved names get "_renamed": those of its
//     folders without mail, in the language of the mailbox.
//  5. Two folders that would meet at the target are kept apart by " (2)",
//     " (3)"...
//
// Every name that changes in more than its delimiter is a finding. It is pure.
func pairFolders(source, target []migration.Folder, sourcePrefix string, rules nameRules) []FolderPair {
	p := &pairing{sourcePrefix: sourcePrefix, rules: rules, existing: map[string]migration.Folder{}, taken: map[string]bool{}, moved: map[string][]string{}, uses: map[string]bool{}}
	for _, f := range target {
		p.existing[p.compared(f.Name)] = f
	}
	p.taken[p.compared("INBOX")] = true // whatever comes out as INBOX is not the INBOX
	sourceUses, targetUses := rules.source.uses(source, sourcePrefix), rules.target.uses(target, rules.prefix)
	for _, f := range source {
		if name, ok := rules.known[f.Raw]; ok {
			to := migration.Folder{Name: name, Delimiter: rules.delimiter}
			p.moved[strings.Join(f.Levels(sourcePrefix), "\x00")] = to.Levels(rules.prefix)
			p.taken[p.compared(name)] = true
		}
	}
	for use, from := range sourceUses {
		to, ok := targetUses[use]
		if _, remembered := rules.known[from.Raw]; remembered || p.taken[p.compared(to.Name)] {
			continue
		}
		if ok && !from.IsInbox() && !to.IsInbox() {
			path := strings.Join(from.Levels(sourcePrefix), "\x00")
			p.moved[path], p.uses[path] = to.Levels(rules.prefix), true
			p.taken[p.compared(to.Name)] = true
		}
	}
	ordered := slices.Clone(source)
	slices.SortStableFunc(ordered, func(a, b migration.Folder) int {
		return len(a.Levels(sourcePrefix)) - len(b.Levels(sourcePrefix))
	})
	pairs := make([]FolderPair, 0, len(ordered))
	for _, f := range ordered {
		pairs = append(pairs, p.pair(f))
	}
	return pairs
}

func (p *pairing) pair(f migration.Folder) FolderPair {
	if f.IsInbox() {
		return FolderPair{Source: f, Target: "INBOX", TargetRaw: "INBOX", Exists: true}
	}
	levels := f.Levels(p.sourcePrefix)
	path := strings.Join(levels, "\x00")
	to, moved := p.moved[path]
	if !moved {
		to = p.follow(levels)
		to = p.unclashed(to)
		p.moved[path] = to
	}
	name := p.join(to)
	p.taken[p.compared(name)] = true
	pair := FolderPair{Source: f, Target: name}
	if have, ok := p.existing[p.compared(name)]; ok {
		pair.Exists, pair.TargetRaw, pair.Target = have.Selectable, have.Raw, have.Name // a mere level is still to be made
	}
	if !slices.Equal(levels, to) {
		pair.Finding, pair.Default = renamed(f.Name, pair.Target), p.byUse(levels, to)
	}
	return pair
}

// byUse reports whether a name differs by nothing but the default folder that the folder
// is, or is below.
func (p *pairing) byUse(levels, to []string) bool {
	for n := len(levels); n > 0; n-- {
		if p.uses[strings.Join(levels[:n], "\x00")] {
			below := levels[n:]
			return len(to) >= len(below) && slices.Equal(to[len(to)-len(below):], below)
		}
	}
	return false
}

func renamed(from, to string) *migration.Finding {
	return &migration.Finding{
		Code:   migration.CodeFolderRenamed,
		Folder: from,
		Reason: fmt.Sprintf("the folder is called %q at the target", to),
		Remedy: "Tell the person, or rename the folder at the target after the migration.",
	}
}

// renamedSuffix is what a name gets that the target has for something else.
const renamedSuffix = "_renamed"

// follow puts the folder below the target of the one above it.
func (p *pairing) follow(levels []string) []string {
	to := p.fitting(levels)
	for n := len(levels) - 1; n > 0; n-- {
		if above, ok := p.moved[strings.Join(levels[:n], "\x00")]; ok {
			return slices.Concat(above, to[n:])
		}
	}
	return to
}

// fitting changes each level to what the target takes.
func (p *pairing) fitting(levels []string) []string {
	out := make([]string, len(levels))
	for i, level := range levels {
		fit := strings.Map(func(r rune) rune {
			if r == p.rules.delimiter || unicode.IsControl(r) || strings.ContainsRune(p.rules.forbidden, r) {
				return '_'
			}
			return r
		}, level)
		if p.rules.trim {
			fit = strings.TrimSpace(fit)
		}
		if i == 0 && slices.Contains(p.rules.reserved, foldName(fit)) {
			fit += renamedSuffix
		}
		if fit == "" || fit == "." || fit == ".." {
			fit = "_"
		}
		out[i] = fit
	}
	return out
}

// unclashed finds a name that no other source folder has taken.
func (p *pairing) unclashed(levels []string) []string {
	last := len(levels) - 1
	plain := levels[last]
	for n := 2; p.taken[p.compared(p.join(levels))]; n++ {
		levels = slices.Clone(levels)
		levels[last] = fmt.Sprintf("%s (%d)", plain, n)
	}
	return levels
}

func (p *pairing) join(levels []string) string {
	if len(levels) > 1 && strings.EqualFold(levels[0]+string(p.rules.delimiter), p.rules.prefix) {
		levels = levels[1:] // below INBOX already, as everything is here
	}
	return p.rules.prefix + strings.Join(levels, string(p.rules.delimiter))
}

// compared is the name as the target compares it.
func (p *pairing) compared(name string) string {
	if p.rules.foldCase {
		return foldName(name)
	}
	if strings.EqualFold(name, "INBOX") {
		return "INBOX"
	}
	return name
}
