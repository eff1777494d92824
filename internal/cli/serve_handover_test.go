package cli

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"mime/quotedprintable"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/imapfake"
)

// handoverBench is a server with a batch of two mailboxes: that of anna, of which a
// message is too large for the target, and that of ben, whom the source does not know.
func handoverBench(t *testing.T) (*tlsServer, *postOffice) {
	t.Helper()
	post, source, target := newPostOffice(t), imapfake.New(imapfake.Options{}), imapfake.New(imapfake.Options{})
	t.Cleanup(source.Close)
	t.Cleanup(target.Close)
	anna := source.AddUser("anna", "s0urce-c4nary")
	target.AddUser("anna@new.example.org", "t4rget-c4nary").SetMessageLimit(5000)
	anna.Create("Reisen")
	for i := range 7 {
		anna.Deliver("INBOX", fmt.Appendf(nil, "Subject: number %d\r\n\r\nhello\r\n", i), time.Unix(int64(1e9+i), 0))
	}
	anna.Deliver("Reisen", []byte("Subject: =HYPERLINK(\"http://evil.example\") <script>\r\n\r\n"+strings.Repeat("a picture\r\n", 2000)), time.Unix(1.2e9, 0))
	at := make([]string, 2)
	for i, server := range []*imapfake.Server{source, target} {
		var err error
		if at[i], err = server.Listen(); err != nil {
			t.Fatal(err)
		}
	}
	s := serveTLS(t, "--allow-loopback")
	for i, name := range []string{"old", "new"} {
		s.run("endpoint", "create", name, "imap+plain://"+at[i], "--allow-cleartext", "--skip-verification").want(t, exitDone)
	}
	file := s.keep("pilot.csv", "EmailAddress,UserName,Password,TargetUserName,TargetPassword\nanna@example.org,anna,s0urce-c4nary,anna@new.example.org,t4rget-c4nary\nben@example.org,ben,s0urce-c4nary,ben@new.example.org,t4rget-c4nary\n")
	s.run("batch", "create", file, "--source", "old", "--target", "new").want(t, exitDone)
	return s, post
}

