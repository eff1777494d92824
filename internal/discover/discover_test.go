package discover

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

func TestAnSRVRecordThatAnswersIsSure(t *testing.T) {
	w := &world{srv: map[string][]*net.SRV{"imaps example.org": {{Target: "MX7.example.org.", Port: 1993}}},
		servers: map[string]Seen{"imaps://mx7.example.org:1993": good("Dovecot (Debian) ready.")}}
	c := w.find(t, "anna@example.org", nil).best(t)
	if urlOf(c.Endpoint) != "imaps://mx7.example.org:1993" || c.Confidence != Sure || c.Software != "Dovecot" {
		t.Errorf("got %s, %s, %s", urlOf(c.Endpoint), c.Confidence, c.Software)
	}
	if len(c.Logins) != 2 || c.Logins[0].Form != migration.LoginUser || c.Logins[1].Form != migration.LoginMaster {
		t.Errorf("logins %v", c.Logins)
	}
	if c.UserName != "anna@example.org" {
		t.Errorf("user name %s", c.UserName)
	}
}

func TestAUsualNameThatAnswersIsLikelyAndALoneOneAGuess(t *testing.T) {
	w := &world{servers: map[string]Seen{"imaps://mail.example.org:993": good("ready")}}
	r := w.find(t, "anna@example.org", nil)
	if c := r.best(t); urlOf(c.Endpoint) != "imaps://mail.example.org:993" || c.Confidence != Likely {
		t.Errorf("got %s, %s", urlOf(c.Endpoint), c.Confidence)
	}
	if c := r.at("imaps://imap.example.org:993"); c == nil || c.Confidence != Guess {
		t.Errorf("got %+v, want a guess", c)
	}
}

func TestAServiceThatIsNotThereIsSaidSo(t *testing.T) {
	nothing := []*net.SRV{{Target: ".", Port: 0}}
	w := &world{srv: map[string][]*net.SRV{"imaps example.org": {{Target: "imap.example.org.", Port: 993}}, "imap example.org": nothing}}
	r := w.find(t, "anna@example.org", nil)
	if got := r.answerTo("_imap._tcp"); got != "says that the service is not there" {
		t.Errorf("answer %q", got)
	}
	if len(r.Notes) != 0 {
		t.Errorf("notes %v, though one of the two is there", r.Notes)
	}
	w.srv["imaps example.org"] = nothing
	if r := w.find(t, "anna@example.org", nil); !slices.Contains(r.Notes, "By its SRV records, example.org has no IMAP server.") {
		t.Errorf("notes %v", r.Notes)
	}
}

func TestAutoconfigIsReadWithItsUserName(t *testing.T) {
	for _, test := range []struct{ page, user, want string }{
		{configPage, "%EMAILADDRESS%", "anna@example.org"},
		{wellKnownPage, "%EMAILLOCALPART%", "anna"},
		{configPage, "%EMAILLOCALPART%@%EMAILDOMAIN%", "anna@example.org"},
		{configPage, "ACME\\%EMAILLOCALPART%", "ACME\\anna"},
		{configPage, "postmaster", "anna"}, // filled in by the server
		{configPage, "Postmaster@example.org", "anna@example.org"},
		{configPage, "u1234", "anna@example.org"}, // another one's
		{configPage, "%REALNAME%", "anna@example.org"},
		{configPage, "", "anna@example.org"},
	} {
		w := &world{pages: map[string]http.HandlerFunc{test.page: textPage(autoconfigOf("in.%EMAILDOMAIN%", "993", "SSL", test.user))}}
		c := w.find(t, "anna@example.org", nil).at("imaps://in.example.org:993")
		if c == nil || c.UserName != test.want || c.Confidence != Likely || c.Evidence[0].Source != FromAutoconfig || c.Evidence[0].Detail != test.page {
			t.Errorf("%s %s: got %+v, want the user name %s", test.page, test.user, c, test.want)
		}
	}
}

