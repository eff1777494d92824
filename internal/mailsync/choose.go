package mailsync

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Choice is a source folder and what the rules make of it.
type Choice struct {
	// Folder has the name that it goes by below Job.SourceRoot.
	Folder migration.Folder
	// Levels are those of the name that rules mean.
	Levels []string
	Taken  bool
	// Rule is the rule that decided, empty when none did.
	Rule string
	// Holder is the raw name of the server's folder that holds the messages.
	Holder string
}

// Choices says which of a source's folders a first pass of the job would take. Of
// the job it looks at SourceRoot, SourceDefaults, Labels, Exclude and Include only.
func Choices(ctx context.Context, all []migration.Folder, profile migration.Profile, job Job) ([]Choice, error) {
	prefix, root := personalPrefix(profile), strings.Trim(job.SourceRoot, "/")
	if root == "" {
		if err := job.inboxListed(all); err != nil {
			return nil, err
		}
	}
	if hasLabels(profile) {
		listed := all
		made, err := arrange(all, job.Labels)
		if err != nil {
			return nil, err
		}
		all = made.folders()
		for i := range all {
			_, label, _ := strings.Cut(all[i].Raw, between)
			all[i].Status = cmp.Or(statusOf(listed, label), all[i].Status) // as much as there may be
		}
	}
	if root != "" {
		var err error
		if all, _, err = rooted(all, root, prefix, nil); err != nil {
			return nil, err
		}
		prefix = ""
	}
	all, _ = withoutNotMail(all, prefix, profile.Traits, job.Include)
	useOf := usesOf(all, prefix, func() guide {
		asked, _ := job.SourceDefaults.ask(ctx)
		return job.SourceDefaults.guide(profile.Traits, asked)
	})
	return job.choices(all, prefix, root == "", useOf), nil
}

// withoutNotMail leaves out the folders at the top that hold no mail, and all below
// them, unless folders are chosen by name.
func withoutNotMail(all []migration.Folder, prefix string, traits migration.Traits, include []migration.FolderRule) (mail []migration.Folder, findings []migration.Finding) {
	if !traits.Localises || len(include) > 0 {
		return all, nil
	}
	left := notMail(all, prefix)
	for _, f := range all {
		levels := f.Levels(prefix)
		if f.IsInbox() || len(levels) == 0 || !slices.Contains(left, foldName(levels[0])) {
			mail = append(mail, f)
			continue
		}
		if f.Selectable && f.Space == migration.Personal {
			findings = append(findings, migration.Finding{Code: migration.CodeNotMail, Folder: f.Name, Reason: "the folder is for calendars, contacts or notes, which IMAP cannot move; it is left out",
				Remedy: "Export it from the old mailbox with its own program, or name the folder as one to be included."})
		}
	}
	return mail, findings
}

// sharedFinding tells of folders that are not the person's own.
func sharedFinding(all []migration.Folder) []migration.Finding {
	shared := 0
	for _, f := range all {
		if f.Selectable && f.Space != migration.Personal {
			shared++
		}
	}
	if shared == 0 {
		return nil
	}
	return []migration.Finding{{Code: migration.CodeShared, Count: shared, Reason: plural(shared, "folder") + " of other people or shared by all (public folders) left out: they would be copied into everybody's mailbox",
		Remedy: "Migrate them once, as a mailbox of their own, with the path of the shared folders as its root."}}
}

const remedyInbox = "Check on the server that there is a mailbox of this name, that its store is mounted, and that whoever signs in may see and open its INBOX."

// inboxListed refuses a mailbox that lists no INBOX where that is to be taken, or no folder:
// every mailbox has an INBOX (RFC 3501 section 5.1), but some servers let an administrator in
// to a mailbox that is not there, and do not list what nobody may look up (RFC 4314 section
// 4) or what another server has.
func (j *Job) inboxListed(all []migration.Folder) error {
	doing := "listing the folders: the server let us in and shows no INBOX, which every mailbox has"
	if !slices.ContainsFunc(all, func(f migration.Folder) bool { return f.Selectable }) {
		doing = "listing the folders: the server let us in and shows no folder, not even an INBOX"
	}
	taken, _ := j.decide(migration.FolderRule.NamesInbox)
	if slices.ContainsFunc(all, func(f migration.Folder) bool { return f.Selectable && (f.IsInbox() || !taken) }) {
		return nil
	}
	return &migration.Fault{Class: migration.OneMailbox, Code: migration.CodeNotConnected, Doing: doing, Remedy: remedyInbox}
}

// hadInbox reports whether an earlier pass has taken a folder for the INBOX.
func hadInbox(records []FolderRecord) bool {
	return slices.ContainsFunc(records, func(r FolderRecord) bool { return strings.EqualFold(r.Target, "INBOX") })
}

func statusOf(all []migration.Folder, raw string) *migration.FolderStatus {
	for _, f := range all {
		if f.Raw == raw {
			return f.Status
		}
	}
	return nil
}

// choices decides for each folder that can be opened.
func (j *Job) choices(all []migration.Folder, prefix string, personalOnly bool, useOf func([]string) string) []Choice {
	var choices []Choice
	for _, f := range all {
		if !f.Selectable || personalOnly && f.Space != migration.Personal {
			continue
		}
		c := Choice{Folder: f, Levels: f.Levels(prefix)}
		c.Holder, _, _ = strings.Cut(f.Raw, between)
		c.Taken, c.Rule = j.decide(func(rule migration.FolderRule) bool { return rule.Names(f, prefix, useOf) })
		choices = append(choices, c)
	}
	return choices
}

// chosen gives the source folders that Exclude and Include leave, and notes which
// of the rules name one.
func (p *pass) chosen(all []migration.Folder, personalOnly bool) []migration.Folder {
	useOf := usesOf(all, p.sourcePrefix, p.sourceGuide)
	choices := p.choices(all, p.sourcePrefix, personalOnly, useOf)
	var wanted []migration.Folder
	for _, c := range choices {
		if c.Taken {
			wanted = append(wanted, c.Folder)
		}
	}
	p.named = nil
	for _, rule := range slices.Concat(p.Exclude, p.Include) {
		if slices.ContainsFunc(choices, func(c Choice) bool { return rule.Names(c.Folder, p.sourcePrefix, useOf) }) {
			p.named = append(p.named, rule.String())
		}
	}
	return wanted
}

// usesOf tells the special use of a folder by its levels. Nobody is asked before a
// rule wants to know one.
func usesOf(all []migration.Folder, prefix string, leading func() guide) func(levels []string) string {
	byUse := sync.OnceValue(func() map[string]migration.Folder { return leading().uses(all, prefix) })
	return func(levels []string) string {
		for use, f := range byUse() {
			if slices.Equal(f.Levels(prefix), levels) {
				return use
			}
		}
		return ""
	}
}

// decide applies the rules to a source folder, and gives the one that decided.
func (j *Job) decide(named func(migration.FolderRule) bool) (taken bool, rule string) {
	for _, rule := range j.Exclude {
		if named(rule) {
			return false, rule.String()
		}
	}
	for _, rule := range j.Include {
		if named(rule) {
			return true, rule.String()
		}
	}
	return len(j.Include) == 0, ""
}
