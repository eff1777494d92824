package cli

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/imapfake"
)

// The addresses of the servers of the pages (RFC 5737).
const (
	oldAddress    = "192.0.2.1"
	newAddress    = "192.0.2.2"
	mailAddress   = "192.0.2.3"
	cloudAddress  = "192.0.2.4"
	googleAddress = "192.0.2.5"
	nameAddress   = "192.0.2.53"
)

// pageHosts are the names at each address.
func pageHosts() map[string][]string {
	return map[string][]string{
		oldAddress:    {"old.example.org", "imap.old.example.org"},
		newAddress:    {"new.example.org", "imap.new.example.org"},
		mailAddress:   {"mail.example.org"},
		cloudAddress:  {"outlook.office365.com", "login.microsoftonline.com"},
		googleAddress: {"imap.gmail.com", "oauth2.googleapis.com"},
		nameAddress:   {"ns.contoso.com"},
	}
}

// pageRecords are what the name servers of the pages know.
func pageRecords() []string {
	return []string{
		"imap.old.example.org. 60 IN A " + oldAddress,
		"_imaps._tcp.example.org. 60 IN SRV 0 0 993 imap.old.example.org.",
		"org. 3600 IN NS ns.contoso.com.", "com. 3600 IN NS ns.contoso.com.",
		"example.org. 3600 IN NS ns.contoso.com.", "example.org. 3600 IN MX 10 mail.example.org.", "mail.example.org. 3600 IN A " + mailAddress, "mx.new.example.org. 3600 IN A " + newAddress,
		"contoso.com. 3600 IN NS ns.contoso.com.", "ns.contoso.com. 3600 IN A " + nameAddress,
		"contoso.com. 3600 IN MX 10 mx.contoso.com.", "mx.contoso.com. 3600 IN A " + oldAddress,
		`contoso.com. 3600 IN TXT "v=spf1 mx -all"`,
	}
}

// pageWorld is what the pages speak of: names, servers, an authority of certificates and
// one of tokens.
type pageWorld struct {
	caFile     string
	ca         *imapfake.CA
	executable string
	tokens     *authority
}

func newPageWorld(t *testing.T) *pageWorld {
	t.Helper()
	dir := t.TempDir()
	w := &pageWorld{caFile: filepath.Join(dir, "ca.pem"), tokens: &authority{
		Server: &httptest.Server{URL: "https://oauth2.googleapis.com"}, tokens: &imapfake.Tokens{}, roles: []string{"IMAP.AccessAsApp"},
	}}
	var err error
	if w.executable, err = os.Executable(); err != nil {
		t.Fatal(err)
	}
	if w.ca, err = imapfake.NewCA(); err != nil {
		t.Fatal(err)
	}
	hosts, commands := "127.0.0.1 localhost\n", [][]string{{"ip", "link", "set", "lo", "up"}}
	for address, names := range pageHosts() {
		hosts += address + " " + strings.Join(names, " ") + "\n"
		commands = append(commands, []string{"ip", "address", "add", address + "/32", "dev", "lo"})
	}
	for name, text := range map[string]string{"ca.pem": string(w.ca.PEM()), "hosts": hosts, "resolv.conf": "nameserver " + nameAddress + "\noptions timeout:1 attempts:1\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"hosts", "resolv.conf"} {
		commands = append(commands, []string{"mount", "--bind", filepath.Join(dir, name), "/etc/" + name})
	}
	for _, command := range commands {
		if out, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", command, err, out)
		}
	}
	names := startNameServer(t, nameAddress+":53")
	if names == nil {
		t.Fatal("there is no name server")
	}
	names.publish(t, pageRecords()...)
	return w
}

