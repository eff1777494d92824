package imap

import (
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

func TestRefusals(t *testing.T) {
	tests := []struct {
		kind  kind
		line  string
		class migration.Class
		code  string
		after time.Duration
	}{
		{kindAppend, "Request is throttled. Suggested Backoff Time: 299609 milliseconds", migration.Later, migration.CodeThrottled, 299609 * time.Millisecond},
		{kindFetch, "[LIMIT] UID FETCH Rate limit hit", migration.Later, migration.CodeThrottled, 0},
		{kindLogin, "[ALERT] Too many simultaneous connections. (Failure)", migration.Later, migration.CodeTooManyConns, 0},
		{kindLogin, "[UNAVAILABLE] Temporary authentication failure.", migration.Later, migration.CodeServerBusy, 0},
		{kindLogin, "[AUTHENTICATIONFAILED] Invalid credentials", migration.Login, migration.CodeLogin, 0},
		{kindLogin, "LOGIN failed.", migration.Login, migration.CodeLogin, 0},
		{kindFolder, "User is authenticated but not connected.", migration.OneMailbox, migration.CodeNotConnected, 0},
		{kindAppend, "Maximum size of appendable message has been exceeded", migration.OneMessage, migration.CodeTooLarge, 0},
		{kindAppend, "[TOOBIG] no", migration.OneMessage, migration.CodeTooLarge, 0},
		{kindAppend, "Command Argument Error. 11", migration.OneMessage, migration.CodeRejected, 0},
		{kindFolder, "Command Argument Error. 11", migration.OneFolder, migration.CodeFolderRefused, 0},
		{kindAppend, "[OVERQUOTA] Quota exceeded (mailbox for user is full)", migration.OneMailbox, migration.CodeQuota, 0},
		{kindAppend, "Over quota", migration.OneMailbox, migration.CodeQuota, 0},
		{kindAppend, "[TRYCREATE] Mailbox doesn't exist", migration.OneFolder, migration.CodeFolderMissing, 0},
		{kindFolder, "[ALREADYEXISTS] Mailbox already exists", migration.OneFolder, migration.CodeFolderExists, 0},
		{kindFolder, "Mailbox already exists", migration.OneFolder, migration.CodeFolderExists, 0},
		{kindFolder, "Folder name is reserved", migration.OneFolder, migration.CodeFolderRefused, 0},
		{kindAppend, "[SERVERBUG] Internal error occurred", migration.OneMessage, migration.CodeServerBug, 0},
		{kindFetch, "UID FETCH failed", migration.OneMessage, migration.CodeUnreadable, 0},
		{kindAppend, "[SERVERBUG] Request is throttled. Suggested Backoff Time: 299961 milliseconds", migration.Later, migration.CodeThrottled, 299961 * time.Millisecond},
		{kindLogin, "[AUTHENTICATIONFAILED] Request is throttled. Suggested Backoff Time: 1000 milliseconds", migration.Later, migration.CodeThrottled, time.Second},
		{kindAppend, "[SERVERBUG] Try again later", migration.Later, migration.CodeServerBusy, 0},
		{kindAppend, "Message exceeds the mailbox quota limit", migration.OneMailbox, migration.CodeQuota, 0},
		{kindFetch, "[OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)", migration.Later, migration.CodeThrottled, time.Hour},
		{kindLogin, "[ALERT] Account exceeded command or bandwidth limits. (Failure)", migration.Later, migration.CodeThrottled, time.Hour},
		{kindFolder, "[INUSE] Mailbox is locked", migration.Later, migration.CodeServerBusy, 0},
	}
	c := &conn{}
	for _, test := range tests {
		fault := c.judge(parseStatus("NO", test.line), test.kind)
		if fault.Class != test.class || fault.Code != test.code || fault.After != test.after {
			t.Errorf("%s: %q is %s, %s, %s; want %s, %s, %s", test.kind, test.line, fault.Class, fault.Code, fault.After, test.class, test.code, test.after)
		}
	}
}

func TestStatusWithBracketsInItsCode(t *testing.T) {
	s := parseStatus("ok", `[BADCHARSET ("a]b")] text [x]`)
	if s.status != "OK" || s.code != "BADCHARSET" || s.arguments != `("a]b")` || s.text != "text [x]" {
		t.Errorf("%+v", s)
	}
	if s := parseStatus("OK", "[never closed"); s.code != "" || s.text != "[never closed" {
		t.Errorf("%+v", s)
	}
}

func TestSetsFitACommandLine(t *testing.T) {
	var uids migration.UIDSet
	for uid := migration.UID(4_000_000_000); uid < 4_000_100_000; uid += 2 {
		uids.Add(uid)
	}
	var all migration.UIDSet
	for _, part := range sets(uids) {
		if len(part.String()) > setMost {
			t.Fatal(len(part.String()))
		}
		all = all.Union(part)
	}
	if !all.Equal(uids) {
		t.Error("messages are missing")
	}
}
