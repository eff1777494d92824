package mailsync

import (
	"testing"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// A folder opened for reading tells of no permanent flags, and verifying must not
// take that for a folder that keeps none.
func TestAFolderOpenedForReadingKeepsFlags(t *testing.T) {
	there := &side{messages: []migration.Message{{Flags: migration.Flags{`\Seen`, "$label", `\Recent`}}}}
	got := keeping(migration.FolderStatus{ReadOnly: true, PermanentFlags: []string{}, Flags: []string{`\Seen`, "$named"}}, there)
	for flag, want := range map[string]bool{"$named": true, `\Seen`: true, `\Flagged`: true, "$label": true, "$other": false, `\Recent`: false} {
		if got.Keeps(flag) != want {
			t.Errorf("keeps %s: %t, want %t", flag, !want, want)
		}
	}
	if told := keeping(migration.FolderStatus{PermanentFlags: []string{`\Seen`}}, there); told.Keeps(`\Flagged`) {
		t.Error("what the server says does not count")
	}
}
