package consoletest

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/bench/mailgen"
	"github.com/mailhaul/mailhaul/internal/api"
	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/rigs/dovecotrig"
	"github.com/mailhaul/mailhaul/rigs/effort"
)

// hostile are texts that would run where somebody takes them for more than text.
var hostile = []string{
	`<script>window.__xss=1</script>`, `<img src=x onerror=window.__xss=1>`, `javascript:window.__xss=1`, `"><svg onload=window.__xss=1>`,
	`{{constructor.constructor('window.__xss=1')()}}`, "${window.__xss=1}", "invoice\u202egpj.exe\u2066",
}

// TestNothingThatOthersWriteRuns on any page, and all of it is shown as text.
func TestNothingThatOthersWriteRuns(t *testing.T) {
	effort.LeaveToLong(t)
	t.Parallel()
	c := newCompany(t, nil)
	folders := []string{"INBOX"}
	for _, text := range hostile {
		folders = append(folders, strings.ReplaceAll(text, "/", "|")) // which divides folders
	}
	const address, user = "o'hara+{{7-7}}@example.org", `<img src=x onerror=window.__xss=1>`
	corpus := mailgen.Corpus{Folders: folders}
	at := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	for i, text := range hostile {
		corpus.Messages = append(corpus.Messages, mailgen.Message{Folder: folders[i+1], Date: at, Body: letter(text, at, tooBig)},
			mailgen.Message{Folder: folders[i+1], Date: at, Body: letter(text, at, 0)})
	}
	c.must(load(t, c.source, user, corpus))
	const header = "EmailAddress,UserName,Password,TargetPassword\n"
	row := func(address, user string) string {
		return fmt.Sprintf("%s,%s,%[3]s,%[3]s\n", address, user, dovecotrig.DefaultPassword)
	}
	c.create(control.BatchSpec{Name: "odd"}, header+row(address, user))
	c.ask("odd", "start")
	c.await("odd", "synced", func(live api.LiveBatch) bool {
		return live.Batch.Counts.Synced+live.Batch.Counts.Failed == 1 && live.Batch.Counts.Running == 0
	})
	reason := "seen " + hostile[1]
	_, err := c.api.ApproveBatch(t.Context(), "odd", reason)
	c.must(err)

	const lie = `NO [AUTHENTICATIONFAILED] <img src=x onerror=window.__xss=1> {{7*7}} javascript:window.__xss=1`
	_, err = c.api.CreateEndpoint(t.Context(), control.EndpointSpec{Name: "liar", Host: "127.0.0.1", Port: startLiar(t, lie), Security: "none", AllowCleartext: true}, true)
	c.must(err)
	c.create(control.BatchSpec{Name: "lied-to", Source: "liar"}, header+row("ida.quist@example.org", hostile[3][1:]))
	c.ask("lied-to", "start")
	c.await("lied-to", "failed", func(live api.LiveBatch) bool { return live.Batch.Counts.Failed == 1 })
	tokenName := "nightly " + hostile[1]
	c.must(c.signedIn(func(me *api.Client) error {
		_, err := me.CreateToken(t.Context(), control.TokenSpec{Name: tokenName})
		return err
	}))

	var file strings.Builder
	file.WriteString(strings.TrimSuffix(header, "\n") + ",<img src=x onerror=window.__xss=1>\n")
	for _, text := range hostile {
		quoted := `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
		fmt.Fprintf(&file, "%[1]s,%[1]s,%[1]s,%[1]s,%[1]s\n", quoted)
	}
	play(t, "hostile.mjs", map[string]any{
		"server": c.server.Address, "admin": administrator, "texts": hostile, "folders": folders[1:], "batch": "odd", "mailbox": address, "failing": "lied-to", "failed": "ida.quist@example.org",
		"liar": "liar", "liesOf": strings.TrimPrefix(lie, "NO [AUTHENTICATIONFAILED] "), "tokenName": tokenName, "reason": reason, "file": file.String(), "fileName": hostile[1] + ".csv",
	}, answers{})
}

// startLiar starts a server that speaks just enough IMAP to refuse everybody, and gives
// its port.
func startLiar(t *testing.T, lie string) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go refuse(conn, lie)
		}
	}()
	return listener.Addr().(*net.TCPAddr).Port
}

// refuse answers a connection until it ends.
func refuse(conn net.Conn, lie string) {
	defer conn.Close()
	fmt.Fprintf(conn, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] <script>window.__xss=1</script> ready\r\n")
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		tag, command, _ := strings.Cut(lines.Text(), " ")
		verb, _, _ := strings.Cut(strings.ToUpper(command), " ")
		switch verb {
		case "CAPABILITY":
			fmt.Fprintf(conn, "* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN\r\n%s OK done\r\n", tag)
		case "LOGIN", "AUTHENTICATE":
			fmt.Fprintf(conn, "%s %s\r\n", tag, lie)
		case "LOGOUT":
			fmt.Fprintf(conn, "* BYE\r\n%s OK bye\r\n", tag)
		default:
			fmt.Fprintf(conn, "%s BAD %s\r\n", tag, lie)
		}
	}
}
