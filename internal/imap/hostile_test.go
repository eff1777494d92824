package imap_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailhaul/mailhaul/internal/imap"
	"github.com/mailhaul/mailhaul/internal/migration"
)

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
