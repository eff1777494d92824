package hostiletest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/imap"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
)

// casesLeast is how many cases the matrix must have.
const casesLeast = 100

// The canaries of the matrix: no line without verified TLS may carry them.
const (
	user     = "canary-user@example.org"
	password = `canary-s3cr"et\+/`
)

var canaries = []canary{newCanary("user", user), newCanary("password", password)}

// lineCase is one server or meddler, and what must come of it.
type lineCase struct {
	name, script string
	security     migration.Security // starttls unless set
	config       func(*testing.T, *papers) *tls.Config
	endpoint     func(*testing.T, *papers, *tls.Config, *migration.Endpoint)
	// class and code of the fault; without them the sign-in must succeed.
	class migration.Class
	code  string
	// silent cases end by a timeout.
	silent bool
}

// honest is what a STARTTLS server says up to TLS.
const honest = "S * OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] hello\nC\nS $T OK begin\n"

func good(t *testing.T, p *papers) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{from(t, p.ca, nil, host)}}
}

// certificates gives the cases about whom to trust, for both kinds of TLS.
func certificates() []lineCase {
	issue := func(change func(*x509.Certificate), hosts ...string) func(*testing.T, *papers) *tls.Config {
		return func(t *testing.T, p *papers) *tls.Config {
			return &tls.Config{Certificates: []tls.Certificate{from(t, p.ca, change, hosts...)}}
		}
	}
	versions := func(lowest, highest uint16) func(*testing.T, *papers) *tls.Config {
		return func(t *testing.T, p *papers) *tls.Config {
			config := good(t, p)
			config.MinVersion, config.MaxVersion = lowest, highest
			return config
		}
	}
	setPin := func(t *testing.T, _ *papers, config *tls.Config, e *migration.Endpoint) {
		e.Pin, e.CA = pin(t, config.Certificates[0]), nil
	}
	login, again := migration.Login, migration.Again
	refused := []struct {
		name     string
		config   func(*testing.T, *papers) *tls.Config
		endpoint func(*testing.T, *papers, *tls.Config, *migration.Endpoint)
		class    migration.Class
	}{
		{"expired certificate", issue(expired, host), nil, login},
		{"certificate of tomorrow", issue(notYetValid, host), nil, login},
		{"certificate of another host", issue(nil, "imap.example.com"), nil, login},
		{"certificate of the parent domain", issue(nil, "example.org"), nil, login},
		{"wildcard of another domain", issue(nil, "*.example.com"), nil, login},
		{"wildcard one level too high", issue(nil, "*.org"), nil, login},
		{"wildcard inside a name", issue(nil, "im*.example.org"), nil, login},
		{"certificate with a common name only", issue(nameOnly, host), nil, login},
		{"certificate of an address for a name", issue(loopbackAddress, host), nil, login},
		{"certificate for clients", issue(forClients, host), nil, login},
		{"authority nobody knows", func(t *testing.T, p *papers) *tls.Config {
			return &tls.Config{Certificates: []tls.Certificate{from(t, p.other, nil, host)}}
		}, nil, login},
		{"system's authorities by default", good, func(_ *testing.T, _ *papers, _ *tls.Config, e *migration.Endpoint) { e.CA = nil }, login},
		{"self-signed certificate", func(t *testing.T, _ *papers) *tls.Config {
			return &tls.Config{Certificates: []tls.Certificate{selfSigned(t, false)}}
		}, nil, login},
		{"self-signed certificate that is its own authority", func(t *testing.T, _ *papers) *tls.Config {
			return &tls.Config{Certificates: []tls.Certificate{selfSigned(t, true)}}
		}, nil, login},
		{"address that the certificate does not name", good, func(_ *testing.T, _ *papers, _ *tls.Config, e *migration.Endpoint) { e.Host = "127.0.0.1" }, login},
		{"wrong pin though the authority is good", good, func(t *testing.T, p *papers, _ *tls.Config, e *migration.Endpoint) {
			e.Pin = pin(t, from(t, p.other, nil, host))
		}, login},
		{"pin of the authority instead of the server", good, func(t *testing.T, _ *papers, config *tls.Config, e *migration.Endpoint) {
			e.Pin = pin(t, tls.Certificate{Certificate: config.Certificates[0].Certificate[1:]})
		}, login},
		{"malformed pin", good, func(_ *testing.T, _ *papers, _ *tls.Config, e *migration.Endpoint) { e.Pin = "AAAA" }, login},
		{"authority file without a certificate", good, func(_ *testing.T, _ *papers, _ *tls.Config, e *migration.Endpoint) { e.CA = []byte("nothing") }, login},
		{"TLS 1.0 only", versions(tls.VersionTLS10, tls.VersionTLS10), nil, again},
		{"TLS 1.1 only", versions(tls.VersionTLS10, tls.VersionTLS11), nil, again},
		{"TLS 1.2 where 1.3 is asked for", versions(tls.VersionTLS12, tls.VersionTLS12), func(_ *testing.T, _ *papers, _ *tls.Config, e *migration.Endpoint) { e.MinTLS = tls.VersionTLS13 }, again},
		{"certificate chain of 10 MB", func(t *testing.T, p *papers) *tls.Config {
			return &tls.Config{Certificates: []tls.Certificate{padded(from(t, p.ca, nil, host), 10<<20)}}
		}, nil, again},
	}
	accepted := []lineCase{
		{name: "own authority", config: good},
		{name: "wildcard that fits", config: issue(nil, "*.example.org")},
		{name: "address that the certificate names", config: issue(loopbackAddress), endpoint: func(_ *testing.T, _ *papers, _ *tls.Config, e *migration.Endpoint) { e.Host = "127.0.0.1" }},
		{name: "pinned key", config: good, endpoint: setPin},
		{name: "pinned key of an expired certificate of another host", config: issue(expired, "x.example.net"), endpoint: setPin},
		{name: "TLS 1.2", config: versions(tls.VersionTLS12, tls.VersionTLS12)},
	}
	var cases []lineCase
	for _, kind := range []struct {
		security migration.Security
		script   string
	}{{migration.Implicit, "TLS\nS * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hello"}, {migration.StartTLS, honest + "TLS"}} {
		for _, c := range refused {
			cases = append(cases, lineCase{fmt.Sprint(kind.security, ": ", c.name), kind.script, kind.security, c.config, c.endpoint, c.class, migration.CodeTLS, false})
		}
		for _, c := range accepted {
			c.name, c.script, c.security = fmt.Sprint(kind.security, ": ", c.name), kind.script, kind.security
			cases = append(cases, c)
		}
		before := strings.TrimSuffix(strings.SplitN(kind.script, "TLS\nS", 2)[0], "TLS")
		if kind.security == migration.Implicit {
			before = ""
		}
		for name, end := range map[string]string{"RST": "READ\nRST", "FIN": "READ\nFIN", "garbage": "READ\n" + `P \x00\x00\x00\x00\x00\x00\x00\x00`, "an alert": "READ\n" + `P \x15`,
			"IMAP in clear text": "READ\nS * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] no TLS here\nS * OK again\nFIN"} {
			cases = append(cases, lineCase{name: fmt.Sprint(kind.security, ": ", name, " in the handshake"), script: before + end, security: kind.security,
				class: again, code: migration.CodeTLS, silent: strings.Contains(end, "P ")})
		}
	}
	return cases
}

