package token

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
)

// overTLS is an authority on a real line, and options by which it is an authority.
func overTLS(t *testing.T, handler http.Handler) (Cloud, Options) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return Cloud{Authority: server.URL}, Options{Roots: roots, Hosts: []string{"127.0.0.1"}}
}

func settings() Office365 {
	return Office365{Tenant: testTenant, ClientID: testApp, Secret: secret.New(testSecret)}
}

// asked is the fault of one request without further tries.
func asked(t *testing.T, o Office365, options Options) *migration.Fault {
	t.Helper()
	p, err := NewOffice365(o, options)
	if err != nil {
		t.Fatal(err)
	}
	_, fault := p.asker.once(t.Context(), "")
	return fault
}

func TestOverARealLine(t *testing.T) {
	a := newAuthority()
	a.certificate = certificateOf(t, rsaKey().Public(), rsaKey(), century)
	o := settings()
	o.Secret, o.Certificate = secret.Text{}, secret.New(pkcs8(t, rsaKey())+pemOf("CERTIFICATE", a.certificate.Raw))
	cloud, options := overTLS(t, a)
	o.Cloud = cloud
	p, err := NewOffice365(o, options)
	if err != nil {
		t.Fatal(err)
	}
	if got := get(t, p, "u@contoso.example"); got.Reveal() != a.given[0] {
		t.Error("another token came out than went in")
	}

	g := newAuthority()
	g.google, g.users = &rsaKey().PublicKey, []string{"u@example.org"}
	cloud, options = overTLS(t, g)
	p, err = NewGoogle(Google{Key: keyFile(t, rsaKey(), nil), Authority: cloud.Authority + "/token"}, options)
	if err != nil {
		t.Fatal(err)
	}
	if got := get(t, p, "u@example.org"); got.Reveal() != g.given[0] {
		t.Error("another token came out than went in")
	}
}

