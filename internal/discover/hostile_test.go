package discover

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mailhaul/mailhaul/internal/migration"
)

func TestRecordsThatAreNoServersAreNotUsed(t *testing.T) {
	for _, r := range []net.SRV{
		{Target: "in.example.org.", Port: 0},
		{Target: "localhost.", Port: 993},
		{Target: "in.exam\x1b[31mple.org.", Port: 993},
		{Target: "in.example.org/evil.", Port: 993},
		{Target: "127.1.", Port: 993},
		{Target: "fe80::1%eth0", Port: 993},
		{Target: strings.Repeat("a.", 200) + "org.", Port: 993},
		{Target: strings.Repeat("a", 64) + ".org.", Port: 993},
	} {
		w := &world{srv: map[string][]*net.SRV{"imaps example.org": {&r}}}
		result := w.find(t, "anna@example.org", nil)
		if got := result.answerTo("_imaps._tcp"); !strings.HasPrefix(got, "not usable: ") || migration.SafeText(got) != got {
			t.Errorf("%+v: answer %q", r, got)
		}
		for _, c := range result.Candidates {
			if c.Named() {
				t.Errorf("%+v: proposed as %s", r, urlOf(c.Endpoint))
			}
		}
	}
}

func TestAFloodOfRecordsIsCut(t *testing.T) {
	w := &world{srv: map[string][]*net.SRV{}, mx: map[string][]*net.MX{}}
	for i := range 1000 {
		w.srv["imaps example.org"] = append(w.srv["imaps example.org"], &net.SRV{Target: fmt.Sprintf("s%d.example.org.", i), Port: 993})
		w.srv["imap example.org"] = append(w.srv["imap example.org"], &net.SRV{Target: fmt.Sprintf("i%d.example.org.", i), Port: 143})
		w.mx["example.org"] = append(w.mx["example.org"], &net.MX{Host: fmt.Sprintf("m%d.example.org.", i)})
	}
	r := w.find(t, "anna@example.org", nil)
	if len(w.looked) > candidatesMost || len(r.Candidates) != len(w.looked) {
		t.Errorf("%d servers were looked at, %d are candidates", len(w.looked), len(r.Candidates))
	}
	if r.at("imaps://imap.example.org:993") == nil {
		t.Error("the flood has crowded the usual names out")
	}
}

func TestOnlyWhatIsAFileIsRead(t *testing.T) {
	entities := `<?xml version="1.0"?><!DOCTYPE c [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>` + strings.Replace(autoconfigOf("in.example.org", "993", "SSL", ""), `<?xml version="1.0" encoding="UTF-8"?>`, "", 1)
	for name, test := range map[string]struct{ body, want string }{
		"HTML":             {"<!doctype html><html><head><title>Welcome</title><body><p>Here is nothing<br></body></html>", "it is not an autoconfig file"},
		"nothing":          {"", "it is not an autoconfig file"},
		"another document": {"<feed><entry/></feed>", "it is not an autoconfig file"},
		"cut off":          {autoconfigOf("in.example.org", "993", "SSL", "")[:200], "it is not an autoconfig file"},
		"entities":         {strings.Replace(entities, "in.example.org", "&b;.example.org", 1), "it is not an autoconfig file"},
		"depth":            {strings.Repeat("<clientConfig>", 60000), "it is not an autoconfig file"},
		"no server":        {"<clientConfig><emailProvider/></clientConfig>", "it names no IMAP server"},
		"huge":             {autoconfigOf("in.example.org", "993", "SSL", strings.Repeat("a", bodyMost)), "it is larger than 1048576 bytes"},
		"bad host":         {autoconfigOf("in.example.org/x?y@z", "993", "SSL", ""), "not usable: in.example.org/x?y@z port 993"},
		"bad port":         {autoconfigOf("in.example.org", "99999999999999999999", "SSL", ""), "not usable: in.example.org port 9223372036854775807"},
		"no port":          {autoconfigOf("in.example.org", "", "SSL", ""), "not usable: in.example.org port 0"},
		"control bytes":    {autoconfigOf("in.\u202eexample.org", "993", "SSL", ""), "not usable: in.example.org port 993"},
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{pages: map[string]http.HandlerFunc{configPage: textPage(test.body)}}
			r := w.find(t, "anna@example.org", nil)
			if got := r.answerTo(configPage); got != test.want {
				t.Errorf("answer %q, want %q", got, test.want)
			}
			for _, c := range r.Candidates {
				if c.Named() {
					t.Errorf("proposed %s", urlOf(c.Endpoint))
				}
			}
		})
	}
}

