package fidelitytest

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/bench/mailgen"
	"github.com/mailhaul/mailhaul/rigs/dovecotrig"
	"github.com/mailhaul/mailhaul/rigs/oracle"
	"github.com/mailhaul/mailhaul/rigs/rig"
)

// The administrator of a Courier sees everybody's folders below "#shared.", which LIST
// shows only when it is asked for.
func TestUserRootOfARealCourierIsThePersonsMailbox(t *testing.T) {
	needRigs(t)
	p := &pair{t: t, dir: t.TempDir(), source: startHost(t, courier), target: &host{Mail: dovecotrig.StartT(t, dovecotrig.Options{}).Mail}}
	people := []string{"anna", "annabel"} // one name begins with the other
	rows := "EmailAddress,UserName,Password,UserRoot,TargetUserName,TargetPassword\n"
	sent := 0
	for n, person := range people {
		corpus := mailgen.Corpus{Folders: []string{"INBOX", "Work", "Work/2026", "Entw\u00fcrfe"}}
		for i, folder := range corpus.Folders {
			corpus.Messages = append(corpus.Messages, mailgen.Message{Folder: folder, Date: time.Unix(int64(1e9+i), 0), Body: fmt.Appendf(nil, "Subject: %d\r\n\r\n%d\r\n", n, i)})
		}
		if refused, err := mailgen.Fill(t.Context(), p.source.mailTarget(person), corpus); err != nil || len(refused) > 0 {
			t.Fatalf("%+v %v", refused, err)
		}
		sent += len(corpus.Messages)
		rows += fmt.Sprintf("%[1]s@example.org,%[2]s,%[3]s,/#shared/%[1]s,%[1]s,%[4]s\n", person, rig.Admin, rig.AdminPassword, p.target.Password)
	}
	args := []string{
		"copy", "--json", "--csv", p.file("mailboxes.csv", []byte(rows)), "--ledger", filepath.Join(p.dir, "ledger.db"),
		"--source", fmt.Sprintf("imaps://localhost:%d", p.source.TLSPort), "--source-ca", p.file("source.pem", p.source.CAPEM),
		"--target", fmt.Sprintf("imap://localhost:%d", p.target.Port), "--target-ca", p.file("target.pem", p.target.CAPEM),
	}
	if n := summaryOf(t, execute(t, 0, args...)).Total.Messages; n.Copied != sent || n.Source != sent {
		t.Errorf("the counts are %+v, want %d", n, sent)
	}
	if n := summaryOf(t, execute(t, 0, args...)).Total.Messages; n.Copied != 0 || n.Present != sent {
		t.Errorf("the second run has %+v", n)
	}
	for _, person := range people {
		// Subscriptions are the administrator's.
		for _, line := range oracle.Diff(p.source.snapshot(t, person), p.target.snapshot(t, person), oracle.DiffOptions{IgnoreSubscriptions: true, MapFolder: func(name string) string {
			return strings.ReplaceAll(strings.TrimPrefix(name, courier.prefix), courier.separator, "/")
		}}) {
			t.Errorf("%s: %s", person, line)
		}
	}
}

// A message with NUL comes as a literal8 (RFC 3516) from a Cyrus that got it so.
func TestNULOfARealCyrusArrives(t *testing.T) {
	needRigs(t)
	p := &pair{t: t, dir: t.TempDir(), source: startHost(t, cyrus), target: startHost(t, courier)}
	corpus := mailgen.Corpus{Folders: []string{"INBOX"}, Messages: []mailgen.Message{
		{Folder: "INBOX", Date: time.Unix(1e9, 0), Body: []byte("Subject: nul\r\n\r\na\x00b\x00\r\n"), NUL: true},
	}}
	if refused, err := mailgen.Fill(t.Context(), p.source.mailTarget(user), corpus); err != nil || len(refused) > 0 {
		t.Fatalf("%+v %v", refused, err)
	}
	if n := p.summary(p.runTo(0, "copy", "--json")).Total.Messages; n.Copied != 1 {
		t.Errorf("the counts are %+v", n)
	}
	for _, line := range oracle.Diff(p.source.snapshot(t, user), p.target.snapshot(t, user), oracle.DiffOptions{}) {
		t.Error(line)
	}
}