func TestNothingWithoutTLSIsProposed(t *testing.T) {
	pox := `<Autodiscover><Response><Account><Protocol><Type>IMAP</Type><Server>old.example.org</Server><Port>143</Port><SSL>off</SSL></Protocol></Account></Response></Autodiscover>`
	w := &world{pages: map[string]http.HandlerFunc{configPage: textPage(autoconfigOf("in.example.org", "143", "plain", "")),
		wellKnownPage: textPage(autoconfigOf("in2.example.org", "1143", "", "")), poxPage: textPage(pox)}}
	r := w.find(t, "anna@example.org", nil)
	for _, c := range r.Candidates {
		if c.Endpoint.Security != migration.Implicit && c.Endpoint.Security != migration.StartTLS {
			t.Errorf("%+v", c.Endpoint)
		}
	}
	for _, host := range []string{"in.example.org", "in2.example.org", "old.example.org"} {
		c := r.at("imap://" + host + ":143")
		if c == nil || c.Named() {
			t.Errorf("%s: got %+v, want it to be looked for with TLS", host, c)
		}
		if !slices.ContainsFunc(r.Notes, func(note string) bool {
			return strings.Contains(note, host+" without TLS only. That is never proposed")
		}) {
			t.Errorf("%s is not told: %v", host, r.Notes)
		}
	}
	if r = w.find(t, "anna@example.org", func(o *Options) { o.Probe = nil }); len(r.Candidates) != 0 {
		t.Errorf("proposed without a look: %v", r.Candidates)
	}
}

func TestAKnownProviderIsFoundByItsMX(t *testing.T) {
	for mx, want := range map[string]string{
		"aspmx.l.google.com.": "imap.gmail.com google", "SMTP.google.com.": "imap.gmail.com google",
		"example-org.mail.protection.outlook.com.": "outlook.office365.com office365", "example-org.p-v1.mx.microsoft.": "outlook.office365.com office365",
		"example-org.mail.protection.office365.us.": "outlook.office365.us office365", "x.mail.protection.partner.outlook.cn.": "partner.outlook.cn office365",
		"mx00.kundenserver.de.": "imap.ionos.de user", "smtpin.rzone.de.": "imap.strato.de user", "mx1.mail.ovh.net.": "ssl0.ovh.net user",
		"in1-smtp.messagingengine.com.": "imap.fastmail.com user", "mx2.zoho.eu.": "imappro.zoho.eu user", "mx01.mail.icloud.com.": "imap.mail.me.com user",
	} {
		w := &world{mx: map[string][]*net.MX{"example.org": {{Host: mx, Pref: 10}}}}
		r := w.find(t, "anna@example.org", nil)
		c := r.best(t)
		if got := c.Endpoint.Host + " " + string(c.Logins[0].Form); got != want || c.Confidence != Likely || r.Provider == nil || r.Provider.AsOf != asOf {
			t.Errorf("%s: got %s, %s, %+v, want %s", mx, got, c.Confidence, r.Provider, want)
		}
	}
}

func TestTheAliasOfAutodiscoverShowsTheCloud(t *testing.T) {
	for alias, want := range map[string]string{
		"autodiscover.outlook.com.": "outlook.office365.com", "autod.ms-acdc-autod.office.com.": "outlook.office365.com",
		"autodiscover-dod.office365.us.": "outlook-dod.office365.us", "autodiscover.office365.us.": "outlook.office365.us",
		"autodiscover.partner.outlook.cn.": "partner.outlook.cn",
	} {
		// The MX is a gateway's, as of many on Microsoft 365; for the Department of
		// Defense, the MX alone would name the other cloud.
		w := &world{cname: map[string]string{"autodiscover.example.org": alias}, mx: map[string][]*net.MX{"example.org": {{Host: "mxa.pphosted.com."}, {Host: "x.mail.protection.office365.us."}}}}
		r := w.find(t, "anna@example.org", nil)
		if c := r.best(t); c.Endpoint.Host != want || r.Provider == nil || c.Logins[0].Form != migration.LoginOffice365 {
			t.Errorf("%s: got %s, %+v, want %s", alias, c.Endpoint.Host, r.Provider, want)
		}
		if !slices.ContainsFunc(r.Notes, func(note string) bool { return strings.Contains(note, "Proofpoint") }) {
			t.Errorf("the gateway is not told: %v", r.Notes)
		}
		if r.at("imaps://mxa.pphosted.com:993") != nil {
			t.Error("the gateway is proposed as the server")
		}
	}
}

func TestAProviderWithoutIMAPIsSaidSo(t *testing.T) {
	for address, want := range map[string]string{"anna@proton.me": "Proton Mail", "anna@tuta.com": "Tuta", "anna@example.org": "Proton Mail"} {
		w := &world{mx: map[string][]*net.MX{"example.org": {{Host: "mail.protonmail.ch."}}}}
		r := w.find(t, address, func(o *Options) { o.Probe = nil })
		if r.Provider == nil || r.Provider.Name != want || !strings.Contains(r.Provider.Note, "no IMAP") || len(r.Candidates) != 0 {
			t.Errorf("%s: got %+v and %v", address, r.Provider, r.Candidates)
		}
	}
}

