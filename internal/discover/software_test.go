package discover

import (
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// The greetings are those of real servers, as they are found in public logs.
func TestSoftwareIsRecognised(t *testing.T) {
	tests := []struct {
		greeting string
		id       map[string]string
		caps     string
		want     string
		forms    string // beside user
	}{
		{"Dovecot (Debian) ready.", nil, "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ AUTH=PLAIN", "Dovecot", "master"},
		{"Welcome to our mail system", map[string]string{"name": "Dovecot"}, "IMAP4rev1 ID", "Dovecot", "master"},
		{"mail.example.org Cyrus IMAP 3.6.1-Debian-3.6.1-4 server ready", nil, "IMAP4rev1", "Cyrus IMAP", "authzid"},
		{"server ready", map[string]string{"name": "Cyrus IMAPD", "version": "2.4.17", "vendor": "Project Cyrus"}, "IMAP4rev1 ID", "Cyrus IMAP", "authzid"},
		{"Courier-IMAP ready. Copyright 1998-2018 Double Precision, Inc.  See COPYING for distribution information.", nil, "IMAP4rev1 UIDPLUS", "Courier", "userroot"},
		{"The Microsoft Exchange IMAP4 service is ready. [TABPADUAUAAxADYAQwBBADAAMAA1ADQALgBuAGEA]", nil, "IMAP4 IMAP4rev1", "Exchange", "exchange"},
		{"Microsoft Exchange Server 2003 IMAP4rev1 server version 6.5.7638.1 (mx.example.org) ready.", nil, "IMAP4", "Exchange", "exchange"},
		{"ready", map[string]string{"name": "Microsoft.Exchange.Imap4.Imap4Server", "version": "15.20"}, "IMAP4 ID", "Exchange", "exchange"},
		{"zimbra.example.org Zimbra IMAP4rev1 server ready", nil, "IMAP4rev1 ID", "Zimbra", "authzid"},
		{"IMAP4 ready", map[string]string{"name": "Zimbra", "version": "8.8.15_GA_3869", "release": "20190917004220"}, "IMAP4rev1 ID", "Zimbra", "authzid"},
		{"mail.example.org Kerio Connect 9.2.12 IMAP4rev1 server ready", nil, "IMAP4rev1", "Kerio Connect", "kerio"},
		{"testdrive.example.org Mirapoint IMAP4 1.0 server ready", nil, "IMAP4", "Mirapoint", "mirapoint"},
		{"Mirapoint IMAP4PROXY 1.0 server ready", nil, "IMAP4", "Mirapoint", "mirapoint"},
		{"Messaging Multiplexor (Sun Java(tm) System Messaging Server 7.2-7.02 (built Apr 16 2009))", nil, "IMAP4 IMAP4rev1", "Oracle Messaging Server", "proxyauth userroot"},
		{"venus.example.org IMAP4 service (iPlanet Messaging Server 5.2 HotFix 1.02 (built Sep 16 2002))", nil, "IMAP4", "Oracle Messaging Server", "proxyauth userroot"},
		{"ready", nil, "IMAP4rev1 X-NETSCAPE XSERVERINFO X-SUN-SORT X-SUN-IMAP", "Oracle Messaging Server", "proxyauth userroot"},
		{"Domino IMAP4 Server Release 9.0.1 ready Tue, 30 Jan 2018 13:59:48 +0200", nil, "IMAP4rev1", "Domino", ""},
		{"IMAPrev1", nil, "IMAP4 IMAP4rev1 CHILDREN IDLE QUOTA SORT ACL NAMESPACE RIGHTS=texk", "hMailServer", ""},
		{"example.org IMAP4rev1 MDaemon 21.0.2 ready", nil, "IMAP4rev1", "MDaemon", ""},
		{"localhost IMAP4rev1 2007e.404 at Tue, 5 Mar 2013 10:21:11 +0100 (CET)", nil, "IMAP4REV1 I18NLEVEL=1", "UW IMAP", "master"},
		{"Gimap ready for requests from 192.0.2.1 y7mb52459270vsd", nil, "IMAP4rev1 UNSELECT", "Gmail", "google"},
		{"ready", nil, "IMAP4rev1 X-GM-EXT-1", "Gmail", "google"},
		{"CommuniGate Pro IMAP Server 6.2.14 at mail.example.org ready", nil, "IMAP4", "CommuniGate Pro", ""},
		{"IMAP4rev1 GroupWise Server Ready", nil, "IMAP4rev1", "GroupWise", ""},
		{"JAMES IMAP4rev1 Server mail.example.org is ready.", nil, "IMAP4rev1", "Apache James", "authzid"},
		{"FirstClass IMAP4rev1 server v12.1 at mail.example.org ready", nil, "IMAP4", "FirstClass", ""},
		{"IMAP4 server ready", nil, "IMAP4rev1 X-NETSCAPE", "", ""}, // Cyrus announces that too
		{"IMAP4rev1 ready", nil, "IMAP4rev1", "", ""},
		{"My name is not undovecoted", nil, "IMAP4rev1", "", ""},
	}
	for _, test := range tests {
		got := recognise(Seen{Greeting: test.greeting, ID: test.id, Capabilities: strings.Fields(strings.ToUpper(test.caps))})
		name, forms := "", ""
		if got != nil {
			name = got.name
			var words []string
			for _, form := range got.logins[1:] {
				words = append(words, string(form))
			}
			forms = strings.Join(words, " ")
		}
		if name != test.want || forms != test.forms {
			t.Errorf("%q %v: got %q with %q, want %q with %q", test.greeting, test.id, name, forms, test.want, test.forms)
		}
	}
}

func TestEveryFormIsExplained(t *testing.T) {
	var used []migration.LoginForm
	for _, s := range makes {
		used = append(used, s.logins...)
		if s.logins[0] != migration.LoginUser {
			t.Errorf("%s begins with %s", s.name, s.logins[0])
		}
	}
	for _, p := range providers {
		used = append(used, p.logins...)
	}
	for _, form := range used {
		if loginOf(form).How == "" {
			t.Errorf("%s is not explained", form)
		}
	}
	for _, login := range logins {
		if !slices.Contains(used, login.Form) {
			t.Errorf("nobody uses %s", login.Form)
		}
	}
	for _, form := range []migration.LoginForm{migration.LoginUser, migration.LoginAuthzid, migration.LoginMaster} {
		if loginOf(form).Admin != form.HasAdmin() {
			t.Errorf("%s: whether it has an administrator differs", form)
		}
	}
}

func TestTheTableOfProvidersIsWellFormed(t *testing.T) {
	seen := map[string]string{}
	for _, p := range providers {
		if p.host == "" && (len(p.logins) > 0 || p.note == "") {
			t.Errorf("%s has no server: the note must say why", p.name)
		}
		if host, ok := hostName(p.host); p.host != "" && (!ok || host != p.host) {
			t.Errorf("%s: %q is no host", p.name, p.host)
		}
		if p.host != "" && len(p.logins) == 0 && p.note == "" {
			t.Errorf("%s has no form of signing in: the note must say why", p.name)
		}
		if p.note != "" && !strings.HasSuffix(p.note, ".") {
			t.Errorf("%s: the note is no sentence", p.name)
		}
		for kind, names := range map[string][]string{"domain": p.domains, "mx": p.mx, "alias": p.alias} {
			for _, name := range names {
				if lower, ok := hostName(name); !ok || lower != name {
					t.Errorf("%s: %q is no name", p.name, name)
				}
				if other := seen[kind+" "+name]; other != "" {
					t.Errorf("%s %s is of %s and of %s", kind, name, other, p.name)
				}
				seen[kind+" "+name] = p.name
			}
		}
		if len(p.domains)+len(p.mx)+len(p.alias) == 0 {
			t.Errorf("%s is found by nothing", p.name)
		}
	}
	for _, host := range []string{"mx-aol.mail.gm0.yahoodns.net", "mta5.am0.yahoodns.net"} {
		if want := map[bool]string{true: "AOL Mail", false: "Yahoo Mail"}[strings.Contains(host, "aol")]; byMX(host).name != want {
			t.Errorf("%s is of %s, want %s", host, byMX(host).name, want)
		}
	}
	if byMX("mail.evilgoogle.com") != nil || byMX("google.com.evil.example") != nil || byDomain("notgmail.com") != nil {
		t.Error("a name that only looks like a provider's is taken for it")
	}
}

func TestTheProvidersFormsStandAboveTheSoftwares(t *testing.T) {
	exchange := good("The Microsoft Exchange IMAP4 service is ready.")
	w := &world{cname: map[string]string{"autodiscover.example.org": "autodiscover.outlook.com."}, servers: map[string]Seen{"imaps://outlook.office365.com:993": exchange}}
	c := w.find(t, "anna@example.org", nil).best(t)
	if c.Software != "Exchange" || len(c.Logins) != 1 || c.Logins[0].Form != migration.LoginOffice365 || c.Confidence != Sure {
		t.Errorf("got %s with %v, %s", c.Software, c.Logins, c.Confidence)
	}
	gmail := &world{servers: map[string]Seen{"imaps://imap.gmail.com:993": good("Gimap ready for requests")}}
	if c := gmail.find(t, "anna@gmail.com", nil).best(t); len(c.Logins) != 1 || c.Logins[0].Form != migration.LoginUser {
		t.Errorf("a person's Gmail has no service account, got %v", c.Logins)
	}
}

func TestThatPasswordsAreRefusedIsTold(t *testing.T) {
	for caps, want := range map[string]bool{"IMAP4REV1 LOGINDISABLED AUTH=XOAUTH2": true, "IMAP4REV1 LOGINDISABLED AUTH=PLAIN": false, "IMAP4REV1": false} {
		seen := good("ready")
		seen.Capabilities = strings.Fields(caps)
		w := &world{servers: map[string]Seen{"imaps://imap.example.org:993": seen}}
		if c := w.find(t, "anna@example.org", nil).best(t); slices.Contains(c.Notes, "It announces no sign-in by password.") != want {
			t.Errorf("%s: notes %v", caps, c.Notes)
		}
	}
}

func TestTheOrderOfCandidates(t *testing.T) {
	bad := Seen{Answered: true, Trouble: "the certificate has expired"}
	w := &world{
		srv: map[string][]*net.SRV{"imaps example.org": {{Target: "dead.example.org.", Port: 993}}, "imap example.org": {{Target: "in.example.org.", Port: 143}}},
		servers: map[string]Seen{"imap://in.example.org:143": good("ready"), "imaps://in.example.org:993": good("ready"),
			"imaps://imap.example.org:993": bad, "imaps://mail.example.org:993": good("ready")},
	}
	r := w.find(t, "anna@example.org", nil)
	var order []string
	for _, c := range r.Candidates[:4] {
		order = append(order, urlOf(c.Endpoint))
	}
	want := []string{"imap://in.example.org:143", "imaps://mail.example.org:993", "imaps://dead.example.org:993", "imaps://imap.example.org:993"}
	if !slices.Equal(order, want) {
		t.Errorf("got %v, want %v", order, want)
	}
}