func TestAFileWithManyServersIsCut(t *testing.T) {
	var text strings.Builder
	text.WriteString("<clientConfig><emailProvider>")
	for i := range 2000 {
		fmt.Fprintf(&text, `<incomingServer type="imap"><hostname>s%d.example.org</hostname><port>993</port><socketType>SSL</socketType></incomingServer>`, i)
	}
	text.WriteString("</emailProvider></clientConfig>")
	servers, err := readAutoconfig([]byte(text.String()), "example.org")
	if err != nil || len(servers) != recordsMost {
		t.Errorf("%d servers, %v", len(servers), err)
	}
}

func TestRedirectionsAreFewAndKeepTLS(t *testing.T) {
	to := func(address string) http.HandlerFunc {
		return func(out http.ResponseWriter, request *http.Request) {
			http.Redirect(out, request, address, http.StatusFound)
		}
	}
	file := textPage(autoconfigOf("in.example.org", "993", "SSL", ""))
	const hop = "https://hop.example.net/"
	for name, test := range map[string]struct {
		first http.HandlerFunc
		want  string
	}{
		"three":         {to(hop + "2"), "in.example.org port 993"},
		"four":          {to(hop + "1"), "it leads on more than 3 times"},
		"a loop":        {to(configPage), "it leads on more than 3 times"},
		"to http":       {to("http://example.org/file"), "it leads to an address without https, which is not followed"},
		"to a file":     {to("file:///etc/passwd"), "it leads to an address without https, which is not followed"},
		"with password": {to("https://user:secret@hop.example.net/4"), "it leads to an address without https, which is not followed"},
		"to nowhere":    {to("https://nowhere.example.net/"), "no such host"},
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{pages: map[string]http.HandlerFunc{configPage: test.first, hop + "1": to(hop + "2"), hop + "2": to(hop + "3"), hop + "3": to(hop + "4"), hop + "4": file}}
			if got := w.find(t, "anna@example.org", nil).answerTo(configPage); got != test.want {
				t.Errorf("answer %q, want %q", got, test.want)
			}
		})
	}
}

func TestAnAnswerWithoutEndIsCut(t *testing.T) {
	var sent atomic.Int64
	var done sync.WaitGroup
	done.Add(1)
	w := &world{pages: map[string]http.HandlerFunc{configPage: func(out http.ResponseWriter, _ *http.Request) {
		defer done.Done()
		for {
			n, err := io.WriteString(out, strings.Repeat("<clientConfig>", 1000))
			if sent.Add(int64(n)); err != nil || sent.Load() > 100<<20 {
				return
			}
		}
	}}}
	if got := w.find(t, "anna@example.org", nil).answerTo(configPage); got != errBody.Error() {
		t.Errorf("answer %q", got)
	}
	done.Wait()
	if sent.Load() > 50<<20 {
		t.Errorf("%d bytes were taken", sent.Load())
	}
}

func TestACertificateOfAnotherIsNotTrustedForPages(t *testing.T) {
	w := &world{pages: map[string]http.HandlerFunc{configPage: textPage(autoconfigOf("in.example.org", "993", "SSL", ""))}}
	dial := w.serve(t)
	r := w.find(t, "anna@example.org", func(o *Options) {
		o.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) { // all names lead to one server
			return dial(ctx, network, "autoconfig.example.org:443")
		}
	})
	if got := r.answerTo(wellKnownPage); !strings.Contains(got, "certificate is valid for autoconfig.example.org, not example.org") {
		t.Errorf("answer %q", got)
	}
	if r = w.find(t, "anna@example.org", func(o *Options) { o.Roots = nil }); !strings.Contains(r.answerTo(configPage), "unknown authority") {
		t.Errorf("answer %q", r.answerTo(configPage))
	}
}

