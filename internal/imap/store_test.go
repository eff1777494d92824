package imap_test

import (
	"testing"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Messages that the session does not know are asked for again once the folder was opened
// anew; what it does not know then is not there.
func TestFlagsOfUnknownMessagesAreAskedForAgain(t *testing.T) {
	s := connect(t, greeted("")+`C SELECT A
S * OK [UIDNEXT 9] x
S $T OK [READ-WRITE] x
C NOOP
C UID SEARCH UID 1:3
C UID STORE 1:3 +FLAGS.SILENT (\Flagged)
S $3 OK
S * SEARCH 1
S $4 OK
S $5 OK
C SELECT A
S * OK [UIDNEXT 9] x
S $T OK [READ-WRITE] x
C NOOP
C UID SEARCH UID 2:3
C UID STORE 2:3 +FLAGS.SILENT (\Flagged)
S $7 OK
S * SEARCH 2
S $8 OK
S $9 OK
C NOOP
C UID SEARCH UID 1
C UID STORE 1 -FLAGS.SILENT (\Flagged)
S $10 OK
S * SEARCH 1
S $11 OK
S $12 OK
C NOOP
C UID SEARCH UID 1
C UID STORE 1 -FLAGS.SILENT (\Flagged)
S $13 OK
S $14 BAD no search here
S $15 OK
`, nil)
	if _, err := s.Open(t.Context(), migration.Open{Folder: "A"}); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		uids migration.UIDSet
		add  bool
	}{{migration.UIDsFrom(1, 3), true}, {migration.NewUIDSet(1), false}, {migration.NewUIDSet(1), false}} {
		if err := s.StoreFlags(t.Context(), test.uids, test.add, migration.Flags{migration.FlagFlagged}); err != nil {
			t.Error(err)
		}
	}
}