// certificate is that of the hosts at an address.
func (w *pageWorld) certificate(t *testing.T, address string) tls.Certificate {
	t.Helper()
	certificate, err := w.ca.Issue(pageHosts()[address]...)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

// mailboxes are users of a server with their passwords.
type mailboxes map[string]string

// crowd adds the users 0 to 33.
func (m mailboxes) crowd(pattern, password string) mailboxes {
	for n := range 34 {
		m[fmt.Sprintf(pattern, n)] = password
	}
	return m
}

// serve has all servers, as they are before anybody has typed anything.
func (w *pageWorld) serve(t *testing.T) {
	t.Helper()
	const oldSecret, newSecret = "old-secret", "new-secret"
	master := imapfake.Dovecot()
	master.Admin.Names = []string{"{user}*{admin}"}
	cloud, google := imapfake.ExchangeOnline(), imapfake.Gmail()
	w.mail(t, oldAddress, 3, imapfake.Options{Personality: master, Masters: map[string]string{"admin": newSecret}},
		mailboxes{"anna": oldSecret, "ben": oldSecret, "carl": "secret, with a comma"}.crowd("user%d", oldSecret))
	w.mail(t, newAddress, 0, imapfake.Options{},
		mailboxes{"anna": newSecret, "anna@example.org": newSecret, "ben@example.org": newSecret, "carl@example.org": "secret, with a comma", "test@example.org": newSecret}.crowd("user%d@example.org", newSecret))
	w.mail(t, mailAddress, 1, imapfake.Options{}, mailboxes{"anna": oldSecret})
	w.mail(t, cloudAddress, 0, imapfake.Options{Personality: cloud, Tokens: w.tokens.tokens}, mailboxes{"anna@contoso.com": "", "carl@contoso.onmicrosoft.com": ""})
	w.mail(t, googleAddress, 3, imapfake.Options{Personality: google, Tokens: w.tokens.tokens}, mailboxes{"anna@example.org": "", "carl@example.org": "", "anna@gmail.com": "abcd efgh ijkl mnop"})
	w.post(t)
	for _, address := range []string{cloudAddress, googleAddress} {
		w.giveTokens(t, address)
	}
}

// mail has a mail server at port 993 of an address, with so many letters for each.
func (w *pageWorld) mail(t *testing.T, address string, letters int, options imapfake.Options, people mailboxes) {
	t.Helper()
	server := imapfake.New(options)
	t.Cleanup(server.Close)
	for name, password := range people {
		box := server.AddUser(name, password)
		for i := range letters {
			box.Deliver("INBOX", fmt.Appendf(nil, "Subject: letter %d\r\n\r\nto %s\r\n", i, name), time.Unix(1_700_000_000+int64(i), 0))
		}
	}
	real, err := server.ListenTLS(w.certificate(t, address))
	if err != nil {
		t.Fatal(err)
	}
	forward(t, net.JoinHostPort(address, "993"), real)
}

// post has a mail server that takes mail.
func (w *pageWorld) post(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", mailAddress+":587")
	if err != nil {
		t.Fatal(err)
	}
	(&postOffice{startTLS: &tls.Config{Certificates: []tls.Certificate{w.certificate(t, mailAddress)}}}).serveAll(t, listener)
}

// giveTokens has the authority of tokens at an address.
func (w *pageWorld) giveTokens(t *testing.T, address string) {
	t.Helper()
	listener, err := tls.Listen("tcp", address+":443", &tls.Config{Certificates: []tls.Certificate{w.certificate(t, address)}})
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(w.tokens.serve), ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Close() })
}

// forward hands connections on.
func forward(t *testing.T, from, to string) {
	t.Helper()
	listener, err := net.Listen("tcp", from)
	if err != nil {
		t.Fatal(err)
	}
	var lines sync.WaitGroup
	lines.Go(func() {
		for {
			line, err := listener.Accept()
			if err != nil {
				return
			}
			lines.Go(func() {
				defer line.Close()
				onward, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer onward.Close()
				back := make(chan struct{})
				go func() {
					_, _ = io.Copy(line, onward)
					line.Close()
					close(back)
				}()
				_, _ = io.Copy(onward, line)
				onward.Close()
				<-back
			})
		}
	})
	t.Cleanup(func() { listener.Close() })
}
