package mailsync

import (
	"strings"
	"testing"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// ruleOf is a folder rule as it is written.
func ruleOf(text string) migration.FolderRule {
	rule, err := migration.ParseFolderRule(text)
	if err != nil {
		panic(err)
	}
	return rule
}

func TestChoicesTellTheRuleThatDecides(t *testing.T) {
	folder := func(name, use string, space migration.Space) migration.Folder {
		return migration.Folder{Name: name, Raw: name, Delimiter: '.', Use: use, Space: space, Selectable: true}
	}
	all := []migration.Folder{
		folder("INBOX", "", migration.Personal), folder("INBOX.Work", "", migration.Personal), folder("INBOX.Work.Old", "", migration.Personal),
		folder("INBOX.Gesendet", "", migration.Personal), folder("user.bert", "", migration.OtherUsers),
		{Name: "INBOX.Holder", Raw: "INBOX.Holder", Delimiter: '.', Space: migration.Personal},
	}
	profile := migration.Profile{Namespaces: []migration.Namespace{{Prefix: "INBOX.", Delimiter: '.', Space: migration.Personal}}}
	told := func(job Job) string {
		choices, err := Choices(t.Context(), all, profile, job)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, c := range choices {
			line := strings.Join(c.Levels, "/") + "-"
			if c.Taken {
				line = strings.Join(c.Levels, "/") + "+"
			}
			lines = append(lines, line+c.Rule)
		}
		return strings.Join(lines, " ")
	}
	for want, job := range map[string]Job{
		"INBOX+ Work+ Work/Old+ Gesendet+":                    {},
		"INBOX+ Work-work Work/Old-work Gesendet-#SentItems#": {Exclude: []migration.FolderRule{ruleOf("work"), ruleOf("#SentItems#")}},
		"INBOX+ Work-#SentItems# Work/Old-#SentItems# Gesendet+": {Exclude: []migration.FolderRule{ruleOf("#SentItems#")},
			SourceDefaults: Defaults{Named: migration.DefaultFolders{"Sent": "work"}}},
		"INBOX- Work- Work/Old+Work/Old Gesendet-":                 {Include: []migration.FolderRule{ruleOf("Work/Old")}},
		"INBOX+ Work+ Work/Old-inbox.work.old Gesendet+":           {Exclude: []migration.FolderRule{ruleOf("inbox.work.old")}},
		"INBOX- Work+INBOX.Work/* Work/Old+INBOX.Work/* Gesendet-": {Include: []migration.FolderRule{ruleOf("INBOX.Work/*")}},
		"INBOX-INBOX Work+ Work/Old+ Gesendet+":                    {Exclude: []migration.FolderRule{ruleOf("INBOX")}},
	} {
		if got := told(job); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	choices, err := Choices(t.Context(), all, profile, Job{SourceRoot: "Work"})
	if err != nil || len(choices) != 2 || choices[0].Folder.Name != "INBOX" || choices[1].Levels[0] != "Old" {
		t.Errorf("below a root: %+v %v", choices, err)
	}
	if _, err := Choices(t.Context(), all, profile, Job{SourceRoot: "Nowhere"}); err == nil {
		t.Error("a root that is not there")
	}
}
