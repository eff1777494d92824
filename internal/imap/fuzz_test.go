package imap_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/mailhaul/mailhaul/internal/imap"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// FuzzResponses has a server answer a fetch with anything: the client must end
// the call, deliver only what was asked for, each once, and never hang or panic.
func FuzzResponses(f *testing.F) {
	for _, seed := range []string{
		"* 1 FETCH (UID 1 BODY[] {3}\r\nabc)\r\n",
		"* 1 FETCH (BODY[] {3}\r\nabc UID 2)\r\n* 2 FETCH (UID 1 BODY[] \"x\" FLAGS (\\Seen))\r\n",
		"* LIST (\\Noselect) NIL \"a\"\r\n* STATUS x (MESSAGES 1)\r\n* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n",
		"* SEARCH 1 2 3\r\n* ESEARCH (TAG \"a\") UID ALL 1:3\r\n* VANISHED (EARLIER) 1:9\r\n",
		"* BYE go\r\n", "+ x\r\n", "* CAPABILITY A\r\n* ID (\"a\" NIL)\r\n* ENABLED X\r\n* FLAGS (a)\r\n",
		"* NO [ALERT] Request is throttled. Suggested Backoff Time: 1 milliseconds\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		client, server := net.Pipe()
		go func() {
			defer func() { _ = server.Close() }()
			go func() { _, _ = io.Copy(io.Discard, server) }()
			_, _ = io.WriteString(server, "* OK [CAPABILITY IMAP4rev1] hello\r\n"+string(data))
		}()
		s, err := imap.Dial(t.Context(), imap.Options{
			Endpoint: migration.Endpoint{Host: "x", Port: 1, Security: migration.Cleartext, AllowCleartext: true},
			Dial:     func(context.Context, string, string) (net.Conn, error) { return client, nil },
		})
		if err != nil {
			t.Skip(err)
		}
		var got migration.UIDSet
		asked := migration.UIDsFrom(1, 3)
		err = s.Bodies(t.Context(), asked, func(b migration.Body) error {
			if got.Contains(b.UID) || !asked.Contains(b.UID) {
				t.Errorf("message %d was delivered unasked or twice", b.UID)
			}
			got.Add(b.UID)
			n, err := io.Copy(io.Discard, b.Reader)
			if err == nil && n != b.Size {
				t.Errorf("message %d has %d bytes of %d without an error", b.UID, n, b.Size)
			}
			return err
		})
		var fault *migration.Fault
		if !errors.As(err, &fault) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("no fault: %v", err)
		}
		if fault != nil && strings.ContainsAny(fault.Text, "\r\n\x1b\x00") {
			t.Errorf("unclean text %q", fault.Text)
		}
		_ = s.Close()
	})
}