// TestOwnersGetTheirHandovers: by commands, from the batch to the mail of the owner.
func TestOwnersGetTheirHandovers(t *testing.T) {
	t.Parallel()
	s, post := handoverBench(t)
	s.run("mailbox", "handover", "pilot", "anna@example.org").want(t, exitUsage, "never synchronised")
	s.run("batch", "handover", "pilot", "--dry-run").want(t, exitDone, "would go to 0 owners") // it needs no mail server
	s.run("batch", "handover", "pilot", "--contact", "The desk", "--yes").want(t, exitUsage, "no mail server", "mailhaul setting set --smtp-host HOST")
	s.run("setting", "set", "--smtp-host", "localhost", "--smtp-port", strconv.Itoa(post.port), "--smtp-security", "implicit", "--smtp-from", "mailhaul@example.org",
		"--smtp-ca", s.keep("ca.pem", string(post.ca.PEM())), "--smtp-user", "mailhaul", "--smtp-password-file", s.keep("right", mailCanary+"\n")).want(t, exitDone)
	s.run("batch", "handover", "pilot", "--contact", "The desk", "--dry-run").want(t, exitDone, "would go to 0 owners", "never synchronised")
	s.run("batch", "start", "pilot").want(t, exitDone)
	eventually(t, "anna's copy", func() bool {
		return strings.Contains(s.run("mailbox", "show", "pilot", "anna@example.org").out, "Synced")
	})

	text := s.run("mailbox", "handover", "pilot", "anna@example.org", "--contact", "The desk, room 7")
	text.want(t, exitDone, "Your user name there is anna@new.example.org", "Of 8 messages in your old mailbox, 1 could not be brought over", "Larger than the new mailbox accepts: 1 message",
		`"=HYPERLINK("http://evil.example") <script>"`, "in Reisen", "Whom to ask", "The desk, room 7")
	if lines := strings.Split(text.out, "\n"); !slices.ContainsFunc(lines, func(l string) bool { return strings.Join(strings.Fields(l), " ") == "Inbox 7 7 -" }) ||
		!slices.ContainsFunc(lines, func(l string) bool { return strings.Join(strings.Fields(l), " ") == "Reisen 1 0 1" }) {
		t.Errorf("the folders are not counted:\n%s", text.out)
	}
	page := filepath.Join(t.TempDir(), "anna.html")
	s.run("mailbox", "handover", "pilot", "anna@example.org", "--html", "-o", page).want(t, exitDone, page)
	html, err := os.ReadFile(page)
	if err != nil || !strings.Contains(string(html), "&lt;script&gt;") || strings.Contains(string(html), "<script") {
		t.Errorf("%v: %s", err, html)
	}
	table := s.run("report", "handover", "pilot")
	records, err := csv.NewReader(strings.NewReader(table.out)).ReadAll()
	if err != nil || len(records) != 3 || records[1][1] != "anna@new.example.org" || records[2][8] != "" {
		t.Errorf("%v: %q", err, records)
	}

	s.run("batch", "handover", "pilot").want(t, exitUsage, "contact")
	for _, ask := range [][]string{{"--yes"}, nil} {
		s.run(append([]string{"batch", "handover", "pilot", "--contact", "The desk", "--address", "nobody@example.org"}, ask...)...).want(t, exitUsage, "no such mailbox", "no hand-over was mailed")
	}
	s.run("batch", "handover", "pilot", "--contact", "The desk").want(t, exitUsage, "1 owner would get a mail", "say --yes")
	s.run("batch", "handover", "pilot", "--contact", "The desk", "--dry-run").want(t, exitDone, "would go to 1 owner", "anna@new.example.org", "ben@example.org")
	subject := "Subject: Your new mailbox: please have a look"
	if post.about(subject) != 0 {
		t.Error("a dry run has mailed somebody")
	}
	s.run("batch", "handover", "pilot", "--contact", "The desk", "--yes").want(t, exitDone, "hand-overs go to 1 owner")
	eventually(t, "the hand-over", func() bool { return post.about(subject) == 1 })
	s.run("batch", "handover", "pilot", "--contact", "The desk", "--yes", "--address", "anna@example.org", "--address", "nobody@example.org").want(t, exitDone, "no such mailbox")
	eventually(t, "the hand-over that was asked for again", func() bool { return post.about(subject) == 2 })
	s.run("report", "mails", "pilot").want(t, exitDone, "handover", "anna@new.example.org")
	s.run("audit", "list").want(t, exitDone, "batch.handover")

	post.mu.Lock()
	mail := post.mails[slices.IndexFunc(post.mails, func(mail string) bool { return strings.Contains(mail, subject) })]
	post.mu.Unlock()
	_, body, _ := strings.Cut(mail, "\n\n")
	plain, _ := io.ReadAll(quotedprintable.NewReader(strings.NewReader(body)))
	if !strings.Contains(mail, "<anna@new.example.org>") || !strings.Contains(string(plain), "The desk") {
		t.Errorf("the mail is %s", plain)
	}
	for name, written := range map[string]string{"log": s.log.String(), "text": text.out, "page": string(html), "table": table.out, "mail": mail, "text of the mail": string(plain), "audit log": s.run("audit", "list").out} {
		if strings.Contains(written, "c4nary") || written == "" {
			t.Errorf("the %s has a password, or is empty: %s", name, written)
		}
	}
}

// TestSubjectsAreNotShownInAHandoverToWhoOnlyLooks, nor may they mail one.
func TestSubjectsAreNotShownInAHandoverToWhoOnlyLooks(t *testing.T) {
	t.Parallel()
	s, _ := handoverBench(t)
	s.run("batch", "start", "pilot").want(t, exitDone)
	eventually(t, "anna's copy", func() bool {
		return strings.Contains(s.run("mailbox", "show", "pilot", "anna@example.org").out, "Synced")
	})
	s.run("operator", "create", "vera", "--role", "viewer", "--password-file", s.keep("vera", "five six seven eight\n")).want(t, exitDone)
	vera := s.as("vera", "five six seven eight")
	for _, file := range []string{"handover.txt", "handover.html"} {
		body, err := vera.Handover(context.WithoutCancel(t.Context()), "pilot", "anna@example.org", file, "")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(body)
		body.Close()
		if err != nil || strings.Contains(string(text), "HYPERLINK") || !strings.Contains(string(text), "Reisen") {
			t.Errorf("%v: %s", err, text)
		}
	}
}
