package crashtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/relay"
)

func TestInterruptEndsWithStatus130AndTheSameCommandGoesOn(t *testing.T) {
	t.Parallel()
	source, target := startFake(t, imapfake.Options{}), startFake(t, imapfake.Options{})
	from, to := source.AddUser("anna", password), target.AddUser("anna", password)
	mail := newCorpus(21)
	post(from, mail.odd()...)
	post(from, mail.many(600)...)
	// The line to the source is slow, so that there is a middle.
	line, err := relay.Listen(source.addr, relay.Options{Bandwidth: 200 << 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { line.Close() })
	args := []string{
		"copy", "--source", "imap+plain://anna@" + line.Addr(), "--target", "imap+plain://anna@" + target.addr, "--allow-cleartext",
		"--ledger", filepath.Join(t.TempDir(), "ledger.db"), "--settle", "100ms", "--connections", "2", "--json",
	}
	p := start(t, mailhaul(t), args...)
	awaitMail(t, to, 30)
	begun := time.Now()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if status := p.status(t); status != 130 {
		t.Errorf("exit status %d, want 130:\n%s", status, p.stderr.String())
	}
	t.Logf("it ended %v after the signal: %s", time.Since(begun).Round(time.Millisecond), strings.TrimSpace(p.stderr.String()))
	if !strings.Contains(p.stderr.String(), "same command") {
		t.Error("the message does not say that the same command goes on")
	}
	stored := count(to)
	if copied := p.totals(t).Total.Messages.Copied; copied != stored {
		t.Errorf("the summary counts %d copied messages, and the target holds %d", copied, stored)
	}
	if rest := finish(t, mailhaul(t), args...).Total.Messages.Copied; rest != count(from)-stored {
		t.Errorf("the second run copied %d messages, want the other %d", rest, count(from)-stored)
	}
	expectSame(t, from, to, imapfake.CompareOptions{})
}

func count(box *imapfake.Mailbox) int {
	n := 0
	for _, folder := range box.Folders() {
		n += box.Len(folder)
	}
	return n
}

// awaitMail waits until a mailbox holds at least some messages.
func awaitMail(t *testing.T, box *imapfake.Mailbox, least int) {
	t.Helper()
	ticks, limit := time.NewTicker(2*time.Millisecond), time.After(30*time.Second)
	defer ticks.Stop()
	for count(box) < least {
		select {
		case <-ticks.C:
		case <-limit:
			t.Fatalf("only %d messages came", count(box))
		}
	}
}