// strippings are the cases of somebody on the line, or a server, that keeps TLS
// from starting.
func strippings() []lineCase {
	var cases []lineCase
	add := func(code string, class migration.Class, named map[string]string) {
		for name, script := range named {
			cases = append(cases, lineCase{name: name, script: script, class: class, code: code})
		}
	}
	const greeting = "S * OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN SASL-IR] hello\n"
	add(migration.CodePolicy, migration.Login, map[string]string{
		"STARTTLS is not announced and refused with BAD":    "S * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hello\nC\nS $T BAD unknown",
		"STARTTLS is refused with NO":                       greeting + "C\nS $T NO not now",
		"STARTTLS is refused with BAD":                      greeting + "C\nS $T BAD not now",
		"STARTTLS is answered with a go-ahead":              greeting + "C\nS + go on",
		"no capabilities, and BAD":                          "S * OK hello\nC\nS $T BAD unknown",
		"IMAP4 only, and NO":                                "S * OK [CAPABILITY IMAP4 AUTH=PLAIN] hello\nC\nS $T NO unknown",
		"STARTTLS is misspelt in the capabilities, and BAD": "S * OK [CAPABILITY IMAP4rev1 STARTTLX AUTH=PLAIN] hello\nC\nS $T BAD unknown",
		"NO with an alert that sends elsewhere":             greeting + `C` + "\n" + `S $T NO [ALERT] use imap.evil.example:143 \e[31m\x00 without TLS`,
		"OK with another tag":                               greeting + "C\nS A1 OK begin",
		"OK with a tag that was guessed to be 2":            greeting + "C\nS 2 OK begin",
		"OK with the tag in lower case and cut":             greeting + "C\nS x$T OK begin",
		"the tag alone":                                     greeting + "C\nS $T",
		"the tag with an unknown word":                      greeting + "C\nS $T OKAY begin",
		"OK before the command came":                        `P * OK hello\r\nA1 OK begin\r\n`,
		"a flood of capabilities instead of an answer":      greeting + "C\n" + strings.Repeat("S * CAPABILITY IMAP4rev1 AUTH=PLAIN\n", 25),
		"a referral of the login":                           greeting + "C\nS $T NO [REFERRAL imap://canary@imap.evil.example/] go there",
		"a referral of a folder":                            greeting + "C\nS $T NO [REFERRAL imap://imap.evil.example/INBOX] go there",
		"a referral, untagged":                              greeting + "C\nS * OK [REFERRAL imap://imap.evil.example/] go there\nS $T OK begin",
		"PREAUTH":                                           "S * PREAUTH hello",
		"PREAUTH with STARTTLS announced":                   "S * PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hello",
		"PREAUTH in lower case":                             "S * preauth hello",
		"PREAUTH of another user":                           "S * PREAUTH [REFERRAL imap://imap.evil.example/] hello",
		"PREAUTH after the greeting":                        greeting + "C\nS * PREAUTH hello\nS $T OK begin",
		"PREAUTH with the greeting":                         `P * OK hello\r\n* PREAUTH hello\r\n`,
		"a tagged answer behind the OK":                     greeting + "C\n" + `P $T OK begin\r\nA1 OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] x\r\n`,
		"capabilities behind the OK":                        greeting + "C\n" + `P $T OK begin\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\n`,
		"BYE behind the OK":                                 greeting + "C\n" + `P $T OK begin\r\n* BYE go to imap.evil.example\r\n`,
		"half a line behind the OK":                         greeting + "C\n" + `P $T OK begin\r\n* CAPAB`,
		"one byte behind the OK":                            greeting + "C\n" + `P $T OK begin\r\n\x00`,
		"two OKs":                                           greeting + "C\n" + `P $T OK begin\r\n$T OK begin\r\n`,
		"an answer to the sign-in behind the OK":            greeting + "C\n" + `P $T OK begin\r\n+ \r\n`,
		"BYE instead of an answer":                          greeting + "C\nS * BYE [ALERT] use port 143 without TLS",
	})
	for _, kind := range []string{"LIST () \"/\" evil", "LSUB () \"/\" evil", "STATUS INBOX (MESSAGES 9)", "SEARCH 1 2 3", "ESEARCH ALL 1:9", "FLAGS (evil)", "9 EXISTS",
		"9 RECENT", "9 EXPUNGE", "9 FETCH (UID 9 BODY[] \"evil\")", "VANISHED 1:9", "NAMESPACE ((\"\" \"/\")) NIL NIL", "ID (\"name\" \"evil\")", "ENABLED QRESYNC",
		"OK [ALERT] evil", "NO evil", "BAD evil"} {
		word := strings.Join(strings.FieldsFunc(kind, func(r rune) bool { return r < 'A' || r > 'Z' })[:1], "")
		add(migration.CodePolicy, migration.Login, map[string]string{
			word + " with the greeting":           `P * OK hello\r\n* ` + kind + `\r\n`,
			word + " before the answer STARTTLS":  greeting + "C\nS * " + kind + "\nS $T OK begin\nTLS",
			word + " behind the answer STARTTLS ": greeting + "C\n" + `P $T OK begin\r\n* ` + kind + `\r\n` + "\nTLS",
		})
	}
	add(migration.CodeGreeting, migration.Again, map[string]string{
		"a mail server's greeting": "S 220 mail.example.org ESMTP", "a web server's greeting": "S HTTP/1.1 400 Bad Request", "NO for a greeting": "S * NO go away",
		"BAD for a greeting": "S * BAD go away", "BYE for a greeting": "S * BYE use imap.evil.example", "a tagged greeting": "S A1 OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello",
		"a go-ahead for a greeting": "S + go on", "an empty greeting": "S ", "binary garbage for a greeting": `P \x00\x00\x00\n`, "FIN for a greeting": "FIN", "RST for a greeting": "RST",
		"a greeting without end": "P * OK " + strings.Repeat("x", 200<<10),
	})
	add(migration.CodeLost, migration.Again, map[string]string{
		"FIN instead of an answer": greeting + "C\nFIN", "RST instead of an answer": greeting + "C\nRST",
	})
	return cases
}