func TestWhatServersSayIsFitToBeShown(t *testing.T) {
	evil := "Dovecot \x1b[31m\r\nready\u202e " + strings.Repeat("x", 10000)
	w := &world{servers: map[string]Seen{"imaps://imap.example.org:993": {Answered: true, Greeting: evil, Trouble: evil, Remedy: evil,
		ID: map[string]string{"name": evil, "version": evil, "\x1b": "x", "user": "other"}, Capabilities: append(make([]string, 1000), evil)}},
		mx: map[string][]*net.MX{"example.org": {{Host: "m\x1b[31m.example.org."}}}, cname: map[string]string{"autodiscover.example.org": "x\x1b.example.net."}}
	r := w.find(t, "anna@example.org", nil)
	seen := r.at("imaps://imap.example.org:993").Seen
	texts := append([]string{seen.Greeting, seen.Trouble, seen.Remedy, seen.ID["name"], seen.ID["version"]}, seen.Capabilities...)
	for _, a := range r.Asked {
		texts = append(texts, a.Question, a.Answer)
	}
	for _, text := range append(texts, r.Notes...) {
		if migration.SafeText(text) != text || len([]rune(text)) > textMost+3 {
			t.Errorf("not fit to be shown: %q", text)
		}
	}
	if len(seen.ID) != 2 || len(seen.Capabilities) > 200 {
		t.Errorf("kept %v and %d capabilities", seen.ID, len(seen.Capabilities))
	}
}

func FuzzAutoconfig(f *testing.F) {
	f.Add([]byte(autoconfigOf("in.example.org", "993", "SSL", "%EMAILADDRESS%")))
	f.Add([]byte(autoconfigOf("in.%EMAILDOMAIN%", "143", "STARTTLS", "%EMAILLOCALPART%")))
	f.Add([]byte(`<!DOCTYPE x [<!ENTITY a "b">]><clientConfig>&a;</clientConfig>`))
	f.Fuzz(func(t *testing.T, text []byte) {
		servers, err := readAutoconfig(text, "example.org")
		proposeSafely(t, servers, err)
	})
}

func FuzzAutodiscover(f *testing.F) {
	f.Add([]byte(`<Autodiscover><Response><Account><Protocol><Type>IMAP</Type><Server>in.example.org</Server><Port>143</Port><Encryption>TLS</Encryption></Protocol></Account></Response></Autodiscover>`))
	f.Add([]byte(`{"Protocol":"AutodiscoverV1","Url":"https://owa.example.org/autodiscover/autodiscover.xml"}`))
	f.Add([]byte(`{"Protocol":"x","Url":"https://[fe80::1%25eth0]/"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		servers, err := readPOX(text)
		proposeSafely(t, servers, err)
		if host, err := readJSON(text); err == nil {
			if again, ok := hostName(host); !ok || again != host {
				t.Errorf("the host %q", host)
			}
		}
	})
}

// proposeSafely has a board take in what was read, and checks what is proposed.
func proposeSafely(t *testing.T, servers []server, err error) {
	t.Helper()
	if err != nil && len(servers) > 0 || len(servers) > recordsMost {
		t.Fatalf("%d servers, %v", len(servers), err)
	}
	look := func(context.Context, migration.Endpoint) Seen { return Seen{} }
	b := newBoard(Options{Probe: look}, "anna", "example.org", func() {})
	b.answered(FromAutoconfig, "question", b.proposeServers(t.Context(), servers, Evidence{FromAutoconfig, "file", weightAutoconfig}))
	b.work.Wait()
	r := b.result()
	for _, c := range r.Candidates {
		e, user, err := migration.ParseURL(urlOf(c.Endpoint))
		if err != nil || user != "" || e.Host != c.Endpoint.Host || e.Port != c.Endpoint.Port || e.Security != c.Endpoint.Security {
			t.Errorf("the endpoint %+v: %v", c.Endpoint, err)
		}
		if migration.SafeText(c.UserName) != c.UserName || !strings.Contains(c.UserName, "anna") {
			t.Errorf("the user name %q", c.UserName)
		}
	}
	for _, a := range r.Asked {
		if migration.SafeText(a.Answer) != a.Answer {
			t.Errorf("the answer %q", a.Answer)
		}
	}
}
