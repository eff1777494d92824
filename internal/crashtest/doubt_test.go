package crashtest

import (
	"slices"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// doubtful is a mailbox whose first pass lost the line right after its messages
// had been stored or refused by the cut, so that all of them are in doubt.
type doubtful struct {
	source, target *fake
	job            mailsync.Job
}

// beginDoubt makes one with some messages; the answers to the first APPENDs are
// lost. stored says whether the target kept the messages.
func beginDoubt(t *testing.T, stored bool) *doubtful {
	t.Helper()
	d := &doubtful{source: startFake(t, imapfake.Options{}), target: startFake(t, imapfake.Options{})}
	for i := range 6 {
		d.source.AddUser("anna", password).Deliver("INBOX", []byte{'a' + byte(i), '\r', '\n'}, time.Unix(1e9+int64(i), 0))
	}
	d.target.AddUser("anna", password)
	kind := imapfake.Close
	if stored {
		kind = imapfake.CloseUnanswered
	}
	d.target.SetFaults(imapfake.Rule{Command: "APPEND", First: 1, Do: imapfake.Action{Kind: kind}})
	d.job = jobFor(optionsFor(d.source.addr, "anna"), optionsFor(d.target.addr, "anna"), ledgerOf(t, openStore(t), "anna"))
	d.job.Connections, d.job.Tries, d.job.Settle = 1, -1, time.Hour
	return d
}

// interrupt makes a pass that ends with the messages in doubt.
func (d *doubtful) interrupt(t *testing.T) {
	t.Helper()
	d.job.Settle = time.Hour
	stopped := stopWhen(t, d.job, func() bool { return d.target.Counts().Commands["APPEND"] > 0 && d.target.Counts().Open == 0 })
	if code := migration.CodeOf(stopped); stopped == nil || code != migration.CodeInterrupted {
		t.Fatalf("the interrupted pass ended with %v", stopped)
	}
	d.job.Settle = settle
}

func TestFlagsThatChangeWhileAMessageIsInDoubtArrive(t *testing.T) {
	for _, stored := range []bool{true, false} {
		t.Run(map[bool]string{true: "stored", false: "not stored"}[stored], func(t *testing.T) {
			d := beginDoubt(t, stored)
			d.interrupt(t)
			source, target := d.source.User("anna"), d.target.User("anna")
			d.flag(t, 1, `\Seen`)
			mustRun(t, d.job)
			expectIdle(t, d.job)
			expectSame(t, source, target, imapfake.CompareOptions{})
			d.flag(t, 1)
			mustRun(t, d.job)
			expectSame(t, source, target, imapfake.CompareOptions{})
		})
	}
}

func (d *doubtful) flag(t *testing.T, uid migration.UID, flags ...string) {
	t.Helper()
	if err := d.source.User("anna").SetFlags("INBOX", uid, flags...); err != nil {
		t.Fatal(err)
	}
}

func TestMessageThatLeavesTheSourceWhileInDoubtIsNotMissed(t *testing.T) {
	d := beginDoubt(t, true)
	d.interrupt(t)
	if err := d.source.User("anna").Expunge("INBOX", 2, 3); err != nil {
		t.Fatal(err)
	}
	mustRun(t, d.job)
	expectIdle(t, d.job)
	gone := func(_ string, m imapfake.Message) bool { return slices.Contains([]byte("bc"), m.Raw[0]) }
	expectSame(t, d.source.User("anna"), d.target.User("anna"), imapfake.CompareOptions{Exclude: gone})
}