// others are what is neither.
func others() []lineCase {
	login, again := migration.Login, migration.Again
	return []lineCase{
		{name: "STARTTLS is hidden but works", script: "S * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello\nC\nS $T OK begin\nTLS", config: good},
		{name: "capabilities before TLS are forgotten", script: "S * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN LOGINDISABLED AUTH=EVIL] hello\nC\nS * CAPABILITY IMAP4rev1 AUTH=EVIL\nS $T OK begin\nTLS", config: good},
		{name: "the greeting's referral is not followed", script: "S * OK [REFERRAL imap://imap.evil.example/] hello\nC\nS $T OK begin\nTLS", config: good},
		{name: "an implicit TLS server signs us in beforehand", security: migration.Implicit, script: "TLS\nS * PREAUTH hello", config: good, class: login, code: migration.CodePolicy},
		{name: "no way to sign in within TLS", script: honest + "TLS\nC\nS * CAPABILITY IMAP4rev1 LOGINDISABLED\nS $T OK", config: good, class: login, code: migration.CodeLogin},
		{name: "LOGINDISABLED with implicit TLS", security: migration.Implicit, script: "TLS\nS * OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hello", config: good, class: login, code: migration.CodeLogin},
		{name: "a server that says nothing", script: "READ", class: again, code: migration.CodeTimeout, silent: true},
		{name: "a TLS port talked to in clear text", script: "TLS", config: good, class: again, code: migration.CodeTimeout, silent: true},
		{name: "a server that says nothing after STARTTLS", script: "S * OK hello\nC\nREAD", class: again, code: migration.CodeTimeout, silent: true},
		{name: "a handshake that never ends", security: migration.Implicit, script: "READ\nREAD", class: again, code: migration.CodeTLS, silent: true},
		{name: "clear text without leave", security: migration.Cleartext, script: "S * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hello", class: login, code: migration.CodePolicy},
	}
}

