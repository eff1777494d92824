package mailsync

import (
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Several workers wait for a folder to be free. The one that finds it refused
// must have told before the next takes it up.
func TestFolderThatIsRefusedIsToldOnceHoweverManyWait(t *testing.T) {
	play(t, 0, func(t *theatre) {
		for i := range 3 {
			t.deliver("Refused", i)
		}
		for i := range 300 {
			t.deliver("Work", i)
		}
		t.job.Connections = 4
		t.to.before = func(op operation) error {
			time.Sleep(time.Millisecond)
			if op.kind == opOpen && op.folder == "Refused" {
				return faultOf(migration.OneFolder, migration.CodeFolderRefused)
			}
			return nil
		}
		summary := t.run()
		t.expectCounts(summary, 300, 0, 3, 0)
		if summary.FoldersFailed != 1 || codes(summary.Findings) != migration.CodeFolderRefused {
			t.Errorf("%d folders failed, findings %+v", summary.FoldersFailed, summary.Findings)
		}
	})
}
