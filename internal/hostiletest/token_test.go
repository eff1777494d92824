package hostiletest

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/mailhaul/mailhaul/internal/imap"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
)

// The bearer token of the cases.
const token = "ya29.c4nary-token_+/=abc"

// Nothing that a client with a token says of itself shows the token, and nothing
// of what a server says that repeats it.
func TestTokensAreNotShown(t *testing.T) {
	refusal := base64.StdEncoding.EncodeToString([]byte(`{"status":"401","token":"` + token + `"}`))
	for _, mechanism := range []string{"XOAUTH2", "OAUTHBEARER"} {
		for name, script := range map[string]string{
			"a challenge that repeats it":   "C\nS + " + refusal + "\nC\nS * NO [ALERT] " + token + " " + refusal,
			"BYE that repeats it":           "C\nS * BYE [ALERT] " + token + " " + refusal + "\nFIN",
			"capabilities that repeat it":   "C\nS * CAPABILITY IMAP4rev1 " + token + " " + refusal + "\nS * OK [CAPABILITY " + token + "] x\nFIN",
			"an answer that cannot be read": "C\nS * LIST " + token + " (\nS " + token + " " + refusal + "\nFIN",
			"a server that goes on asking":  "C\n" + strings.Repeat("S + "+refusal+"\n", 30),
		} {
			t.Run(mechanism+": "+name, func(t *testing.T) {
				client, server := loopback(t)
				e := &evil{done: make(chan struct{})}
				go e.play(t, server, "S * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH="+mechanism+"] hello\n"+script+"\nFIN")
				var shown collected // the trace comes from several goroutines
				options := imap.Options{
					Endpoint:   migration.Endpoint{Host: host, Port: 143, Security: migration.Cleartext, AllowCleartext: true},
					Credential: imap.Credential{User: user, Token: secret.New(token)},
					Dial:       func(context.Context, string, string) (net.Conn, error) { return client, nil },
					Log:        slog.New(slog.NewJSONHandler(&shown, &slog.HandlerOptions{Level: slog.LevelDebug})),
				}
				fmt.Fprintf(&shown, "%v %+v %#v %s %q\n", options, options, options, options.Credential, options.Credential.Token)
				options.Trace = func(line string) { fmt.Fprintln(&shown, line) }
				options.Steps = func(_ imap.Step, detail string, err error) { fmt.Fprintln(&shown, detail, err) }
				session, err := imap.Dial(t.Context(), options)
				if err == nil {
					fmt.Fprintf(&shown, "%+v", session.Profile())
					_ = session.Close()
				}
				fault := migration.FaultOf(err)
				fmt.Fprintf(&shown, "%v %+v %#v", err, fault, fault)
				_ = client.Close()
				<-e.done
				absent(t, "what was shown", shown.bytes(), newCanary("token", token), newCanary("upper-case token", strings.ToUpper(token)))
			})
		}
	}
}
