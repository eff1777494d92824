package hostiletest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/api"
	"github.com/mailhaul/mailhaul/internal/cli"
	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/secret"
)

// More secrets, of the server.
const (
	rotatedPassword  = `R0tated"c4nary\+/=&%î`
	operatorPassword = `0perator"c4nary\+/=&%ô`
	smtpPassword     = `Smtp"c4nary0\+/=&%â`
	hookPassword     = `H00k"c4nary0\+/=&%û`
)

var serverSecrets = append([]canary{
	newCanary("rotated password", rotatedPassword), newCanary("operator's password", operatorPassword),
	newCanary("SMTP password", smtpPassword), newCanary("webhook secret", hookPassword),
}, secrets...)

// collected is what was written to a place, by whoever.
type collected struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (c *collected) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.Write(p)
}

func (c *collected) bytes() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Clone(c.text.Bytes())
}

// await waits for something to be written, and gives the group of the pattern.
func (c *collected) await(t *testing.T, pattern string) string {
	t.Helper()
	var found []string
	eventually(t, pattern, func() bool {
		found = regexp.MustCompile(pattern).FindStringSubmatch(string(c.bytes()))
		return found != nil
	})
	return found[1]
}

// eventually looks again and again until it is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	deadline, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	for !so() {
		select {
		case <-tick.C:
		case <-deadline.Done():
			t.Fatalf("never: %s", what)
		}
	}
}

// echoingSMTP takes mail over TLS. To the first who signs in it repeats, in its
// refusal, what it was told. What it takes goes to mails.
func echoingSMTP(t *testing.T, ca *imapfake.CA, mails io.Writer) (port int) {
	t.Helper()
	certificate, err := ca.Issue("localhost")
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
	if err != nil {
		t.Fatal(err)
	}
	var lines sync.WaitGroup
	lines.Go(func() {
		for refusals := 1; ; refusals-- {
			line, err := listener.Accept()
			if err != nil {
				return
			}
			lines.Go(func() { serveSMTP(line, refusals > 0, mails) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		lines.Wait()
	})
	return listener.Addr().(*net.TCPAddr).Port
}

func serveSMTP(line net.Conn, refuse bool, mails io.Writer) {
	defer func() { _ = line.Close() }()
	_ = line.SetDeadline(time.Now().Add(30 * time.Second))
	fmt.Fprint(line, "220 ready\r\n")
	in := bufio.NewScanner(line)
	for in.Scan() {
		word, _, _ := strings.Cut(strings.ToUpper(in.Text()), " ")
		switch {
		case word == "EHLO":
			fmt.Fprint(line, "250-localhost\r\n250 AUTH PLAIN\r\n")
		case word == "AUTH" && refuse:
			plain, _ := base64.StdEncoding.DecodeString(in.Text()[len("AUTH PLAIN "):])
			fmt.Fprintf(line, "535 no: %s %q %s\r\n", in.Text(), plain, echo(smtpPassword))
		case word == "AUTH":
			fmt.Fprint(line, "235 OK\r\n")
		case word == "DATA":
			fmt.Fprint(line, "354 go on\r\n")
			for in.Scan() && in.Text() != "." {
				fmt.Fprintln(mails, in.Text())
			}
			fmt.Fprint(line, "250 OK\r\n")
		case word == "QUIT":
			fmt.Fprint(line, "221 bye\r\n")
			return
		default:
			fmt.Fprint(line, "250 OK\r\n")
		}
	}
}

// recorded is a way to the server on which every answer is copied.
func recorded(t *testing.T, server string, answers io.Writer) string {
	t.Helper()
	to, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) },
		ModifyResponse: func(r *http.Response) error {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return err
			}
			_ = r.Header.Write(answers)
			_, _ = answers.Write(append(body, '\n'))
			r.Body = io.NopCloser(bytes.NewReader(body))
			return nil
		},
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
	front := httptest.NewServer(proxy)
	t.Cleanup(front.Close)
	return front.URL
}

