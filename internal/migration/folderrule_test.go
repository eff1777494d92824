package migration

import (
	"strings"
	"testing"
)

// useOf plays a mailbox whose sent folder is "Gesendet" and whose junk folder is
// "Ordner/Müll".
func useOf(levels []string) string {
	switch strings.Join(levels, "/") {
	case "Gesendet":
		return "Sent"
	case "Ordner/Müll":
		return "Junk"
	}
	return ""
}

func TestFolderRulesMatch(t *testing.T) {
	for _, test := range []struct {
		rule     string
		match    string // names, separated by ";"
		mismatch string
	}{
		{"Work", "Work;work;WORK/Old;Work/a/b", "Workshop;Home/Work;Wor"},
		{"Work/Old", "Work/Old;work/OLD/x", "Work;Work/Older;Old"},
		{"Work/*", "Work;Work/Old", "Workshop"},
		{"Work*", "Work*", "Work;Works"},
		{"*", "*", "Work"},
		{"ÜBUNG", "Übung;übung/x", "Ubung"},
		{"#SentItems#", "Gesendet;Gesendet/2020;Sent", "gesendet;Sent Items;x/Gesendet"},
		{"#sentitems#/*", "Gesendet;Gesendet/2020", "Work"},
		{"#JunkEmail#", "Ordner/Müll;Ordner/Müll/x", "Ordner"},
		{"#Inbox#", "INBOX;Inbox;INBOX/x", "Work;x/INBOX"},
		{"#Calendar#", "Calendar;calendar/2020", "Kalender"},
		{"#Root#", "INBOX;Work;a/b/c", ""},
		{`\#Notes\#`, "#Notes#;#notes#/x", "Notes"},
		{`a/\#b`, "a/#b", `a/\#b`},
	} {
		rule, err := ParseFolderRule(test.rule)
		if err != nil {
			t.Errorf("%s: %v", test.rule, err)
			continue
		}
		if rule.String() != test.rule {
			t.Errorf("%s shows as %s", test.rule, rule)
		}
		for want, names := range map[bool]string{true: test.match, false: test.mismatch} {
			if names == "" {
				continue
			}
			for name := range strings.SplitSeq(names, ";") {
				if rule.Matches(strings.Split(name, "/"), useOf) != want {
					t.Errorf("%s matches %s: %v", test.rule, name, !want)
				}
			}
		}
	}
}

func TestFolderRulesThatAreNone(t *testing.T) {
	for _, text := range []string{"", "/*", "#", "##", "#Sent#", "#Inbox", "#Inbox#x", "#Notes#/Sub"} {
		if rule, err := ParseFolderRule(text); err == nil {
			t.Errorf("%q is taken as %+v", text, rule)
		} else if !strings.Contains(err.Error(), "folder rule") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestLevelsLeaveThePrefixOut(t *testing.T) {
	for _, test := range []struct {
		name      string
		delimiter rune
		prefix    string
		want      string
	}{
		{"a/b/c", '/', "", "a|b|c"},
		{"INBOX.a.b", '.', "INBOX.", "a|b"},
		{"inbox.a", '.', "INBOX.", "a"},
		{"INBOX", '.', "INBOX.", "INBOX"},
		{"INBOX.", '.', "INBOX.", "INBOX|"},
		{"other.a", '.', "INBOX.", "other|a"},
		{"a.b", 0, "", "a.b"},
		{"ä→b", '→', "", "ä|b"},
	} {
		f := Folder{Name: test.name, Delimiter: test.delimiter}
		if got := strings.Join(f.Levels(test.prefix), "|"); got != test.want {
			t.Errorf("%q without %q: %q, want %q", test.name, test.prefix, got, test.want)
		}
	}
}

// New mail arrives in the INBOX: a batch that leaves it out brings none along.
func TestABatchMayLeaveOutTheInbox(t *testing.T) {
	for _, c := range []struct {
		exclude, include []string
		want             bool
	}{
		{nil, nil, false},
		{[]string{"Archive", "INBOX/Old"}, nil, false},
		{[]string{"inbox"}, nil, true},
		{[]string{"#Inbox#/*"}, nil, true},
		{[]string{"#Root#"}, nil, true},
		{nil, []string{"Archive"}, true},
		{nil, []string{"INBOX/Old"}, true},
		{nil, []string{"Archive", "Inbox/*"}, false},
		{nil, []string{"#Inbox#"}, false},
		{[]string{"INBOX"}, []string{"INBOX"}, true},
	} {
		if got := (BatchOptions{Exclude: c.exclude, Include: c.include}).LeavesOutInbox(); got != c.want {
			t.Errorf("without %q, with %q: %v", c.exclude, c.include, got)
		}
	}
}

func TestABatchTakesTheFoldersOfAnother(t *testing.T) {
	for _, c := range []struct {
		exclude, include           []string
		otherExclude, otherInclude []string
		want                       bool
	}{
		{want: true},
		{exclude: []string{"a"}},
		{exclude: []string{"a"}, otherExclude: []string{"b", "a"}, want: true},
		{otherExclude: []string{"a"}, want: true},
		{include: []string{"a"}},
		{include: []string{"a"}, otherInclude: []string{"a", "b"}},
		{include: []string{"a", "b"}, otherInclude: []string{"a"}, want: true},
		{otherInclude: []string{"a"}, want: true},
	} {
		its, other := BatchOptions{Exclude: c.exclude, Include: c.include}, BatchOptions{Exclude: c.otherExclude, Include: c.otherInclude}
		if got := its.TakesFoldersOf(other); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
