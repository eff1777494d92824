package imap_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailhaul/mailhaul/internal/imap"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
)

func TestInboxHasNoCase(t *testing.T) {
	s := connect(t, greeted("LIST-STATUS LIST-EXTENDED")+"C LIST \"\" \"*\" RETURN (SUBSCRIBED STATUS (MESSAGES UIDNEXT UIDVALIDITY))\n"+
		"S * LIST () \"/\" Inbox\nS * STATUS INBOX (MESSAGES 4)\nS * LIST () \"/\" INBOX\nS $T OK", nil)
	folders, err := s.Folders(t.Context())
	if err != nil || len(folders) != 1 || folders[0].Raw != "Inbox" || folders[0].Status == nil || folders[0].Status.Messages != 4 {
		t.Errorf("%+v %v", folders, err)
	}
}

func TestNobodyElsesMailboxIsOpened(t *testing.T) {
	for _, mechanism := range []string{"LOGIN", "COMMAND"} {
		_, script, err := dialScript(discard{t}, "S * OK [CAPABILITY IMAP4rev1 AUTH=LOGIN] x", func(o *imap.Options) {
			o.Credential = imap.Credential{User: "admin", AuthorizeAs: "anna", Password: secret.New("p"), Mechanism: mechanism}
		})
		wantFault(t, err, migration.Login, migration.CodeLogin)
		_ = script.conn.Close()
		<-script.done
	}
}

func TestSecretAcrossACutIsNotShown(t *testing.T) {
	token := strings.Repeat("0123456789abcdef", 200)
	var lines []string
	_, script, err := dialScript(t, "S * OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] x\nC AUTHENTICATE XOAUTH2\nS $T NO "+strings.Repeat(token, 15), func(o *imap.Options) {
		o.Credential = imap.Credential{User: "u", Token: secret.New(token)}
		o.Trace = func(line string) { lines = append(lines, line) }
	})
	wantFault(t, err, migration.Login, migration.CodeLogin)
	if all := strings.Join(lines, "\n") + err.Error(); strings.Contains(all, token[:16]) {
		t.Errorf("%.3000s", all)
	}
	<-script.done
}

// brokenPipe refuses to write once broken, and goes on reading.
type brokenPipe struct {
	net.Conn
	broken *atomic.Bool
}

func (c brokenPipe) Write(p []byte) (int, error) {
	if c.broken.Load() {
		return 0, errors.New("broken pipe")
	}
	return c.Conn.Write(p)
}

func TestLastWordsAreHeardAfterABrokenWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		s, script, err := dialScript(t, greeted(""), func(o *imap.Options) {
			dial := o.Dial
			o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := dial(ctx, network, address)
				return brokenPipe{conn, &broken}, err
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		broken.Store(true)
		go func() {
			time.Sleep(50 * time.Millisecond)
			_, _ = io.WriteString(script.conn, "* BYE Request is throttled. Suggested Backoff Time: 299961 milliseconds\r\n")
			_ = script.conn.Close()
		}()
		_, err = s.UIDs(t.Context())
		wantFault(t, err, migration.Later, migration.CodeThrottled)
		_ = s.Close()
		<-script.done
	})
}

func TestByeWithoutAnEndIsTheReasonToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := connect(t, greeted("")+"C UID SEARCH ALL\nS * BYE Request is throttled. Suggested Backoff Time: 299961 milliseconds", nil)
		_, err := s.UIDs(t.Context())
		wantFault(t, err, migration.Later, migration.CodeThrottled)
	})
}