// TestTheServerShowsNoSecret runs a life of two batches, one of which is read from a
// server that repeats the password, calibrates one that does so in messages, and looks at everything that is written.
func TestTheServerShowsNoSecret(t *testing.T) {
	s := newStage(t, nil, nil)
	echoing := newStage(t, repetition{"NO ", imapfake.Answer}.rules("AUTHENTICATE", sourcePassword), nil)
	// Its messages repeat the password, in their fields first.
	serving := newStage(t, nil, []imapfake.Rule{{Command: "UID FETCH", Do: imapfake.Action{Kind: imapfake.Substitute,
		Text: targetPassword + ": x\r\n" + split(targetPassword) + ": x\r\nSubject: mailhaul specimen 1\r\n\r\n" + echo(targetPassword)}}})
	t.Setenv("TMPDIR", s.dir)
	for _, name := range []string{"MAILHAUL_DATABASE", "MAILHAUL_CONFIG", "MAILHAUL_TOKEN", "MAILHAUL_KEY", "CREDENTIALS_DIRECTORY"} {
		t.Setenv(name, "")
	}
	ca, err := imapfake.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	var out, log, answers, mails collected
	keyFile := filepath.Join(t.TempDir(), "server.key")
	args := []string{"serve", "--listen", "127.0.0.1:0", "--data-dir", filepath.Join(s.dir, "data"), "--key-file", keyFile, "--allow-loopback", "--node", "test", "--log-level", "debug",
		"--smtp-host", "localhost", "--smtp-port", strconv.Itoa(echoingSMTP(t, ca, &mails)), "--smtp-security", "implicit", "--smtp-user", "mailhaul", "--smtp-from", "mailhaul@example.org",
		"--smtp-password-file", s.secretFile(smtpPassword + "\n"), "--smtp-ca", s.secretFile(string(ca.PEM())),
		"--webhook-url", "https://127.0.0.1:1/hook", "--webhook-secret-file", s.secretFile(hookPassword + "\n")}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan int, 1)
	go func() { ended <- cli.Run(ctx, args, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &log}) }()
	stop := sync.OnceValue(func() int { cancel(); return <-ended })
	defer func() {
		_ = stop()
		if t.Failed() {
			text := log.bytes()
			t.Logf("the end of the log:\n%s", text[max(0, len(text)-4000):])
		}
	}()
	address := recorded(t, out.await(t, `serves at (\S+)`), &answers)
	setup := out.await(t, `works once:\s+(\S+)`)
	token := liveALife(t, address, setup, s, echoing, serving, &answers)
	factor := takeASecondFactor(t, address, token)
	eventually(t, "a mail that was refused, one that was taken", func() bool {
		return bytes.Contains(log.bytes(), []byte("notice not sent")) && len(mails.bytes()) > 0
	})

	key, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	all := append([]canary{newCanary("server key", strings.TrimSpace(string(key)))}, serverSecrets...)
	kept := append([]canary{newCanary("API token", token), newCanary("setup token", setup)}, append(factor, all...)...)
	look := func() (bytes int) {
		// The console shows the setup token once, and the answers the API token and the
		// second factor.
		for name, part := range map[string]struct {
			data     []byte
			canaries []canary
		}{"console": {out.bytes(), all}, "answers": {answers.bytes(), all}, "log": {log.bytes(), kept}, "mails": {mails.bytes(), kept}} {
			if len(part.data) == 0 {
				t.Errorf("there is nothing of %s to look at", name)
			}
			bytes += absent(t, name, part.data, part.canaries...)
		}
		return bytes + absentInFiles(t, s.dir, kept...)
	}
	looked := look()
	if status := stop(); status != 0 {
		t.Errorf("the server ended with %d: %s", status, log.bytes())
	}
	t.Logf("%d bytes while it ran, %d after its end", looked, look())
}

// takeASecondFactor has the operator take one, with wrong codes and right ones, and
// looks at the settings. It gives what must not show.
func takeASecondFactor(t *testing.T, address, token string) []canary {
	t.Helper()
	ctx := t.Context()
	client, err := api.NewClient(api.ClientOptions{Server: address})
	if err == nil {
		_, err = client.SignIn(ctx, "olga", operatorPassword, "")
	}
	if err != nil {
		t.Fatal(err)
	}
	begun, err := client.BeginTOTP(ctx, operatorPassword)
	if err != nil {
		t.Fatal(err)
	}
	const wrong = "Wr0ng-c4nary-of-a-code-typed-as-pass"
	if _, err := client.ConfirmTOTP(ctx, wrong); err == nil {
		t.Error("a wrong code is taken")
	}
	key, err := base32.StdEncoding.DecodeString(string(begun.Secret))
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha1.New, key)
	_ = binary.Write(mac, binary.BigEndian, time.Now().Unix()/30)
	sum := mac.Sum(nil)
	code := fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[sum[19]&15:])&(1<<31-1)%1_000_000)
	recovery, err := client.ConfirmTOTP(ctx, control.Password(code))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.SignIn(ctx, "olga", operatorPassword, wrong); err == nil {
		t.Error("a wrong code signs in")
	}
	if _, err := client.SignIn(ctx, "olga", operatorPassword, recovery.Codes[0]); err != nil {
		t.Errorf("a recovery code: %v", err)
	}
	program, err := api.NewClient(api.ClientOptions{Server: address, Token: secret.New(token)})
	if err != nil {
		t.Fatal(err)
	}
	_, _ = program.Settings(ctx)
	_, _ = program.SetSettings(ctx, control.SettingsPatch{SMTP: &control.SMTPPatch{Password: new(control.Password(wrong))}}, 0) // it is fixed
	if _, err := program.TestMail(ctx, control.MailTest{To: "team@example.org"}); err != nil {
		t.Errorf("a test mail: %v", err)
	}
	return []canary{newCanary("second factor", string(begun.Secret)), newCanary("its bytes", string(key)), newCanary("recovery code", string(recovery.Codes[1])), newCanary("wrong code", wrong)}
}

