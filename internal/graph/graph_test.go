package graph

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
	"github.com/mailhaul/mailhaul/internal/token"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	tenant  = "contoso.example"
	app     = "11111111-2222-3333-4444-555555555555"
	canary  = "c4nary-token-of-graph-0123456789"
	anna    = "anna o'neil@contoso.example"
	asked   = "/v1.0/users/anna%20o%27neil@contoso.example/mailFolders/"
	german  = "Gesendete Elemente|Entwürfe|Gelöschte Elemente|Junk-E-Mail|Archiv"
	wanted  = "Sent=Gesendete Elemente, Drafts=Entwürfe, Trash=Gelöschte Elemente, Junk=Junk-E-Mail, Archive=Archiv"
	without = "Sent=Gesendete Elemente, Drafts=Entwürfe, Trash=Gelöschte Elemente, Junk=Junk-E-Mail"
)

// service is the authority and Microsoft Graph, and judges what both are asked.
type service struct {
	testing.TB
	mu     sync.Mutex
	asked  []string // well-known names
	tokens int
	// answer answers the n-th request of Graph in its place, if it wants to.
	answer func(w http.ResponseWriter, r *http.Request, n int) bool
	// scope is what tokens are to be asked with.
	scope string
}

func newService(t testing.TB) *service {
	return &service{TB: t, scope: "https://graph.microsoft.com/.default"}
}

func (s *service) count() (requests, tokens int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked), s.tokens
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.HasSuffix(r.URL.Path, "/oauth2/v2.0/token") {
		s.tokens++
		if err := r.ParseForm(); err != nil || r.PostForm.Get("scope") != s.scope || r.PostForm.Get("client_id") != app {
			s.Errorf("asked for a token with %v, %v", r.PostForm, err)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"token_type": "Bearer", "expires_in": 3600, "access_token": fmt.Sprintf("%s-%d", canary, s.tokens)})
		return
	}
	folder, right := strings.CutPrefix(r.URL.EscapedPath(), asked)
	body, err := io.ReadAll(r.Body)
	if r.Method != http.MethodGet || !right || r.URL.RawQuery != "$select=displayName" || err != nil || len(body) > 0 {
		s.Errorf("asked %s %s with %q, %v", r.Method, r.URL, body, err)
	}
	if got, want := r.Header.Get("Authorization"), fmt.Sprintf("Bearer %s-%d", canary, s.tokens); got != want {
		s.Errorf("asked with %q, not %q", got, want)
	}
	s.asked = append(s.asked, folder)
	if s.answer != nil && s.answer(w, r, len(s.asked)) {
		return
	}
	for i, name := range strings.Split(german, "|") {
		if wellKnown[i].name == folder {
			_ = json.NewEncoder(w).Encode(map[string]any{"@odata.context": "x", "id": "AAMk", "displayName": name})
			return
		}
	}
	s.Errorf("asked for the folder %q", folder)
}

// RoundTrip answers without a line, for bubbles.
func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	recorder := httptest.NewRecorder()
	s.ServeHTTP(recorder, r)
	return recorder.Result(), nil
}

func application(cloud token.Cloud) token.Office365 {
	return token.Office365{Tenant: tenant, ClientID: app, Secret: secret.New("app-secret"), Cloud: cloud}
}

// client asks the service without a line.
func (s *service) client(cloud token.Cloud) *Client {
	s.Helper()
	c, err := New(application(cloud), token.Options{Transport: s})
	if err != nil {
		s.Fatal(err)
	}
	return c
}

// overTLS asks it on a real line.
func (s *service) overTLS(t *testing.T) (cloud token.Cloud, options token.Options) {
	t.Helper()
	server := httptest.NewUnstartedServer(s)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return token.Cloud{Authority: server.URL, GraphAddress: server.URL}, token.Options{Roots: roots, Hosts: []string{"127.0.0.1"}}
}

func (s *service) mustKnow(c *Client, want string) {
	s.Helper()
	folders, err := c.DefaultFolders(s.Context(), anna)
	if err != nil || folders.String() != want {
		s.Errorf("got %q, %v", folders, err)
	}
}

func TestFoldersAreAskedOnceOverALine(t *testing.T) {
	s := newService(t)
	cloud, options := s.overTLS(t)
	c, err := New(application(cloud), options)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		s.mustKnow(c, wanted)
	}
	if requests, tokens := s.count(); requests != 5 || tokens != 1 {
		t.Errorf("%d requests and %d tokens", requests, tokens)
	}
}

func TestEachCloudHasItsOwnGraph(t *testing.T) {
	for name, host := range map[string]string{"": "graph.microsoft.com", "gcc-high": "graph.microsoft.us", "dod": "dod-graph.microsoft.us", "china": "microsoftgraph.chinacloudapi.cn"} {
		s := newService(t)
		s.scope = "https://" + host + "/.default"
		s.answer = func(_ http.ResponseWriter, r *http.Request, _ int) bool {
			if r.URL.Host != host {
				t.Errorf("%s: asked %s", name, r.URL)
			}
			return false
		}
		s.mustKnow(s.client(token.Cloud{Name: name, Scope: "https://outlook.example/.default"}), wanted)
	}
	if _, err := New(application(token.Cloud{GraphAddress: "https://graph.example.org"}), token.Options{}); err == nil || !strings.Contains(err.Error(), "is none of") {
		t.Errorf("a stranger would get tokens: %v", err)
	}
}