func TestLinesThatBreak(t *testing.T) {
	cloud, options := overTLS(t, newAuthority())
	o := settings()
	o.Cloud = cloud
	change := func(how func(*Options)) Options { own := options; how(&own); return own }
	slow, _ := overTLS(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	plain, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = plain.Close() })
	go func() {
		for {
			conn, err := plain.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "* OK this is no HTTPS server\r\n")
			_ = conn.Close()
		}
	}()
	dialling := func(err error) func(*Options) {
		return func(o *Options) {
			o.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, err }
		}
	}
	policy := &migration.Fault{Class: migration.Stop, Code: migration.CodePolicy, Doing: "connecting there is not allowed", Remedy: "Ask."}
	for _, test := range []struct {
		name    string
		cloud   Cloud
		options Options
		class   migration.Class
		code    string
	}{
		{"unknown certificate authority", cloud, change(func(o *Options) { o.Roots = x509.NewCertPool() }), migration.Login, migration.CodeTLS},
		{"no TLS", Cloud{Authority: "https://" + plain.Addr().String()}, options, migration.Again, migration.CodeTLS},
		{"no answer", slow, change(func(o *Options) { o.Timeout = 100 * time.Millisecond }), migration.Again, migration.CodeTimeout},
		{"no such name", cloud, change(dialling(&net.DNSError{Name: "login.example", IsNotFound: true})), migration.Again, migration.CodeResolve},
		{"refused", cloud, change(dialling(errors.New("connection refused"))), migration.Again, migration.CodeConnect},
		{"not allowed", cloud, change(dialling(policy)), migration.Stop, migration.CodePolicy},
	} {
		t.Run(test.name, func(t *testing.T) {
			own := o
			own.Cloud = test.cloud
			fault := asked(t, own, test.options)
			if fault == nil || fault.Class != test.class || fault.Code != test.code || fault.Remedy == "" {
				t.Fatalf("got %#v", fault)
			}
			if !strings.Contains(fault.Error(), "asking 127.0.0.1:") || strings.Contains(fault.Error(), "/oauth2/") {
				t.Errorf("got %v", fault)
			}
		})
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	ok := func(body string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { _, _ = io.WriteString(w, body) }
	}
	status := func(status int, body string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { w.WriteHeader(status); ok(body)(w) }
	}
	for _, test := range []struct {
		name   string
		answer func(http.ResponseWriter)
		class  migration.Class
		code   string
		says   string
	}{
		{"a page", ok("<html>Welcome to the hotel</html>"), migration.Again, migration.CodeServerBug, "not the JSON"},
		{"no token", ok(`{"token_type":"Bearer","expires_in":3600}`), migration.Again, migration.CodeServerBug, "no token"},
		{"another type", ok(`{"access_token":"t","token_type":"mac","expires_in":3600}`), migration.Again, migration.CodeServerBug, "not a bearer token"},
		{"a token that would end its field", ok(`{"access_token":"t\u0001\u0001","token_type":"Bearer","expires_in":3600}`), migration.Again, migration.CodeServerBug, "characters"},
		{"a token with a line break", ok(`{"access_token":"t\r\nA1 LOGOUT","expires_in":3600}`), migration.Again, migration.CodeServerBug, "characters"},
		{"an ended token", ok(`{"access_token":"t","expires_in":0}`), migration.Again, migration.CodeServerBug, "ended already"},
		{"a life that is none", ok(`{"access_token":"t","expires_in":-5}`), migration.Again, migration.CodeServerBug, "not the JSON"},
		{"more than 1 MiB", ok(`{"access_token":"` + strings.Repeat("t", answerMost)), migration.Again, migration.CodeServerBug, "longer than 1 MiB"},
		{"a redirection", func(w http.ResponseWriter) {
			w.Header().Set("Location", "https://elsewhere.example/")
			w.WriteHeader(http.StatusTemporaryRedirect)
		}, migration.Again, migration.CodeServerBug, "redirection (status 307), which is not followed"},
		{"no reason", status(400, "Bad Request"), migration.Again, migration.CodeServerBug, "status 400 and no reason"},
		{"404", status(404, "<html>"), migration.Again, migration.CodeServerBug, "status 404"},
		{"500", status(500, "<html>"), migration.Later, migration.CodeServerBusy, "status 500"},
		{"429", status(429, ""), migration.Later, migration.CodeThrottled, "asks for a pause"},
	} {
		t.Run(test.name, func(t *testing.T) {
			requests := 0
			a := newAuthority()
			a.instead = func(w http.ResponseWriter, _ *http.Request, n int) bool { requests = n; test.answer(w); return true }
			fault := asked(t, settings(), Options{Transport: a})
			if fault == nil || fault.Class != test.class || fault.Code != test.code || !strings.Contains(fault.Error(), test.says) || fault.Remedy == "" {
				t.Errorf("got %v (%#v)", fault, fault)
			}
			if requests != 1 {
				t.Errorf("%d requests", requests)
			}
		})
	}
}

