package cli

import (
	"crypto/tls"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// found is a domain with a name server and a mail server of its own.
type found struct {
	zone zone
	ca   string // file
	port int
}

// newFound starts a mail server and names it by the SRV record of a service.
func newFound(t *testing.T, service string, options imapfake.Options, certificateOf ...string) *found {
	t.Helper()
	authority, err := imapfake.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := authority.Issue(certificateOf...)
	if err != nil {
		t.Fatal(err)
	}
	options.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server := imapfake.New(options)
	t.Cleanup(server.Close)
	address, err := server.Listen()
	if service == "imaps" {
		address, err = server.ListenTLS(certificate)
	}
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(address)
	f := &found{zone: zone{}, ca: filepath.Join(t.TempDir(), "ca.pem")}
	if f.port, err = strconv.Atoi(port); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.ca, authority.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	f.zone.host("in.example.test")
	f.zone.srv("_"+service+"._tcp.example.test", "in.example.test", f.port)
	return f
}

func (f *found) discover(t *testing.T, more ...string) output {
	t.Helper()
	return execute(t, append([]string{"discover", "anna@example.test", "--dns", f.zone.serve(t), "--allow-loopback"}, more...)...)
}

func TestDiscoverFindsTheServerAndSaysHowToGoOn(t *testing.T) {
	tests := []struct {
		personality imapfake.Personality
		service     string
		want        []string
	}{
		{imapfake.Dovecot(), "imaps", []string{"TLS from the first byte", "Dovecot", `it says "Dovecot (Debian) ready."`,
			"or master: a master user, as User*Admin", "--login master --admin-user ADMIN"}},
		{imapfake.Cyrus(), "imaps", []string{"Cyrus IMAP", "or authzid: an administrator by SASL PLAIN", "--login authzid --admin-user ADMIN"}},
		{imapfake.Courier(), "imap", []string{"TLS by STARTTLS, which is required", "Courier", "--login userroot --admin-user ADMIN", "the column UserRoot"}},
		{imapfake.Minimal(), "imaps", []string{`not recognised (it says "ready")`, "--login user"}},
	}
	for _, test := range tests {
		t.Run(test.personality.Name, func(t *testing.T) {
			f := newFound(t, test.service, imapfake.Options{Personality: test.personality}, "in.example.test")
			url := map[string]string{"imaps": "imaps://", "imap": "imap://"}[test.service]
			host := "in.example.test:" + strconv.Itoa(f.port)
			out := f.discover(t, "--ca", f.ca)
			out.want(t, exitDone, append(test.want, "1. "+url+host+" (sure)", "it answers, and its certificate is good",
				"SRV record _"+test.service+"._tcp.example.test", "user: each mailbox with its own user name and password",
				"mailhaul endpoint create example.test "+url+host+" --login user --ca "+f.ca+"\n",
				"mailhaul copy --source '"+url+"anna%40example.test@"+host+"' --target URL --source-ca "+f.ca+"\n")...)
			checkCommands(t, out.out)
		})
	}
}

// checkCommands finds every command that was printed, and every flag it is given.
func checkCommands(t *testing.T, text string) {
	t.Helper()
	lines := regexp.MustCompile(`mailhaul (?:endpoint|copy) [^\n]+`).FindAllString(text, -1)
	if len(lines) < 2 {
		t.Errorf("only %d commands in\n%s", len(lines), text)
	}
	for _, line := range lines {
		command, rest := commandAt(t, line)
		if err := command.ParseFlags(rest); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		if command.Name() == "create" {
			if err := command.ValidateArgs(command.Flags().Args()); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
	}
}

func TestDiscoverTellsABadCertificateAndProposesNothing(t *testing.T) {
	f := newFound(t, "imaps", imapfake.Options{Personality: imapfake.Dovecot()}, "other.example.test")
	out := f.discover(t, "--ca", f.ca)
	out.want(t, exitConnection, "(likely)", "its certificate is NOT good", "valid for other.example.test, not in.example.test",
		"trust its key: --pin ", "--pin is a flag of endpoint test and endpoint create", "Dovecot", "no mail server of example.test was found that answers with a good certificate", "See above what is wrong")
	if strings.Contains(out.out, "mailhaul endpoint create") || strings.Contains(out.out, "mailhaul copy") {
		t.Errorf("a command is proposed:\n%s", out.out)
	}
	f = newFound(t, "imaps", imapfake.Options{}, "in.example.test")
	f.discover(t).want(t, exitConnection, "certificate signed by unknown authority", "name its certificate with --ca FILE")
}

func TestDiscoverAsksTheMailServerNothingWithNoProbe(t *testing.T) {
	f := newFound(t, "imaps", imapfake.Options{}, "in.example.test")
	f.zone.srv("_imaps._tcp.example.test", "gone.example.test", 993)
	out := f.discover(t, "--no-probe")
	out.want(t, exitDone, "not looked at", "imaps://gone.example.test (likely)", "mailhaul endpoint create example.test imaps://gone.example.test --login user\n")
	checkCommands(t, out.out)
	f.zone = zone{}
	f.discover(t, "--no-probe").want(t, exitConnection, "nothing names a mail server of example.test", "This was asked:", "SRV record _imaps._tcp.example.test", "none")
}

func TestDiscoverFindsNothing(t *testing.T) {
	z := zone{}
	z.mx("example.test", "mx.protonmail.ch")
	z.srv("_imap._tcp.example.test", ".", 0)
	z.srv("_imaps._tcp.example.test", ".", 0)
	f := &found{zone: z}
	f.discover(t).want(t, exitConnection, "example.test: the mail is kept by Proton Mail", "This was asked:", "says that the service is not there",
		"By its SRV records, example.test has no IMAP server.", "only Proton Mail Bridge, on the person's own computer, speaks IMAP",
		"Proton Mail keeps the mail, and has no IMAP server in reach")
	f.zone = zone{}
	f.discover(t).want(t, exitConnection, "Ask whoever runs the mail for the name of the IMAP server", "https://autoconfig.example.test/mail/config-v1.1.xml", "no such host")
}

func TestDiscoverShowsAServerOnceAndTheGoodOnesOnly(t *testing.T) {
	f := newFound(t, "imaps", imapfake.Options{Personality: imapfake.Dovecot()}, "in.example.test", "also.example.test")
	f.zone.host("also.example.test")
	f.zone.host("bad.example.test")
	f.zone.srv("_imaps._tcp.example.test", "also.example.test", f.port)
	f.zone.srv("_imaps._tcp.example.test", "bad.example.test", f.port)
	out := f.discover(t, "--ca", f.ca)
	out.want(t, exitDone, "1. imaps://", "further: --json has all.")
	if strings.Contains(out.out, "2. imap") || strings.Contains(out.out, "bad.example.test") {
		t.Errorf("too much is shown:\n%s", out.out)
	}
}

func TestDiscoverDoesNotGoToThisComputerUnasked(t *testing.T) {
	f := newFound(t, "imaps", imapfake.Options{}, "in.example.test")
	execute(t, "discover", "anna@example.test", "--dns", f.zone.serve(t), "--ca", f.ca).want(t, exitConnection, "is not allowed: it is this machine", "go on with --allow-loopback")
}

// A tenant's first domain says whose it is, in each cloud, though nothing else does.
func TestDiscoverKnowsTheDomainsOfTenants(t *testing.T) {
	for domain, kind := range map[string]string{
		"contoso.onmicrosoft.com":      "--type office365 --tenant contoso.onmicrosoft.com",
		"contoso.onmicrosoft.us":       "--type office365 --cloud gcc-high --tenant contoso.onmicrosoft.us",
		"contoso.partner.onmschina.cn": "--type office365 --cloud china --tenant contoso.partner.onmschina.cn",
	} {
		out := execute(t, "discover", "anna@"+domain, "--no-probe", "--dns", zone{}.serve(t))
		out.want(t, exitDone, "the mail is kept by Microsoft 365", kind+" --client-id ID --certificate-file FILE\n", kind+" --client-id ID --client-secret-file FILE\n")
		checkCommands(t, out.out)
	}
	execute(t, "discover", "anna@onmicrosoft.com.example.test", "--no-probe", "--dns", zone{}.serve(t)).want(t, exitConnection, "nothing names a mail server")
}

func TestDiscoverNamesADeadNameServer(t *testing.T) {
	conn, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := conn.LocalAddr().String()
	conn.Close()
	out := execute(t, "discover", "anna@example.test", "--dns", server)
	out.want(t, exitConnection, "nothing could be looked up for example.test: the name server "+server+" does not answer", "Name another server with --dns", "usual name imap.example.test")
	for _, raw := range []string{"lookup ", "read udp", "dial tcp", "Get \""} {
		if strings.Contains(out.out+out.err, raw) {
			t.Errorf("%q is shown:\n%s%s", raw, out.out, out.err)
		}
	}
}

func TestDiscoverTellsOfTheUsualNamesThatWereTried(t *testing.T) {
	f := &found{zone: zone{}}
	f.zone.host("mail.example.test") // this computer, where nothing listens on these ports
	out := f.discover(t)
	out.want(t, exitConnection, "usual name imap.example.test", "usual name mail.example.test", "connection refused: nothing listens there", "usual name example.test", "no such host")
}

func TestDiscoverInJSON(t *testing.T) {
	f := newFound(t, "imaps", imapfake.Options{Personality: imapfake.Dovecot()}, "in.example.test")
	f.zone.mx("example.test", "mxa.mimecast.com")
	out := f.discover(t, "--ca", f.ca, "--json")
	out.want(t, exitDone)
	var got discoveryJSON
	if err := json.Unmarshal([]byte(out.out), &got); err != nil {
		t.Fatal(err)
	}
	if got.Address != "anna@example.test" || got.Domain != "example.test" || len(got.Asked) < 8 || len(got.Notes) != 1 || !strings.Contains(got.Notes[0], "Mimecast") {
		t.Errorf("got %+v", got)
	}
	c := got.Candidates[0]
	if c.Confidence != "sure" || c.Software != "Dovecot" || !c.Seen.Answered || !c.Seen.Trusted || c.Seen.Pin == "" || c.Seen.ID["name"] != "Dovecot" || len(c.Seen.Capabilities) == 0 {
		t.Errorf("got %+v, seen %+v", c, c.Seen)
	}
	if len(c.Logins) != 2 || c.Logins[1].Form != migration.LoginMaster || !c.Logins[1].Admin || len(c.Next) != 3 || c.Evidence[0].Source != "srv" {
		t.Errorf("logins %+v, next %v, evidence %v", c.Logins, c.Next, c.Evidence)
	}
	endpoint, user, err := migration.ParseURL(c.Source)
	if err != nil || user != "anna@example.test" || endpoint.Host != "in.example.test" || endpoint.Port != f.port {
		t.Errorf("%s: %+v, %s, %v", c.Source, endpoint, user, err)
	}
}

func TestDiscoverRefusesWhatItCannotUse(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, "want exactly one argument, the address of a mailbox"},
		{[]string{"example.org"}, `"example.org" has no @: want an address such as anna@example.org`},
		{[]string{"anna@"}, "has no domain after the @"},
		{[]string{"anna@[192.0.2.1]"}, "a server's number, not a domain"},
		{[]string{"anna@localhost"}, "has no dot"},
		{[]string{"anna@example.org", "--timeout", "0s"}, "--timeout 0s: want from 1s to 5m0s"},
		{[]string{"anna@example.org", "--timeout", "soon"}, "want a duration"},
		{[]string{"anna@example.org", "--dns", "ns.example.org"}, "--dns ns.example.org: want the IP address of a name server"},
		{[]string{"anna@example.org", "--ca", "no-such-file"}, "--ca: open no-such-file"},
		{[]string{"anna@example.org", "--ca", "discover_test.go"}, "--ca: discover_test.go holds no certificate in PEM form"},
	} {
		execute(t, append([]string{"discover"}, test.args...)...).want(t, exitUsage, test.want)
	}
}

func TestAddressesForCommandsAreReadAsTheyWereMeant(t *testing.T) {
	for _, user := range []string{"anna@example.org", `ACME\anna`, "a:b%c/d?e#f", "grün", "'; rm -rf ~"} {
		want := migration.Endpoint{Host: "in.example.org", Port: 1143, Security: migration.StartTLS}
		url := serverURL(want, user)
		got, gotUser, err := migration.ParseURL(url)
		if err != nil || gotUser != user || got.Host != want.Host || got.Port != want.Port || got.Security != want.Security {
			t.Errorf("%s: got %+v, %q, %v", url, got, gotUser, err)
		}
	}
	if got := serverURL(migration.Endpoint{Host: "2001:db8::1", Port: 993, Security: migration.Implicit}, ""); got != "imaps://[2001:db8::1]" {
		t.Errorf("got %s", got)
	}
}
