package cli

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// said is all that is on record of what was said for a person's mailbox.
func (s *serving) said(n int) string {
	s.Helper()
	passes, err := s.service.Transcripts(s.Context(), boss, "pilot", person(n))
	s.must(err)
	var all strings.Builder
	for _, p := range passes {
		all.WriteString(p.Text)
	}
	return all.String()
}

// expectHarmless expects a transcript of both sides without a secret or mail.
func (s *serving) expectHarmless(said string, n int) {
	s.Helper()
	for _, want := range []string{" source 1 S: * OK", " source 1 C: ", " target 1 C: "} {
		if !strings.Contains(said, want) {
			s.Errorf("%s lacks %q:\n%s", person(n), want, said)
		}
	}
	for _, side := range []string{"old-", "new-"} {
		secret := side + person(n)
		for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte("\x00" + person(n) + "\x00" + secret)), base64.StdEncoding.EncodeToString([]byte(secret))} {
			if strings.Contains(said, form) {
				s.Errorf("%s holds %q", person(n), form)
			}
		}
	}
	for _, mail := range []string{"Subject: letter", "text text", "Message-ID"} {
		if strings.Contains(said, mail) {
			s.Errorf("%s holds mail: %q", person(n), mail)
		}
	}
}

func TestTranscriptsHoldNoSecretAndNoMail(t *testing.T) {
	serveBoth(t, servingOptions{mailboxes: 1, letters: 40}, func(s *serving) {
		s.create("pilot")
		s.do(s.service.StartBatch, "pilot")
		s.awaitState("pilot", migration.BatchSynced)
		said := s.said(0)
		s.expectHarmless(said, 0)
		if !strings.Contains(said, " LIST ") || !strings.Contains(said, "APPEND") || !strings.Contains(said, "FETCH") || !strings.Contains(said, "Work/Old") {
			s.Errorf("the pass is not told:\n%s", said)
		}
		s.expectFolders()
	})
}

func TestATranscriptTellsARefusalWithoutThePasswordThatTheServerRepeats(t *testing.T) {
	refuse := imapfake.Action{Kind: imapfake.Answer, Text: "NO [AUTHENTICATIONFAILED] it is not new-" + person(0) + ", it seems"}
	s := newServing(t, t.TempDir()+"/mailhaul.db", servingOptions{mailboxes: 1, letters: 4,
		new: imapfake.Options{Faults: []imapfake.Rule{{Command: "AUTHENTICATE", Do: refuse}, {Command: "LOGIN", Do: refuse}}}})
	s.create("pilot")
	s.do(s.service.PreflightBatch, "pilot")
	s.await(time.Minute, "the preflight is over", func() bool { return s.rows("pilot")[0].Preflight != nil })
	s.do(s.service.StartBatch, "pilot")
	s.await(time.Minute, "the pass has failed", func() bool { return s.rows("pilot")[0].Facts.Failed })
	said := s.said(0)
	s.expectHarmless(said, 0)
	if strings.Count(said, "AUTHENTICATIONFAILED") < 2 {
		s.Errorf("the refusals are not told:\n%s", said)
	}
	if folders, err := s.service.Folders(s.Context(), boss, "pilot", person(0)); err != nil || len(folders) != 0 {
		s.Errorf("of who was refused: %+v, %v", folders, err)
	}
}

// expectFolders expects those of the first person to be whole.
func (s *serving) expectFolders() {
	s.Helper()
	folders, err := s.service.Folders(s.Context(), boss, "pilot", person(0))
	s.must(err)
	want := map[string]control.MailboxFolder{
		"INBOX": {Source: "INBOX", Target: "INBOX", SourceMessages: 20, Copied: 20, State: control.FolderDone},
		"Sent":  {Source: "Sent", Target: "Sent", SourceMessages: 10, Copied: 10, State: control.FolderDone},
		// The folder above it has no mail.
		"Work/Old": {Source: "Work/Old", Target: "Work/Old", SourceMessages: 10, Copied: 10, State: control.FolderDone},
	}
	for _, f := range folders {
		if w, listed := want[f.Source]; listed && f == w {
			delete(want, f.Source)
		}
	}
	if len(want) > 0 {
		s.Errorf("the folders are %+v", folders)
	}
}

func TestNamesOfFoldersAreForPeople(t *testing.T) {
	for raw, want := range map[string]string{"INBOX": "INBOX", "Entw&APw-rfe": "Entwürfe", "[Gmail]/Alle Nachrichten\x00Arbeit/&APw-": "Arbeit/ü", "[Gmail]/Spam\x00": "[Gmail]/Spam"} {
		if got := folderName(raw); got != want {
			t.Errorf("%q is %q, want %q", raw, got, want)
		}
	}
}