func TestAFolderThatIsNotThereIsLeftOut(t *testing.T) {
	s := newService(t)
	s.answer = func(w http.ResponseWriter, r *http.Request, _ int) bool {
		if strings.HasSuffix(r.URL.Path, "/archive") {
			w.WriteHeader(http.StatusNotFound)
			return true
		}
		return false
	}
	s.mustKnow(s.client(token.Cloud{}), without)
}

func TestAnswersThatAreNone(t *testing.T) {
	status := func(status int, body string, header ...string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	denied := `{"error":{"code":"ErrorAccessDenied","message":"Access is denied, Bearer ` + canary + `-1.\r\n"}}`
	for _, test := range []struct {
		name         string
		answer       func(http.ResponseWriter)
		class        migration.Class
		code         string
		says, remedy string
		requests     int
	}{
		{"403", status(403, denied), migration.Login, migration.CodeNoAccess, "ErrorAccessDenied: Access is denied, Bearer [redacted]", "add the application permission Mail.ReadBasic.All of Microsoft Graph", 1},
		{"401", status(401, ""), migration.Login, migration.CodeToken, "does not take the token", "contoso.example", 1},
		{"404", status(404, `{"error":{"code":"ErrorInvalidUser"}}`), migration.OneMailbox, migration.CodeNotConnected, "knows none of them for anna", "licence", 5},
		{"429", status(429, "", "Retry-After", "120"), migration.Later, migration.CodeThrottled, "pause of 2m0s", "the next pass asks again", 1},
		{"429 for ever", status(429, "", "Retry-After", "99999999999"), migration.Later, migration.CodeThrottled, "pause of 1m0s", "the next pass", 1},
		{"503", status(503, "<html>"), migration.Later, migration.CodeServerBusy, "status 503", "the next pass", 1},
		{"a redirection", status(302, "", "Location", "https://elsewhere.example/"), migration.Again, migration.CodeServerBug, "is not followed", "Something else", 1},
		{"teapot", status(418, ""), migration.Again, migration.CodeServerBug, "status 418", "Something else", 1},
		{"a page", status(200, "<html>Welcome to the hotel"), migration.Again, migration.CodeServerBug, "not the JSON", "sign-in page", 1},
		{"another object", status(200, `{"value":[]}`), migration.Again, migration.CodeServerBug, "not the JSON", "sign-in page", 1},
		{"too much", status(200, `{"displayName":"`+strings.Repeat("x", answerMost)), migration.Again, migration.CodeServerBug, "longer than 64 KiB", "Something else", 1},
		{"one name for all", status(200, `{"displayName":"Same"}`), migration.Again, migration.CodeServerBug, "two uses", "Something else", 5},
		{"the INBOX", status(200, `{"displayName":"Inbox"}`), migration.Again, migration.CodeServerBug, "INBOX", "Something else", 5},
		{"the token and a bell", status(200, `{"displayName":"`+canary+`-1\u0007"}`), migration.Again, migration.CodeServerBug, "[redacted]", "Something else", 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newService(t)
			s.answer = func(w http.ResponseWriter, _ *http.Request, _ int) bool { test.answer(w); return true }
			_, err := s.client(token.Cloud{}).DefaultFolders(t.Context(), anna)
			fault := migration.FaultOf(err)
			if fault == nil || fault.Class != test.class || fault.Code != test.code || !strings.Contains(fault.Error(), test.says) || !strings.Contains(fault.Remedy, test.remedy) {
				t.Fatalf("got %v (%+v)", err, fault)
			}
			if !strings.HasPrefix(fault.Error(), "asking graph.microsoft.com for the default folders") {
				t.Errorf("got %v", fault)
			}
			if all := fmt.Sprintf("%v %+v %#v %v", fault, *fault, fault, fault.Err); strings.Contains(all, canary) {
				t.Errorf("the token is in %s", all)
			}
			if requests, _ := s.count(); requests != test.requests {
				t.Errorf("%d requests", requests)
			}
		})
	}
}