func absentInFiles(t *testing.T, dir string, canaries ...canary) (bytes int) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		files++
		bytes += absent(t, path, data, canaries...)
		return err
	})
	if err != nil || files == 0 {
		t.Errorf("%d files were looked at: %v", files, err)
	}
	return bytes
}

// liveALife does what operators do, and gives the API token it did so with.
func liveALife(t *testing.T, address, setup string, good, echoing, serving *stage, answers io.Writer) (token string) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	client, err := api.NewClient(api.ClientOptions{Server: address})
	must(err)
	_, err = client.Setup(ctx, api.Setup{Token: control.Password(setup), Operator: control.OperatorSpec{Name: "olga", Email: "olga@example.org", Role: "admin", Password: operatorPassword}})
	must(err)
	_, err = client.SignIn(ctx, "olga", operatorPassword+"x", "") // wrong
	if err == nil {
		t.Error("a wrong password is taken")
	}
	created, err := client.CreateToken(ctx, control.TokenSpec{Name: "test"})
	must(err)
	token = string(created.Secret)
	client, err = api.NewClient(api.ClientOptions{Server: address, Token: secret.New(token)})
	must(err)
	for name, at := range map[string]string{"good": good.from, "echoing": echoing.from, "serving": serving.to, "target": good.to} {
		host, port, _ := net.SplitHostPort(at)
		number, _ := strconv.Atoi(port)
		_, err = client.CreateEndpoint(ctx, control.EndpointSpec{Name: name, Host: host, Port: number, Security: "none", AllowCleartext: true}, true)
		must(err)
	}
	_, _ = client.TestEndpoint(ctx, control.TestSpec{Name: "echoing", User: "anna", Password: sourcePassword})
	_, _ = client.CalibrateEndpoint(ctx, "echoing", control.CalibrationSpec{Mailbox: "anna", Password: sourcePassword})
	calibration, err := client.CalibrateEndpoint(ctx, "serving", control.CalibrationSpec{Mailbox: "anna", Password: targetPassword})
	if must(err); calibration.Strength != "none" || !strings.Contains(fmt.Sprint(calibration.Measures), "redacted") {
		t.Errorf("nothing was repeated: %+v", calibration)
	}
	for name, user := range map[string]string{"good": "anna", "echoing": "nobody"} {
		file := "EmailAddress,UserName,Password,TargetUserName,TargetPassword\n" + name + "@example.org,anna," + cell(sourcePassword) + "," + user + "," + cell(targetPassword) + "\n"
		_, err = client.CreateBatch(ctx, control.BatchSpec{Name: name, Source: name, Target: "target", Notify: []string{"team@example.org"}}, strings.NewReader(file), "key-"+name)
		must(err)
		_, _ = client.CreateBatch(ctx, control.BatchSpec{Name: name + "-2", Source: name, Target: "target"}, strings.NewReader(file+`,,`+cell(targetPassword)+"\n"), "")
		_, _ = client.AskBatch(ctx, name, "preflight")
		_, err = client.AskBatch(ctx, name, "start")
		must(err)
	}
	for name, wanted := range map[string]string{"good": "Synced", "echoing": "Failed"} {
		last := ""
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("the batch %s was %s", name, last)
			}
		})
		eventually(t, name+" is "+wanted, func() bool {
			m, err := client.Mailbox(ctx, name, name+"@example.org")
			last = fmt.Sprintf("%s: %+v, %+v, %v", m.State, m.Trouble, m.Preflight, err)
			return err == nil && m.State == wanted
		})
		readAll(t, client, name, answers)
	}
	_, _ = client.RotateMailbox(ctx, "good", "good@example.org", control.Passwords{Source: rotatedPassword, Target: rotatedPassword})
	for range client.Audit(ctx) {
	}
	_, _ = client.Tokens(ctx)
	_, _ = client.Operators(ctx)
	_, _ = client.Endpoints(ctx)
	backup, err := client.Backup(ctx)
	must(err)
	_, _ = io.Copy(answers, backup)
	_ = backup.Close()
	_ = client.DeleteBatch(ctx, "echoing", true)
	return token
}

// readAll reads what there is to be read of a batch.
func readAll(t *testing.T, client *api.Client, batch string, answers io.Writer) {
	t.Helper()
	for range client.Mailboxes(t.Context(), control.MailboxQuery{Batch: batch}) {
	}
	for range client.Findings(t.Context(), batch, batch+"@example.org") {
	}
	_, _ = client.Notices(t.Context(), batch)
	for _, file := range []string{"MigrationStatistics.csv", "MigrationErrors.csv", "report.html", "report.json"} {
		text, err := client.Report(t.Context(), batch, file)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if n, _ := io.Copy(answers, text); n == 0 {
			t.Errorf("%s is empty", file)
		}
		_ = text.Close()
	}
}

// cell is a text as a cell of a migration file.
func cell(text string) string { return `"` + strings.ReplaceAll(text, `"`, `""`) + `"` }
