package onlinetest

import (
	"bytes"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// TestWhatExchangeGivesInTheirPlaceIsNotCopied has messages in the place of which an
// Exchange source gives a text of its own, or nothing with its OK, for a while.
func TestWhatExchangeGivesInTheirPlaceIsNotCopied(t *testing.T) {
	t.Parallel()
	for _, from := range []imapfake.Personality{imapfake.Exchange(), imapfake.ExchangeOnline()} {
		for _, to := range []maker{makers()[0], online(imapfake.RewriteEncodings)} {
			t.Run(from.Name+" to "+to.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { unread(t, from, to) })
			})
		}
	}
}

func unread(t *testing.T, from imapfake.Personality, to maker) {
	t.Helper()
	source, target := piped(t, imapfake.Options{Personality: from}), piped(t, imapfake.Options{Personality: to.personality})
	plainMail(source.box, 90)
	lost := map[migration.UID]string{4: migration.CodeSubstitute, 9: migration.CodeUnreadable, 17: migration.CodeSubstitute}
	faults := []imapfake.Rule{imapfake.Unretrievable("INBOX", 4), imapfake.Unretrievable("INBOX", 17),
		{Folder: "INBOX", UID: 9, Do: imapfake.Action{Kind: imapfake.OmitBody}}}
	source.SetFaults(faults...)
	job := jobFor(source.options(user), target.options(user), ledgerOf(t, openStore(t), user))
	for range 3 {
		summary := mustRun(t, job)
		if summary.Messages.Skipped != len(lost) {
			t.Errorf("%+v, %+v", summary.Messages, summary.Findings)
		}
		for uid, code := range lost {
			if !slices.ContainsFunc(summary.Findings, func(f migration.Finding) bool {
				return f.Folder == "INBOX" && f.UID == uid && f.Code == code && f.Reason != "" && f.Remedy != ""
			}) {
				t.Errorf("no finding says %s of message %d: %+v", code, uid, summary.Findings)
			}
		}
		same := imapfake.CompareOptions{IgnoreFolders: true, Appended: to.rewrites, Exclude: func(folder string, m imapfake.Message) bool {
			return folder == "INBOX" && slices.ContainsFunc(source.box.Messages("INBOX"), func(s imapfake.Message) bool { return lost[s.UID] != "" && s.Sum == m.Sum })
		}}
		expectSame(t, source.box, target.box, same)
		for _, m := range target.box.Messages("INBOX") {
			if bytes.Contains(m.Raw, []byte("couldn't retrieve")) {
				t.Errorf("message %d is the server's own", m.UID)
			}
		}
	}
	source.SetFaults()
	job.RetrySkipped = true
	if summary := mustRun(t, job); summary.Messages.Copied != len(lost) {
		t.Errorf("once they can be read: %+v", summary.Messages)
	}
	expectSame(t, source.box, target.box, imapfake.CompareOptions{IgnoreFolders: true, Appended: to.rewrites})
	expectFewErrors(t, target)
}
