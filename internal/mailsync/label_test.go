package mailsync

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// gmailFolders are folders as Gmail lists them, "name use".
func gmailFolders(names ...string) (all []migration.Folder) {
	for _, name := range append([]string{"INBOX", "[Gmail]/All Mail:All", "[Gmail]/Drafts:Drafts", "[Gmail]/Sent Mail:Sent", "[Gmail]/Spam:Junk",
		"[Gmail]/Trash:Trash", "[Gmail]/Starred:Flagged", "[Gmail]/Important:Important", "[Gmail]/Chats"}, names...) {
		name, use, _ := strings.Cut(name, ":")
		all = append(all, migration.Folder{Name: name, Raw: name, Delimiter: '/', Selectable: true, Use: use})
	}
	return append(all, migration.Folder{Name: "[Gmail]", Raw: "[Gmail]", Delimiter: '/'})
}

func TestAMessageIsPlacedByTheFirstOfItsLabels(t *testing.T) {
	a, err := arrange(gmailFolders("Work", "Work/Deep", "b", "A", "[Gmail]x"), "")
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, s := range a.stocks {
		var names []string
		for _, v := range s.views {
			v.taken = true
			names = append(names, v.folder.Name)
		}
		order = append(order, s.raw+": "+strings.Join(names, ", "))
	}
	want := []string{"[Gmail]/All Mail: [Gmail]/Drafts, INBOX, Work/Deep, [Gmail]x, A, b, Work, [Gmail]/Sent Mail, [Gmail]/All Mail",
		"[Gmail]/Spam: [Gmail]/Spam", "[Gmail]/Trash: [Gmail]/Trash", "[Gmail]/Chats: [Gmail]/Chats"}
	if fmt.Sprint(order) != fmt.Sprint(want) {
		t.Errorf("got  %q\nwant %q", order, want)
	}
	for labels, want := range map[string]string{
		"":                          "[Gmail]/All Mail []",
		`\Inbox Work`:               "INBOX [Work]",
		`\inbox \SENT`:              "INBOX [[Gmail]/Sent Mail]",
		`\Draft \Inbox`:             "[Gmail]/Drafts [INBOX]",
		`\Sent Work Work/Deep`:      "Work/Deep [Work [Gmail]/Sent Mail]",
		`\Important \Starred \Mute`: "[Gmail]/All Mail []",
		`Hidden`:                    "[Gmail]/All Mail [Hidden]",
		`work`:                      "[Gmail]/All Mail [work]", // labels have case
	} {
		in, beside := a.stocks[0].place(strings.Fields(labels))
		if got := fmt.Sprint(in.folder.Name, " ", beside); got != want {
			t.Errorf("%q goes to %s, want %s", labels, got, want)
		}
	}
	for _, v := range a.stocks[0].views {
		v.taken = v.folder.Name != "Work" && v.labels != nil
	}
	for _, labels := range []string{"", "Work"} {
		if in, _ := a.stocks[0].place(strings.Fields(labels)); in != nil {
			t.Errorf("%q goes to %s although that is left out", labels, in.folder.Name)
		}
	}
}

func TestLabelsAreSpeltAsKeywords(t *testing.T) {
	v := &view{labels: []string{"Work"}}
	got := v.keywords([]string{`\Inbox`, `\Important`, "Work", "A b(c)%*", "Entw&APw-rfe", `q"\x`})
	if want := "[$Important A_b_c___ Entw&APw-rfe q__x]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
	for _, keyword := range got {
		if !validFlag(keyword) {
			t.Errorf("%q is no keyword", keyword)
		}
	}
}