func TestNoCredentialLeavesWithoutVerifiedTLS(t *testing.T) {
	p := newPapers(t)
	cases := append(append(certificates(), strippings()...), others()...)
	names := map[string]bool{}
	for _, c := range cases {
		if names[c.name] {
			t.Errorf("two cases are called %q", c.name)
		}
		names[c.name] = true
		t.Run(c.name, func(t *testing.T) { c.run(t, p) })
	}
	if len(cases) < casesLeast {
		t.Errorf("%d cases, want at least %d", len(cases), casesLeast)
	}
	t.Logf("%d cases", len(cases))
}

// run plays the case and looks at every byte that the server heard.
func (c lineCase) run(t *testing.T, p *papers) {
	client, server := loopback(t)
	e := &evil{done: make(chan struct{})}
	if c.config != nil {
		e.config = c.config(t, p)
	}
	endpoint := migration.Endpoint{Host: host, Port: 993, Security: c.security, CA: p.ca.PEM()}
	if endpoint.Security == "" {
		endpoint.Security = migration.StartTLS
	}
	if c.endpoint != nil {
		c.endpoint(t, p, e.config, &endpoint)
	}
	go e.play(t, server, c.script)
	patience := 10 * time.Second
	if c.silent {
		patience = 200 * time.Millisecond
	}
	dials, faults := []string{}, 0
	var shown collected
	session, err := imap.Dial(t.Context(), imap.Options{
		Endpoint: endpoint, Credential: imap.Credential{User: user, Password: secret.New(password)},
		Timeouts: imap.Timeouts{Dial: patience, Greeting: patience, Idle: patience},
		Dial: func(_ context.Context, _, address string) (net.Conn, error) {
			dials = append(dials, address)
			return client, nil
		},
		Trace: func(line string) { fmt.Fprintln(&shown, line) },
		Steps: func(_ imap.Step, detail string, err error) {
			fmt.Fprintln(&shown, detail, err)
			if err != nil {
				faults++
			}
		},
	})
	if session != nil {
		_ = session.Close()
	}
	_ = client.Close()
	<-e.done
	absent(t, "the line", e.wire.bytes(), canaries...)
	absent(t, "the trace", shown.bytes(), canaries[1])
	if len(dials) > 1 || len(dials) == 1 && dials[0] != endpoint.Address() {
		t.Error("it dialled", dials)
	}
	if faults > 1 {
		t.Errorf("the fault was told %d times", faults)
	}
	if c.code == "" {
		c.wantSignedIn(t, e, err)
		return
	}
	c.wantFault(t, e, err)
}

