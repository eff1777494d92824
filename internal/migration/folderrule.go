package migration

import (
	"fmt"
	"slices"
	"strings"
)

// FolderRule names folders to leave out or to take, in the form of the modelled
// service:
//
//	Name          the folder and everything below it
//	Name/Sub      a folder below another; "/" stands for any server's delimiter
//	Name/*        the same as Name; so are /Name and Name/
//	#SentItems#   the folder with that well-known use, in whatever language
//	#SentItems#/* the same
//	\#Notes\#     a folder whose name really is #Notes#
//
// Names have no case and are relative to the IMAP root. A * inside a name is a
// plain character.
type FolderRule struct {
	text string
	use  string   // special use of RFC 6154, "INBOX", or "*" for #Root#
	path []string // folded levels
}

// wellKnown maps the modelled service's names to special uses. Those that an
// IMAP server never marks (Calendar, Contacts...) match by name.
var wellKnown = map[string]string{
	"root": "*", "inbox": "INBOX", "sentitems": "Sent", "deleteditems": "Trash", "drafts": "Drafts",
	"junkemail": "Junk", "archive": "Archive", "allitems": "All",
	"outbox": "Outbox", "calendar": "Calendar", "contacts": "Contacts", "journal": "Journal", "tasks": "Tasks", "notes": "Notes",
}

// ParseFolderRule reads a rule.
func ParseFolderRule(text string) (FolderRule, error) {
	rule := FolderRule{text: text}
	name := strings.Trim(strings.TrimSuffix(text, "/*"), "/")
	if name == "" {
		return rule, fmt.Errorf("folder rule %q: the name is empty; write Name, Name/* or #WellKnown#", text)
	}
	if strings.HasPrefix(name, "#") {
		known, found := strings.CutSuffix(name[1:], "#")
		use, ok := wellKnown[strings.ToLower(known)]
		if !found || !ok {
			return rule, fmt.Errorf("folder rule %q: no such well-known folder; write #Inbox#, #SentItems#, #DeletedItems#, #Drafts#, #JunkEmail#, #Archive#, #AllItems#, #Root#, or \\# for a real #", text)
		}
		rule.use = use
		return rule, nil
	}
	for level := range strings.SplitSeq(strings.ReplaceAll(name, `\#`, "#"), "/") {
		rule.path = append(rule.path, strings.ToLower(level))
	}
	return rule, nil
}

// String is the rule as it was written.
func (r FolderRule) String() string { return r.text }

// Matches reports whether the rule names the folder or one above it. uses gives
// the special use of each folder by its levels, joined with "/" and folded.
func (r FolderRule) Matches(levels []string, useOf func(levels []string) string) bool {
	folded := make([]string, len(levels))
	for i, level := range levels {
		folded[i] = strings.ToLower(level)
	}
	switch r.use {
	case "":
		return len(folded) >= len(r.path) && slices.Equal(folded[:len(r.path)], r.path)
	case "*":
		return true
	}
	for n := 1; n <= len(levels); n++ {
		if strings.EqualFold(useOf(levels[:n]), r.use) {
			return true
		}
	}
	return folded[0] == strings.ToLower(r.use)
}

// Names reports whether the rule names the folder or one above it: as Matches, or
// spelt as the server spells it, with its delimiter and the prefix of the personal
// namespace, such as INBOX.Work. The prefix alone is the INBOX, not all below it.
func (r FolderRule) Names(f Folder, prefix string, useOf func(levels []string) string) bool {
	levels := f.Levels(prefix)
	if r.use != "" || r.Matches(levels, useOf) {
		return r.Matches(levels, useOf)
	}
	spelt := Folder{Name: strings.Join(r.path, "/"), Delimiter: f.Delimiter}
	return FolderRule{path: spelt.Levels(prefix)}.Matches(levels, useOf)
}

// NamesInbox reports whether the rule names the INBOX, which is of no special use.
func (r FolderRule) NamesInbox() bool {
	return r.Names(Folder{Name: "INBOX", Delimiter: '/'}, "", func([]string) string { return "" })
}

// LeavesOutInbox reports whether the folder rules of a batch leave out the INBOX, where
// new mail arrives.
func (o BatchOptions) LeavesOutInbox() bool {
	naming := func(text string) bool {
		rule, err := ParseFolderRule(text)
		return err == nil && rule.NamesInbox()
	}
	return slices.ContainsFunc(o.Exclude, naming) || len(o.Include) > 0 && !slices.ContainsFunc(o.Include, naming)
}

// TakesFoldersOf reports whether the folder rules of a batch leave out no more than those of
// another, as far as their words tell.
func (o BatchOptions) TakesFoldersOf(other BatchOptions) bool {
	return within(o.Exclude, other.Exclude) && (len(o.Include) == 0 || len(other.Include) > 0 && within(other.Include, o.Include))
}

// within reports whether all of some texts are among others.
func within(some, others []string) bool {
	return !slices.ContainsFunc(some, func(text string) bool { return !slices.Contains(others, text) })
}

// Levels splits a decoded name at the folder's delimiter, without the prefix of
// the personal namespace.
func (f Folder) Levels(prefix string) []string {
	name := f.Name
	if !f.IsInbox() && prefix != "" && len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
		name = name[len(prefix):]
	}
	if f.Delimiter == 0 {
		return []string{name}
	}
	return strings.Split(name, string(f.Delimiter))
}
