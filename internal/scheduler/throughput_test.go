package scheduler

import (
	"testing"

	"github.com/mailhaul/mailhaul/internal/migration"
)

func TestAPassCountsWhatItCopiesOnce(t *testing.T) {
	p := &pass{}
	for _, c := range []struct{ messages, bytes, wantMessages, wantBytes int64 }{{10, 1000, 10, 1000}, {10, 1000, 0, 0}, {15, 900, 5, 0}, {15, 1100, 0, 100}} {
		if got := p.note(migration.MailboxProgress{Messages: c.messages, Bytes: c.bytes}); got != (migration.Copied{Messages: c.wantMessages, Bytes: c.wantBytes}) {
			t.Errorf("%d, %d: %+v", c.messages, c.bytes, got)
		}
	}
	if got := p.end(migration.MailboxProgress{Messages: 20, Bytes: 1100}); got.Messages != 5 || got.Bytes != 0 {
		t.Errorf("at the end: %+v", got)
	}
	c := copied{batches: map[int64]migration.Copied{}}
	c.add(1, migration.Copied{Messages: 1})
	c.add(1, migration.Copied{Bytes: 2})
	c.add(2, migration.Copied{})
	if all := c.take(); len(all) != 1 || all[1] != (migration.Copied{Messages: 1, Bytes: 2}) || len(c.take()) != 0 {
		t.Errorf("%+v", all)
	}
}