func TestAShortPauseIsWaitedForOnceAndALongOneIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		pauses := []string{"3", "3"}
		s.answer = func(w http.ResponseWriter, _ *http.Request, n int) bool {
			if n > len(pauses) || pauses[n-1] == "" {
				return false
			}
			w.Header().Set("Retry-After", pauses[n-1])
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		}
		c, begin := s.client(token.Cloud{}), time.Now()
		if _, err := c.DefaultFolders(t.Context(), anna); migration.CodeOf(err) != migration.CodeThrottled || time.Since(begin) != 3*time.Second {
			t.Errorf("the second pause: %v after %v", err, time.Since(begin))
		}
		if _, err := c.DefaultFolders(t.Context(), anna); migration.CodeOf(err) != migration.CodeThrottled || time.Since(begin) != 3*time.Second {
			t.Errorf("within the pause: %v after %v", err, time.Since(begin))
		}
		if requests, _ := s.count(); requests != 2 {
			t.Errorf("%d requests", requests)
		}
		time.Sleep(3 * time.Second)
		s.mustKnow(c, wanted)

		s = newService(t)
		pauses = []string{"", "5"}
		s.answer = func(w http.ResponseWriter, _ *http.Request, n int) bool {
			if n != 2 {
				return false
			}
			w.Header().Set("Retry-After", "5")
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		begin = time.Now()
		s.mustKnow(s.client(token.Cloud{}), wanted)
		if time.Since(begin) != 5*time.Second {
			t.Errorf("waited %v", time.Since(begin))
		}
	})
}

// TestAPermissionThatIsGrantedLaterHelps: the refused token is exchanged once it is old
// enough.
func TestAPermissionThatIsGrantedLaterHelps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.answer = func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			if s.tokens > 1 {
				return false
			}
			w.WriteHeader(http.StatusForbidden)
			return true
		}
		c := s.client(token.Cloud{})
		for range 2 {
			if _, err := c.DefaultFolders(t.Context(), anna); migration.CodeOf(err) != migration.CodeNoAccess {
				t.Errorf("got %v", err)
			}
			time.Sleep(2 * time.Minute)
		}
		s.mustKnow(c, wanted)
	})
}

func TestLinesThatBreak(t *testing.T) {
	s := newService(t)
	cloud, options := s.overTLS(t)
	change := func(how func(*token.Options)) token.Options { own := options; how(&own); return own }
	policy := &migration.Fault{Class: migration.Stop, Code: migration.CodePolicy, Doing: "connecting there is not allowed", Remedy: "Ask."}
	// The token comes over the good line, and Graph over the other.
	known := func(options token.Options) *Client {
		c, err := New(application(cloud), options)
		if err != nil {
			t.Fatal(err)
		}
		if c.tokens, err = token.NewOffice365(application(cloud).Graph(), change(func(*token.Options) {})); err != nil {
			t.Fatal(err)
		}
		return c
	}
	for _, test := range []struct {
		name    string
		options token.Options
		code    string
	}{
		{"unknown certificate authority", change(func(o *token.Options) { o.Roots = x509.NewCertPool() }), migration.CodeTLS},
		{"refused", change(func(o *token.Options) {
			o.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("connection refused") }
		}), migration.CodeConnect},
		{"not allowed", change(func(o *token.Options) {
			o.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, policy }
		}), migration.CodePolicy},
	} {
		_, err := known(test.options).DefaultFolders(t.Context(), anna)
		fault := migration.FaultOf(err)
		if fault == nil || fault.Code != test.code || fault.Remedy == "" || !strings.HasPrefix(fault.Error(), "asking 127.0.0.1:") {
			t.Errorf("%s: got %v", test.name, err)
		}
	}
	s.answer = func(_ http.ResponseWriter, r *http.Request, _ int) bool { <-r.Context().Done(); return true }
	slow := known(change(func(o *token.Options) { o.Timeout = 50 * time.Millisecond }))
	if _, err := slow.DefaultFolders(t.Context(), anna); migration.CodeOf(err) != migration.CodeTimeout {
		t.Errorf("slow: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := slow.DefaultFolders(ctx, anna); migration.CodeOf(err) != migration.CodeInterrupted {
		t.Errorf("interrupted: %v", err)
	}
}

func TestAMailboxWithoutANameIsNotAsked(t *testing.T) {
	s := newService(t)
	for _, mailbox := range []string{"", ".", ".."} {
		if _, err := s.client(token.Cloud{}).DefaultFolders(t.Context(), mailbox); err == nil {
			t.Errorf("%q has default folders", mailbox)
		}
	}
	if requests, _ := s.count(); requests > 0 {
		t.Errorf("%d requests", requests)
	}
}

func TestATokenThatDoesNotComeIsExplained(t *testing.T) {
	options := token.Options{Transport: refusing{}}
	c, err := New(application(token.Cloud{}), options)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.DefaultFolders(t.Context(), anna)
	if fault := migration.FaultOf(err); fault == nil || !strings.Contains(fault.Remedy, "Mail.ReadBasic.All of Microsoft Graph") {
		t.Errorf("got %+v", fault)
	}
}

// refusing is an authority whose tenant has not consented.
type refusing struct{}

func (refusing) RoundTrip(*http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	recorder.WriteHeader(http.StatusBadRequest)
	_, _ = io.WriteString(recorder, `{"error":"invalid_grant","error_description":"AADSTS65001: no consent","error_codes":[65001]}`)
	return recorder.Result(), nil
}