func TestASignInThatMailhaulDoesNotHaveIsNotProposed(t *testing.T) {
	w := &world{servers: map[string]Seen{"imaps://outlook.office365.com:993": good("The Microsoft Exchange IMAP4 service is ready.")}}
	c := w.find(t, "anna@hotmail.com", nil).best(t)
	if len(c.Logins) != 0 || len(c.Notes) == 0 || !strings.Contains(c.Notes[0], "OAuth of the person") {
		t.Errorf("got %v, %v", c.Logins, c.Notes)
	}
}

func TestAutodiscoverShowsExchange(t *testing.T) {
	wantsSignIn := func(offers ...string) http.HandlerFunc {
		return func(out http.ResponseWriter, _ *http.Request) {
			out.Header()["Www-Authenticate"] = offers
			out.WriteHeader(http.StatusUnauthorized)
		}
	}
	tests := []struct {
		name     string
		pages    map[string]http.HandlerFunc
		exchange string // where it is shown, empty for not
	}{
		{"by the ways it offers", map[string]http.HandlerFunc{poxPage: wantsSignIn("Negotiate", "NTLM", `Basic realm="mail"`)}, "autodiscover.example.org"},
		{"but not by Basic alone", map[string]http.HandlerFunc{poxPage: wantsSignIn(`Basic realm="mail"`)}, ""},
		{"by its JSON", map[string]http.HandlerFunc{jsonPage: textPage(`{"Protocol":"AutodiscoverV1","Url":"https://owa.example.org/autodiscover/autodiscover.xml"}`)}, "owa.example.org"},
		{"but not by any JSON", map[string]http.HandlerFunc{jsonPage: textPage(`{"ErrorCode":"NotFound"}`)}, ""},
		{"by JSON of another scheme neither", map[string]http.HandlerFunc{jsonPage: textPage(`{"Protocol":"x","Url":"http://owa.example.org/"}`)}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := &world{pages: test.pages}
			r := w.find(t, "anna@example.org", nil)
			c := r.at("imaps://" + test.exchange + ":993")
			if test.exchange == "" && len(r.Notes) > 0 || test.exchange != "" && (c == nil || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "Exchange at "+test.exchange)) {
				t.Errorf("got %v, %v", c, r.Notes)
			}
		})
	}
	w := &world{pages: map[string]http.HandlerFunc{jsonPage: textPage(`{"protocol":"AutodiscoverV1","url":"https://autodiscover-s.outlook.com/x"}`)}}
	if c := w.find(t, "anna@example.org", nil).best(t); c.Endpoint.Host != "outlook.office365.com" {
		t.Errorf("Microsoft's own JSON led to %s", c.Endpoint.Host)
	}
}

func TestPOXNamesAServer(t *testing.T) {
	answer := func(protocol string) string {
		return `<?xml version="1.0"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"><Response xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"><Account><AccountType>email</AccountType><Protocol><Type>IMAP</Type><Server>in.example.org</Server>` + protocol + `</Protocol></Account></Response></Autodiscover>`
	}
	for protocol, want := range map[string]string{
		"<Port>993</Port><LoginName>postmaster</LoginName><SSL>on</SSL>": "imaps://in.example.org:993",
		"<Port>143</Port><Encryption>TLS</Encryption>":                   "imap://in.example.org:143",
		"<Port>993</Port><Encryption>TLS</Encryption>":                   "imaps://in.example.org:993",
		"<Port>1993</Port><Encryption>SSL</Encryption><SSL>off</SSL>":    "imaps://in.example.org:1993",
		"<Port>143</Port><SSL>on</SSL>":                                  "imap://in.example.org:143",
	} {
		w := &world{pages: map[string]http.HandlerFunc{poxPage: textPage(answer(protocol))}}
		if c := w.find(t, "anna@example.org", nil).best(t); urlOf(c.Endpoint) != want || c.Confidence != Likely {
			t.Errorf("%s: got %s, %s, want %s", protocol, urlOf(c.Endpoint), c.Confidence, want)
		}
	}
}

func TestTheHostersAutoconfigIsAskedForItsCustomers(t *testing.T) {
	page := "https://autoconfig.hoster.example/mail/config-v1.1.xml"
	w := &world{mx: map[string][]*net.MX{"example.org": {{Host: "mx1.hoster.example."}}}, pages: map[string]http.HandlerFunc{page: textPage(autoconfigOf("imap.hoster.example", "993", "SSL", "%EMAILADDRESS%"))}}
	c := w.find(t, "anna@example.org", nil).at("imaps://imap.hoster.example:993")
	if c == nil || !c.Named() {
		t.Fatalf("got %+v", c)
	}
	if len(c.Notes) != 1 || !strings.Contains(c.Notes[0], "outside of example.org") {
		t.Errorf("notes %v: DNS alone has led there", c.Notes)
	}
}