func TestLivesOfTokens(t *testing.T) {
	for body, want := range map[string]time.Duration{
		`{"access_token":"t","expires_in":3599}`:             3599 * time.Second,
		`{"access_token":"t","expires_in":"3599"}`:           3599 * time.Second,
		`{"access_token":"t","token_type":"bearer"}`:         lifeUnsaid,
		`{"access_token":"t","expires_in":null}`:             lifeUnsaid,
		`{"access_token":"t","expires_in":9000000000000000}`: lifeMost,
	} {
		if got, wrong := readAnswer([]byte(body)); wrong != "" || got.life != want {
			t.Errorf("%s: %v %s", body, got.life, wrong)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "0": 0, "120": 2 * time.Minute, "Sat, 28 Nov 2026 10:01:00 GMT": time.Minute,
		"Sat, 28 Nov 2026 09:00:00 GMT": 0, "99999999": pauseMost, "-1": 0, "soon": 0,
	} {
		if got := retryAfter(text, now); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// forms are the ways in which a secret might come back.
func forms(text string) []string {
	return []string{text, url.QueryEscape(text), url.PathEscape(text), hex.EncodeToString([]byte(text)),
		base64.StdEncoding.EncodeToString([]byte("x" + text)), base64.StdEncoding.EncodeToString([]byte(text)), strings.ReplaceAll(text, "~", "\x00~")}
}

// holds reports whether anything of a secret is in a text, in those forms.
func holds(all, text string) bool {
	for _, form := range forms(text) {
		// The ends of base64 depend on its neighbours too.
		if middle := form[min(4, len(form)/2):]; strings.Contains(all, middle[:len(middle)-4]) {
			return true
		}
	}
	return false
}

func TestSecretsAreInNoError(t *testing.T) {
	a := newAuthority()
	echo := ""
	a.instead = func(w http.ResponseWriter, r *http.Request, _ int) bool {
		_ = r.ParseForm()
		assertion := r.PostForm.Get("client_assertion") + r.PostForm.Get("assertion")
		if assertion != "" {
			echo = assertion
		}
		refuse(w, 400, "invalid_client", strings.Join(forms(echo), " "))
		return true
	}
	canary := pkcs8(t, rsaKey())
	google := withServiceAccount(t, a)
	for name, test := range map[string]struct {
		provider *Provider
		secrets  []string
	}{
		"secret":      {withSecret(t, a), []string{testSecret}},
		"certificate": {withCertificate(t, a), []string{canary[40:90]}},
		"google":      {google, []string{canary[40:90], "BEGIN PRIVATE KEY"}},
	} {
		t.Run(name, func(t *testing.T) {
			echo = testSecret
			_, err := test.provider.Token(t.Context(), "u@contoso.example")
			if err == nil {
				t.Fatal("no error")
			}
			fault := *migration.FaultOf(err)
			body, _ := json.Marshal(fault)
			var log strings.Builder
			slog.New(slog.NewJSONHandler(&log, nil)).Error("x", "fault", &fault, "error", err, "provider", test.provider)
			all := fmt.Sprintf("%v %+v %#v %s %s %s %#v", err, fault, fault, body, log.String(), fault.Text, test.provider.grant)
			for _, text := range append(test.secrets, echo) {
				if holds(all, text) {
					t.Errorf("the error holds a secret: %s", all)
				}
			}
			if !strings.Contains(fault.Text, "[redacted]") {
				t.Errorf("the authority did not echo: %q", fault.Text)
			}
		})
	}
}

func TestALineThatEchoesIsScrubbed(t *testing.T) {
	for _, line := range []string{"HTTP/1.1 " + testSecret + " no", testSecret, "HTTP/1.1 400 No\r\n" + testSecret} {
		listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = listener.Close() })
		transport := &http.Transport{DialTLSContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, listener.Addr().String())
		}, DisableKeepAlives: true}
		go func() {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			body := make([]byte, 4096)
			_, _ = conn.Read(body)
			_, _ = io.WriteString(conn, line+"\r\n\r\n")
			_ = conn.Close()
		}()
		fault := asked(t, settings(), Options{Transport: transport})
		if fault == nil || !strings.Contains(fault.Error(), "[redacted]") || holds(fmt.Sprintf("%+v %v %#v", *fault, fault.Err, fault.Err), testSecret) {
			t.Errorf("%q: got %v", line, fault)
		}
	}
}

func TestAWrongClockIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for offset, says := range map[time.Duration]string{3 * time.Hour: "3h0m0s behind", -10 * time.Minute: "10m0s ahead", 0: "takes this computer's clock for wrong"} {
			a := newAuthority()
			a.instead = func(w http.ResponseWriter, _ *http.Request, _ int) bool {
				w.Header().Set("Date", time.Now().Add(offset).UTC().Format(http.TimeFormat))
				refuse(w, 400, "invalid_client", "AADSTS700024: Client assertion is not within its valid time range.")
				return true
			}
			fault := asked(t, settings(), Options{Transport: a})
			if fault == nil || !strings.Contains(fault.Error(), says) || !strings.Contains(fault.Remedy, "NTP") {
				t.Errorf("%v: %v", offset, fault)
			}
		}
	})
}
