package migration

import "testing"

func TestSlashesAtTheEndsOfARuleDoNotMatter(t *testing.T) {
	for _, text := range []string{"Work/Old", "/Work/Old", "Work/Old/", "/work/old/*"} {
		rule, err := ParseFolderRule(text)
		if err != nil || !rule.Matches([]string{"Work", "Old", "2020"}, nil) || rule.Matches([]string{"Work"}, nil) {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"", "/", "/*"} {
		if _, err := ParseFolderRule(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
