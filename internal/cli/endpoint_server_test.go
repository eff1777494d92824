package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailhaul/mailhaul/internal/imapfake"
)

const mastersPassword = "m4ster-of-all"

// dovecot is a server with TLS that has anna and, as a master user, root. It gives its
// address and the file of its authority.
func (s *tlsServer) dovecot() (url, ca string) {
	s.Helper()
	server := imapfake.New(imapfake.Options{Personality: imapfake.Dovecot(), Masters: map[string]string{"root": mastersPassword}})
	s.Cleanup(server.Close)
	server.AddUser("anna", testPassword)
	authority, err := imapfake.NewCA()
	if err != nil {
		s.Fatal(err)
	}
	certificate, err := authority.Issue("127.0.0.1")
	if err != nil {
		s.Fatal(err)
	}
	address, err := server.ListenTLS(certificate)
	if err != nil {
		s.Fatal(err)
	}
	return "imaps://" + address, s.keep("authority", string(authority.PEM()))
}

// keep writes a file and gives its path.
func (s *tlsServer) keep(name, text string) string {
	s.Helper()
	path := filepath.Join(s.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
	return path
}

func TestFilesThatAreNoSecretAreRefused(t *testing.T) {
	s := serveTLS(t)
	good := s.keep("good", "s3cret\n")
	app := []string{"--type", "office365", "--tenant", tenantID, "--client-id", clientID, "--skip-verification"}
	s.run(append(append([]string{"endpoint", "create", "cloud"}, app...), "--client-secret-file", good)...).want(t, exitDone)
	const remedy = "openssl pkcs12 -in app.pfx -out app.pem -nodes"
	for _, c := range []struct{ flag, text, says, more string }{
		{"--certificate-file", "0\x82\x04\xa4\x02\x01\x00 a DER key", "it is binary, as .pfx", remedy},
		{"--certificate-file", "just text", "it is plain text", remedy},
		{"--client-secret-file", "0\x82\x04\xa4\x02\x01\x00 a DER key", "is binary", "the value of the client secret"},
		{"--client-secret-file", "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n", "is a PEM file", "as the certificate"},
		{"--client-secret-file", "one\ntwo\n", "has several lines", ""},
		{"--client-secret-file", tenantID + "\n", "the secret's ID and not its value", ""},
		{"--service-account-file", "text", "not the JSON file", ""},
	} {
		file := s.keep("file", c.text)
		if c.flag == "--service-account-file" {
			app = []string{"--type", "gmail", "--skip-verification"}
		}
		s.run(append(append([]string{"endpoint", "create", "other"}, app...), c.flag, file)...).want(t, exitUsage, c.flag+": "+file, c.says, c.more)
		s.run("endpoint", "set", "cloud", "--skip-verification", c.flag, file).want(t, exitUsage, c.flag+": "+file, c.says, c.more)
	}
}

func TestNoPasswordIsAskedForThatHasNoUse(t *testing.T) {
	s := serveTLS(t)
	t.Setenv("MAILHAUL_SERVER_PASSWORD", "")
	admin, file := s.keep("admin", "adm1n\n"), s.keep("mailbox", "p\n")
	s.run("endpoint", "create", "old", "imaps://127.0.0.1:1", "--login", "master", "--admin-user", "root", "--admin-password-file", admin, "--skip-verification").want(t, exitDone)
	s.run("endpoint", "create", "plain", "imaps://127.0.0.1:1", "--skip-verification").want(t, exitDone)
	s.run("endpoint", "test", "old", "--user", "anna").want(t, exitConnection, "FAIL connect")
	for _, command := range [][]string{{"test", "old", "--user", "anna"}, {"test", "old"}, {"calibrate", "old", "--mailbox", "anna"}} {
		s.run(append(append([]string{"endpoint"}, command...), "--password-file", file)...).want(t, exitUsage, "--password-file has no use", "by the login master")
	}
	for _, command := range [][]string{{"test", "nosuch", "--user", "anna"}, {"calibrate", "nosuch", "--mailbox", "anna"}} {
		s.run(append([]string{"endpoint"}, command...)...).want(t, exitUsage, `There is no endpoint "nosuch"`)
	}
	s.run("endpoint", "test", "plain", "--user", "anna").want(t, exitUsage, "give --password-file, or set MAILHAUL_SERVER_PASSWORD")
	s.run("endpoint", "test", "plain", "--password-file", file).want(t, exitUsage, "no use without --user")
}

func TestAnAdministratorsWrongPasswordIsNoPlainSuccess(t *testing.T) {
	s := serveTLS(t, "--allow-loopback")
	url, ca := s.dovecot()
	right, wrong := s.keep("right", mastersPassword), s.keep("wrong", "not it")
	for _, login := range []string{"master", "authzid"} {
		admin := []string{"--login", login, "--admin-user", "root", "--ca", ca}
		s.run(append([]string{"endpoint", "create", login, url, "--admin-password-file", wrong}, admin...)...).want(t, exitDone, "tested", littleSaid)
		s.run("endpoint", "set", login, "--admin-password-file", right).want(t, exitDone, "tested", littleSaid)
		s.run("endpoint", "show", login).want(t, exitDone, littleSaid)
		s.run("endpoint", "test", login).want(t, exitDone, littleSaid)
		s.run("endpoint", "test", login, "--user", "anna").want(t, exitDone, "ok   sign-in")
		if r := s.run("endpoint", "show", login); strings.Contains(r.out, littleSaid) {
			t.Errorf("somebody was let in, and shown is %s", r.out)
		}
	}
}

func TestWhatRemediesHaveOneCorrectCanBeSet(t *testing.T) {
	s := serveTLS(t)
	secret := s.keep("secret", "s3cret\n")
	s.run("endpoint", "create", "cloud", "--type", "office365", "--tenant", tenantID, "--client-id", clientID, "--client-secret-file", secret, "--skip-verification").want(t, exitDone)
	s.run("endpoint", "set", "cloud", "--skip-verification", "--tenant", "contoso.example", "--client-id", objectID, "--cloud", "gcc-high", "--authority", "https://login.microsoftonline.us",
		"--scope", "https://outlook.office365.us/.default").want(t, exitDone, "contoso.example", objectID, "gcc-high", "login.microsoftonline.us", "outlook.office365.us:993")
	s.run("endpoint", "set", "cloud", "--skip-verification", "--user-root", "/users/{user}").want(t, exitUsage, "has no use with login office365")
	s.run("endpoint", "set", "--help").want(t, exitDone, "type and login stay as they were made")
}

func TestExitStatusesOfEndpointCommandsAreThoseOfTheHelp(t *testing.T) {
	s := serveTLS(t, "--allow-loopback")
	url, ca := s.dovecot()
	wrong, right := s.keep("wrong", "not it"), s.keep("right", testPassword)
	_, port, _ := strings.Cut(strings.TrimPrefix(url, "imaps://"), ":")
	s.run("endpoint", "create", "old", url, "--ca", ca).want(t, exitDone)
	s.run("endpoint", "create", "nohost", "imaps://no.such.host.invalid", "--skip-verification").want(t, exitDone)
	for _, c := range []struct {
		status int
		args   string
	}{
		{exitLogin, "test old --user anna --password-file " + wrong},
		{exitConnection, "test nohost --user anna --password-file " + wrong},
		{exitLogin, "create other " + url + " --ca " + ca + " --login proxyauth --admin-user root --admin-password-file " + wrong},
		{exitConnection, "create other imaps://no.such.host.invalid"},
		{exitConnection, "create other imaps://127.0.0.1:" + port},
		{exitLogin, "calibrate old --mailbox anna --password-file " + wrong},
		{exitConnection, "calibrate nohost --mailbox anna --password-file " + right},
		{exitUsage, "create"},
		{exitUsage, "create a imaps://b c"},
		{exitUsage, "create a"},
		{exitUsage, "test nosuch"},
	} {
		if r := s.run(append([]string{"endpoint"}, strings.Fields(c.args)...)...); r.status != c.status || strings.Contains(r.err, "arg(s)") {
			t.Errorf("%s: exit status %d, want %d\n%s%s", c.args, r.status, c.status, r.out, r.err)
		}
	}
}

func TestEndpointCommandsSayWhatIsWrongByTheirFlags(t *testing.T) {
	s := serveTLS(t)
	secret, root := s.keep("secret", "s3cret"), s.keep("root", "r00t")
	s.run("endpoint", "create", "old", "imaps://imap.example.org", "--skip-verification").want(t, exitDone)
	app := func(tenant, client string, more ...string) []string {
		return append([]string{"--type", "office365", "--tenant", tenant, "--client-id", client, "--client-secret-file", secret, "--skip-verification"}, more...)
	}
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"imaps://h.example", "--login", "Master"}, `--login "Master": want one of user, authzid, master, `},
		{[]string{"--type", "Gmail"}, `--type "Gmail": want one of imap, office365, gmail`},
		{[]string{"--type", "office365", "--cloud", "mars"}, `--cloud "mars": want one of worldwide, gcc, gcc-high, dod, china`},
		{[]string{"imaps://h.example", "--min-tls", "2"}, `--min-tls "2": want one of 1.0, 1.1, 1.2, 1.3`},
		{[]string{"imaps://h.example", "--unanswered", "x"}, `--unanswered "x": want a whole number`},
		{[]string{"imaps://h.example", "--bytes-per-day-down", "much"}, `--bytes-per-day-down "much": want a number of bytes such as 2500M`},
		{[]string{"imaps://h.example", "--login", "master", "--admin-password-file", root}, "--admin-user: is missing"},
		{[]string{"imaps://h.example", "--login", "master", "--admin-user", "root"}, "give --admin-password-file, or set MAILHAUL_ADMIN_PASSWORD"},
		{[]string{"imaps://h.example", "--messages-per-second", "0.001"}, "--messages-per-second: must be 0"},
		{[]string{"imap+plain://h.example"}, "say --allow-cleartext if the line is safe"},
		{[]string{"imaps://h_.-example"}, "URL"},
		{[]string{"--type", "office365"}, "--tenant: the tenant is missing"},
		{[]string{"--type", "office365"}, "--client-id: the client ID is missing"},
		{[]string{"--type", "office365"}, "--client-secret-file or --certificate-file: is missing"},
		{app("contoso.example", "abc"), `--client-id: client ID "abc" is not one`},
		{app("contoso.example", clientID, "--scope", "x"), `--scope: scope "x" must end`},
		{app("contoso.example", clientID, "--authority", "https://login.example.org"), "mailhaul serve --token-host login.example.org"},
		{[]string{"imaps://no.such.host.invalid"}, "skip the verification (--skip-verification)"},
		{[]string{"imaps://127.0.0.1:1"}, "mailhaul serve --allow-loopback"},
	} {
		r := s.run(append([]string{"endpoint", "create", "other"}, c.args...)...)
		if r.status == exitDone || !strings.Contains(r.err, c.says) || strings.Contains(r.err, "body.") || strings.Contains(r.err, "skipVerification") || strings.Contains(r.err, "allowCleartext") {
			t.Errorf("%v: want %q, got %d %s", c.args, c.says, r.status, r.err)
		}
	}
	s.run("endpoint", "set", "old", "--login", "master").want(t, exitUsage, "unknown flag: --login")
	s.run("endpoint", "set", "old", "--bytes-per-day-down", "2500M", "--bytes-per-day-up", "1G", "--bytes-per-second", "10M").want(t, exitDone, "2.5 GB down, 1.0 GB up", "10000000 B/s")
	s.run("endpoint", "set", "old", "--connections", "99").want(t, exitUsage, "--connections: must be from 1 to 16")
}

