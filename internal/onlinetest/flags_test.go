package onlinetest

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailhaul/mailhaul/internal/imap"
	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// Flags that Exchange Online takes and shows as something else are left behind, the red
// flag reaches Outlook, and verify asks for neither more nor less.
func TestFlagsReachOutlookAndVerifyKnowsThem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source, target := piped(t, imapfake.Options{}), piped(t, imapfake.Options{Personality: imapfake.ExchangeOnline()})
		source.box.Deliver("INBOX", []byte("Subject: a\r\n\r\na\r\n"), time.Unix(1_500_000_000, 0), migration.FlagFlagged, migration.FlagSeen, "$MDNSent")
		source.box.Deliver("INBOX", []byte("Subject: b\r\n\r\nb\r\n"), time.Unix(1_500_000_001, 0), "$Label1")
		job := jobFor(source.options(user), target.options(user), ledgerOf(t, openStore(t), user))
		mustRun(t, job)
		got := target.box.Messages("INBOX")
		if len(got) != 2 {
			t.Fatalf("%+v", got)
		}
		for _, m := range got {
			flags, outlook := migration.Flags(m.Flags), migration.Flags(m.Outlook)
			first := m.Date.Unix() == 1_500_000_000
			if flags.Has("$MDNSent") || flags.Has("$Label1") || outlook.Has(migration.FlagFlagged) != first || outlook.Has(migration.FlagSeen) != first {
				t.Errorf("flags %v, in Outlook %v", m.Flags, m.Outlook)
			}
		}
		everything, err := mailsync.ParseSample("all")
		if err != nil {
			t.Fatal(err)
		}
		result, err := mailsync.Verify(t.Context(), job, everything, func(mailsync.Difference) {})
		if err != nil || result.Differences > 0 || result.Equal != 2 {
			t.Errorf("%+v, %v", result, err)
		}
	})
}

// A message that another connection has added after the folder was opened gets its flag.
func TestFlagsReachWhatAnotherConnectionHasAdded(t *testing.T) {
	t.Parallel()
	for _, m := range makers() {
		if m.personality.NoPasswords {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				target := piped(t, imapfake.Options{Personality: m.personality})
				session, err := imap.Dial(t.Context(), target.options(user))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = session.Close() })
				if _, err := session.Open(t.Context(), migration.Open{Folder: "INBOX"}); err != nil {
					t.Fatal(err)
				}
				uid := target.box.Deliver("INBOX", []byte("Subject: a\r\n\r\na\r\n"), time.Unix(1_500_000_000, 0))
				if err := session.StoreFlags(t.Context(), migration.NewUIDSet(uid), true, migration.Flags{migration.FlagFlagged}); err != nil {
					t.Fatal(err)
				}
				if got := target.box.Messages("INBOX"); len(got) != 1 || !migration.Flags(got[0].Flags).Has(migration.FlagFlagged) {
					t.Errorf("%+v", got)
				}
			})
		})
	}
}