func TestNobodyIsAskedWhoOnlyOwnsAnEnding(t *testing.T) {
	for _, test := range []struct{ host, domain, want string }{
		{"mx1.hoster.example", "example.org", "hoster.example"},
		{"in.mx.hoster.co.uk", "example.org", "mx.hoster.co.uk"},
		{"hoster.co.uk", "example.org", ""},
		{"mail.example.org", "example.org", ""},
		{"example.org", "shop.example.org", ""},
		{"mx.example.org", "shop.example.org", ""},
		{"mx.foo.de", "example.org", ""},
		{"mx.hoster.de", "example.org", "hoster.de"},
		{"hoster.com", "example.org", ""},
		{"localhost", "example.org", ""},
		{"mx.ho ster.com", "example.org", ""},
	} {
		if got := hostingDomain(test.host, test.domain); got != test.want {
			t.Errorf("%s: got %q, want %q", test.host, got, test.want)
		}
	}
}

func TestTheDirectoryIsAskedOnRequestOnly(t *testing.T) {
	for _, asked := range []bool{false, true} {
		w := &world{pages: map[string]http.HandlerFunc{directoryURL + "example.org": textPage(autoconfigOf("in.example.org", "993", "SSL", ""))}}
		r := w.find(t, "anna@example.org", func(o *Options) { o.Directory = asked })
		if found := r.at("imaps://in.example.org:993") != nil; found != asked || asked != (len(w.requests) == 1) {
			t.Errorf("asked for: %v, found: %v, requests: %d", asked, found, len(w.requests))
		}
	}
}

func TestNobodyIsToldMoreThanTheDomain(t *testing.T) {
	refuse := func(out http.ResponseWriter, _ *http.Request) {
		http.Redirect(out, &http.Request{}, "https://example.org/elsewhere?from", http.StatusFound)
	}
	w := &world{pages: map[string]http.HandlerFunc{configPage: refuse, wellKnownPage: refuse, poxPage: refuse, jsonPage: refuse, directoryURL + "example.org": refuse}}
	w.find(t, "annabella@example.org", func(o *Options) { o.Directory = true })
	if len(w.requests) < 10 {
		t.Errorf("only %d requests", len(w.requests))
	}
	for _, request := range w.requests {
		for _, word := range []string{"annabella", "Authorization", "Cookie", "Referer"} {
			if strings.Contains(request, word) {
				t.Errorf("%s is in\n%s", word, request)
			}
		}
	}
}

func TestAGoodServerIsNotKeptWaitingForTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{srv: map[string][]*net.SRV{"imaps example.org": {{Target: "in.example.org.", Port: 993}}},
			servers: map[string]Seen{"imaps://in.example.org:993": good("ready")}}
		start := time.Now()
		r := w.find(t, "anna@example.org", func(o *Options) {
			o.Probe = func(ctx context.Context, e migration.Endpoint) Seen {
				if e.Host == "in.example.org" {
					return w.look(ctx, e)
				}
				<-ctx.Done() // a firewall that says nothing
				return Seen{Trouble: "timed out"}
			}
		})
		if took := time.Since(start); took != settleTime {
			t.Errorf("it took %s, want %s", took, settleTime)
		}
		if c := r.best(t); !c.Answers() {
			t.Errorf("got %+v", c)
		}
		if c := r.at("imaps://imap.example.org:993"); c == nil || c.Seen != nil {
			t.Errorf("what was not waited for counts as seen: %+v", c)
		}
	})
}

func TestTheSearchEndsWithItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		start := time.Now()
		r := w.find(t, "anna@example.org", func(o *Options) {
			o.Timeout = 3 * time.Second
			o.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
			o.Probe = func(ctx context.Context, _ migration.Endpoint) Seen { <-ctx.Done(); return Seen{Trouble: "timed out"} }
		})
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("it took %s, want 3 s", took)
		}
		if got := r.answerTo(configPage); got != "no answer in time" {
			t.Errorf("answer %q", got)
		}
		if c := r.best(t); c.Seen == nil || c.Seen.Answered {
			t.Errorf("got %+v", c)
		}
	})
}

func TestAnInterruptedSearchSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	w := &world{}
	probe := func(ctx context.Context, _ migration.Endpoint) Seen { cancel(); <-ctx.Done(); return Seen{} }
	if _, err := Find(ctx, "anna@example.org", Options{Resolver: w, Dial: w.serve(t), Probe: probe}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := Find(t.Context(), "example.org", Options{}); err == nil || !strings.Contains(err.Error(), "has no @") {
		t.Errorf("got %v", err)
	}
}