func (c lineCase) wantSignedIn(t *testing.T, e *evil, err error) {
	t.Helper()
	if err != nil || e.plain == nil || len(canaries[1].in(e.plain.bytes())) == 0 {
		t.Errorf("not signed in: %v", err)
	}
}

func (c lineCase) wantFault(t *testing.T, e *evil, err error) {
	t.Helper()
	fault := migration.FaultOf(err)
	if fault == nil || fault.Class != c.class || fault.Code != c.code {
		t.Fatalf("got %s, %s (%v), want %s, %s", migration.ClassOf(err), migration.CodeOf(err), err, c.class, c.code)
	}
	if fault.Remedy == "" {
		t.Errorf("no remedy: %v", err)
	}
	if strings.ContainsAny(fault.Error()+fault.Remedy, "\r\n\x00\x1b") {
		t.Errorf("control characters in %q", fault)
	}
	if e.plain != nil {
		absent(t, "the inside of TLS", e.plain.bytes(), canaries...)
	}
}

// The oracle must see what it is to find.
func TestOracleSeesCredentialsInClearText(t *testing.T) {
	client, server := loopback(t)
	e := &evil{done: make(chan struct{})}
	go e.play(t, server, "S * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hello")
	session, err := imap.Dial(t.Context(), imap.Options{
		Endpoint:   migration.Endpoint{Host: host, Port: 143, Security: migration.Cleartext, AllowCleartext: true},
		Credential: imap.Credential{User: user, Password: secret.New(password)},
		Dial:       func(context.Context, string, string) (net.Conn, error) { return client, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = session.Close()
	<-e.done
	for _, c := range canaries {
		if len(c.in(e.wire.bytes())) == 0 {
			t.Errorf("the %s was not seen in %q", c.name, e.wire.bytes())
		}
	}
}
