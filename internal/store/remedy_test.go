package store

import (
	"io/fs"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestALedgerThatCannotBeWrittenIsNoWrongName(t *testing.T) {
	for remedy, err := range map[string]error{"read-only": unix.EROFS, "for this user": unix.EACCES, "Wait": &lockedError{"another process"}} {
		if got := openRemedy(&fs.PathError{Op: "open", Path: "ledger.db", Err: err}); !strings.Contains(got, remedy) || isMisnamed(err) {
			t.Errorf("%v: %s", err, got)
		}
	}
	if !isMisnamed(unix.ENOTDIR) || !isMisnamed(errNoLedger("it is no file")) {
		t.Error("a wrong name is not taken for one")
	}
}
