package imap_test

import (
	"fmt"
	"testing"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// TestLabelsAreRead has the spellings that Gmail has been seen to use.
func TestLabelsAreRead(t *testing.T) {
	s := connect(t, greeted("X-GM-EXT-1")+`C UID FETCH 1:5 (UID X-GM-MSGID X-GM-LABELS)
S * 1 FETCH (X-GM-MSGID 1278455344230334865 X-GM-LABELS (\Inbox \Sent Important "Muy Importante" foo) UID 1)
S * 2 FETCH (UID 2 X-GM-LABELS ("\\Inbox" "a\"b]" "Entw&APw-rfe") X-GM-MSGID 18446744073709551615)
S * 3 FETCH (UID 3 X-GM-MSGID 7 X-GM-LABELS ())
S * 4 FETCH (UID 4 FLAGS (\Seen))
S * 4 FETCH (UID 4 X-GM-MSGID 8 X-GM-LABELS NIL)
S $T OK Success
`, nil)
	got := map[migration.UID]string{}
	err := s.Attributes(t.Context(), migration.UIDsFrom(1, 5), []string{"X-GM-MSGID", "X-GM-LABELS"}, func(uid migration.UID, values map[string]string) error {
		got[uid] = fmt.Sprintf("%s %q", values["X-GM-MSGID"], values["X-GM-LABELS"])
		return nil
	})
	want := map[migration.UID]string{
		1: `1278455344230334865 "\\Inbox\n\\Sent\nImportant\nMuy Importante\nfoo"`, 2: `18446744073709551615 "\\Inbox\na\"b]\nEntw&APw-rfe"`, 3: `7 ""`, 4: `8 ""`,
	}
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v, %v\nwant %v", got, err, want)
	}
}