func TestWhatIsTakenForGrantedIsSaid(t *testing.T) {
	s := serveTLS(t)
	const note = "needs an app password for each (login user)"
	s.run("endpoint", "create", "gmail", "--type", "gmail", "--skip-verification").want(t, exitDone, note)
	if r := s.run("endpoint", "create", "meant", "--type", "gmail", "--login", "user", "--skip-verification"); r.status != exitDone || strings.Contains(r.err, note) {
		t.Errorf("it is said although it was asked for: %d %s", r.status, r.err)
	}
	s.run("endpoint", "create", "twice", "imaps://h.example", "--skip-verification", "--default-folder", "Sent=a", "--default-folder", "sent=b").want(t, exitUsage, "--default-folder: sent is given twice")
	root := s.keep("root", "r00t")
	s.run("endpoint", "create", "exchange", "imaps://h.example", "--skip-verification", "--login", "exchange", "--admin-user", `DOM\boss`, "--admin-password-file", root).
		want(t, exitUsage, "--admin-user: must be the name alone", "the domain")
	s.run("endpoint", "create", "--help").want(t, exitDone, "without --domain Admin/User")
}

func TestATestNamesTheAdministratorWhoIsRefused(t *testing.T) {
	s := serveTLS(t, "--allow-loopback")
	url, ca := s.dovecot()
	wrong := s.keep("wrong", "not it")
	for _, login := range []string{"master", "authzid", "proxyauth"} {
		s.run("endpoint", "create", login, url, "--ca", ca, "--login", login, "--admin-user", "root", "--admin-password-file", wrong, "--skip-verification").want(t, exitDone, "secret", "password")
		s.run("endpoint", "test", login, "--user", "anna").want(t, exitLogin, "Check the administrator's name root and his password", "mailhaul endpoint set "+login+" --admin-password-file FILE")
	}
	s.run("endpoint", "test", "proxyauth").want(t, exitLogin, "Check the administrator's name root and his password", "mailhaul endpoint set proxyauth --admin-password-file FILE")
}

func TestATestByAddressTakesTheUserOfItsFlag(t *testing.T) {
	s := serveTLS(t)
	url, ca := s.dovecot()
	right := s.keep("right", testPassword)
	s.run("endpoint", "test", url, "--ca", ca, "--user", "anna", "--password-file", right).want(t, exitDone, "ok   login", "ok   folders")
	named := strings.Replace(url, "imaps://", "imaps://anna@", 1)
	s.run("endpoint", "test", named, "--ca", ca, "--user", "anna", "--password-file", right).want(t, exitDone, "ok   login")
	s.run("endpoint", "test", named, "--ca", ca, "--user", "bert", "--password-file", right).want(t, exitUsage, "--user: the URL names anna already")
	s.run("endpoint", "test", url, "--ca", ca, "--password-file", right).want(t, exitUsage, "--password-file has no use without a user")
	s.run("endpoint", "test", "name", "--ca", ca).want(t, exitUsage, "--ca has no use with the name of an endpoint")
	s.run("endpoint", "test", "--help").want(t, exitDone, "but for an endpoint with an administrator or application")
}
