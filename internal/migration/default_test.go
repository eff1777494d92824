package migration

import (
	"strings"
	"testing"
)

func TestDefaultFoldersAreRead(t *testing.T) {
	given, err := ParseDefaultFolders([]string{"sent=Gesendete Elemente", "Junk=Müll/Spam/", "Archive="})
	if err != nil {
		t.Fatal(err)
	}
	d, err := DefaultFolders{"Archive": "Alt", "Trash": "Weg"}.With(given)
	if err != nil {
		t.Fatal(err)
	}
	if got := d.String(); got != "Sent=Gesendete Elemente, Trash=Weg, Junk=Müll/Spam" {
		t.Errorf("got %q", got)
	}
	if d, err := (DefaultFolders)(nil).With(nil); err != nil || len(d) != 0 {
		t.Errorf("got %v, %v", d, err)
	}
}

func TestDefaultFoldersThatMakeNoSense(t *testing.T) {
	for text, says := range map[string]string{
		"Sent":                              "write USE=FOLDER",
		"Calendar=Kalender":                 "is one of Sent, Drafts, Trash, Junk, Archive",
		"Sent=Inbox":                        "name another folder",
		"Sent=a\x07b":                       "cannot be shown",
		"Sent=" + strings.Repeat("x", 1001): "longer than 1000 bytes",
		"Sent=weg":                          `two uses, Sent and Trash`,
	} {
		given, err := ParseDefaultFolders([]string{text})
		if err == nil {
			_, err = DefaultFolders{"Trash": "Weg"}.With(given)
		}
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.20q: got %v", text, err)
		}
	}
	if _, err := ParseDefaultFolders([]string{"Sent=a", "Sent=b"}); err == nil {
		t.Error("a use was taken twice")
	}
}
