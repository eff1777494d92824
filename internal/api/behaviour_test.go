package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/api"
	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/report"
	"github.com/mailhaul/mailhaul/internal/secret"
)

// asAdmin gives a server with both endpoints, a client, and the header of its token.
func asAdmin(t *testing.T) (*server, *api.Client, map[string]string) {
	t.Helper()
	s := newServer(t)
	client, token := withEndpoints(s)
	return s, client, map[string]string{"Authorization": "Bearer " + token, "Content-Type": "application/json"}
}

// withEndpoints gives an admin's client, and makes the endpoints old and new.
func withEndpoints(s *server) (*api.Client, string) {
	t := s.t
	t.Helper()
	_, token := s.operator("root", "admin")
	client := s.client(token)
	for _, name := range []string{"old", "new"} {
		if _, err := client.CreateEndpoint(t.Context(), control.EndpointSpec{Name: name, Host: name + ".example.org"}, true); err != nil {
			t.Fatal(err)
		}
	}
	return client, token
}

// rows is a migration file with so many mailboxes.
func rows(n int) string {
	var b strings.Builder
	b.WriteString("EmailAddress,UserName,Password,TargetPassword\n")
	for i := range n {
		fmt.Fprintf(&b, "u%04d@example.org,u%04d,canary-source,canary-target\n", i, i)
	}
	return b.String()
}

func createBatch(t *testing.T, client *api.Client, name string, n int) control.BatchCreated {
	t.Helper()
	created, err := client.CreateBatch(t.Context(), control.BatchSpec{Name: name, Source: "old", Target: "new"}, strings.NewReader(rows(n)), "")
	if err != nil {
		t.Fatal(err)
	}
	return created
}

func problemOf(t *testing.T, err error) *api.Problem {
	t.Helper()
	var p *api.Problem
	if !errors.As(err, &p) {
		t.Fatalf("%v is no problem", err)
	}
	return p
}

func TestListsComeInPagesByTheirLastItem(t *testing.T) {
	s, client, header := asAdmin(t)
	createBatch(t, client, "pilot", 1234)
	seen := map[string]bool{}
	for m, err := range client.Mailboxes(t.Context(), control.MailboxQuery{Batch: "pilot"}) {
		if err != nil {
			t.Fatal(err)
		}
		seen[m.Address] = true
	}
	if len(seen) != 1234 {
		t.Errorf("%d mailboxes in all pages", len(seen))
	}
	got := s.ask("GET", "/mailboxes?batch=pilot&state=Queued&state=Failed&search=U0012&limit=1", "", header)
	if got.status != 200 || !strings.Contains(got.body, "u0012@example.org") || strings.Count(got.body, `"address"`) != 1 {
		t.Errorf("filtered: %d %s", got.status, got.body)
	}
	for _, query := range []string{"limit=0", "limit=1001", "cursor=nonsense", "unknown=1"} {
		if got := s.ask("GET", "/mailboxes?"+query, "", header); got.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", query, got.status, got.body)
		}
	}
}

func TestListsComeByPlacesWithATotal(t *testing.T) {
	s, client, header := asAdmin(t)
	createBatch(t, client, "pilot", 25)
	at := 20
	page, err := client.MailboxPage(t.Context(), control.MailboxQuery{Batch: "pilot", Search: "u00", States: []string{"Queued"}, Page: control.Page{Limit: 10}, Offset: &at, Sort: "-address"})
	if err != nil || len(page.Items) != 5 || page.Next != "" || page.Total == nil || *page.Total != 25 || page.Items[0].Address != "u0004@example.org" {
		t.Errorf("%+v, %v", page, err)
	}
	for query, want := range map[string]string{"offset=0&limit=1": `"total":25`, "sort=state&limit=1": `"total":25`, "limit=1": `"next":"1"`} {
		if got := s.ask("GET", "/mailboxes?"+query, "", header); got.status != 200 || !strings.Contains(got.body, want) || strings.Contains(got.body, "total") == strings.Contains(got.body, "next") {
			t.Errorf("%s: %d %s", query, got.status, got.body)
		}
	}
	for _, query := range []string{"offset=-1", "offset=x", "sort=size", "offset=1&cursor=1"} {
		if got := s.ask("GET", "/mailboxes?"+query, "", header); got.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", query, got.status, got.body)
		}
	}
}

func TestAnEditOfAnOldVersionIsRefused(t *testing.T) {
	s, client, header := asAdmin(t)
	before := s.ask("GET", "/endpoints/old", "", header)
	if before.headers.Get("ETag") == "" {
		t.Fatal("there is no ETag")
	}
	edit := func(match string) answer {
		headers := map[string]string{"If-Match": match}
		for name, value := range header {
			headers[name] = value
		}
		return s.ask("PATCH", "/endpoints/old?skipVerification=true", `{"connections": 2}`, headers)
	}
	first := edit(before.headers.Get("ETag"))
	if first.status != 200 || first.headers.Get("ETag") == before.headers.Get("ETag") {
		t.Fatalf("the first edit: %d %s", first.status, first.body)
	}
	if second := edit(before.headers.Get("ETag")); second.status != http.StatusPreconditionFailed || second.problem(t).Code != "changed" {
		t.Errorf("the second edit: %d %s", second.status, second.body)
	}
	if wrong := edit("nonsense"); wrong.status != http.StatusPreconditionFailed {
		t.Errorf("an ETag that is none: %d", wrong.status)
	}
	if last := edit(""); last.status != 200 {
		t.Errorf("without one: %d %s", last.status, last.body)
	}
	if e, err := client.Endpoint(t.Context(), "old"); err != nil || e.Connections != 2 {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestACreateThatIsSentAgainIsDoneOnce(t *testing.T) {
	s, client, header := asAdmin(t)
	header["Idempotency-Key"] = "key-1"
	const body = `{"name": "third", "host": "third.example.org", "adminUser": "root", "adminPassword": "canary-admin", "login": "master"}`
	first := s.ask("POST", "/endpoints?skipVerification=true", body, header)
	second := s.ask("POST", "/endpoints?skipVerification=true", body, header)
	if first.status != http.StatusCreated || second.status != http.StatusCreated || first.body != second.body || first.headers.Get("ETag") != second.headers.Get("ETag") {
		t.Errorf("%d %s\n%d %s", first.status, first.body, second.status, second.body)
	}
	if other := s.ask("POST", "/endpoints?skipVerification=true", strings.Replace(body, "third", "fourth", 1), header); other.status != http.StatusConflict && other.status != http.StatusBadRequest {
		t.Errorf("another request with the same key: %d %s", other.status, other.body)
	}
	spec := control.BatchSpec{Name: "pilot", Source: "old", Target: "new"}
	for range 2 {
		created, err := client.CreateBatch(t.Context(), spec, strings.NewReader(rows(3)), "key-2")
		if err != nil || created.Batch == nil || created.Batch.Counts.Total != 3 {
			t.Errorf("%+v, %v", created, err)
		}
	}
	if _, err := client.CreateBatch(t.Context(), spec, strings.NewReader(rows(4)), "key-2"); problemOf(t, err).Status == http.StatusCreated {
		t.Errorf("another file with the same key: %v", err)
	}
	if _, err := client.CreateBatch(t.Context(), spec, strings.NewReader(rows(3)), "key-3"); problemOf(t, err).Status != http.StatusConflict {
		t.Errorf("another create of the same name: %v", err)
	}
}

func TestAFileWithProblemsMakesNothingAndTellsThem(t *testing.T) {
	_, client, _ := asAdmin(t)
	bad := "EmailAddress,UserName,Password\nanna@example.org,anna,canary-1\nnot an address,luc,canary-2\n"
	spec := control.BatchSpec{Name: "pilot", Source: "old", Target: "new", FileOptions: control.FileOptions{TargetPassword: "canary-3"}}
	_, err := client.CreateBatch(t.Context(), spec, strings.NewReader(bad), "")
	p := problemOf(t, err)
	if p.File == nil || p.File.Errors == 0 || p.File.Mailboxes != 1 || len(p.File.Problems) == 0 {
		t.Fatalf("the problem is %+v", p)
	}
	if text, _ := json.Marshal(p); strings.Contains(string(text), "canary") {
		t.Errorf("the problem holds a password: %s", text)
	}
	if batches, err := client.Batches(t.Context()); err != nil || len(batches) != 0 {
		t.Errorf("%v, %v", batches, err)
	}
	spec.SkipBad = true
	if created, err := client.CreateBatch(t.Context(), spec, strings.NewReader(bad), ""); err != nil || created.Batch.Counts.Total != 1 {
		t.Errorf("with skipBad: %+v, %v", created, err)
	}
}

func TestAFileThatIsTooLargeIsRefused(t *testing.T) {
	_, client, _ := asAdmin(t)
	spec := control.BatchSpec{Name: "pilot", Source: "old", Target: "new"}
	_, err := client.CreateBatch(t.Context(), spec, io.LimitReader(endless{}, 30<<20), "")
	var p *api.Problem
	if !errors.As(err, &p) && err == nil {
		t.Fatal("it was taken")
	}
	if p != nil && p.Status != http.StatusBadRequest && p.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("%+v", p)
	}
	if batches, err := client.Batches(t.Context()); err != nil || len(batches) != 0 {
		t.Errorf("%v, %v", batches, err)
	}
}

// endless is a file without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = "a,b\n"[i%4]
	}
	return len(p), nil
}

func TestMoreRowsComeAsTextToo(t *testing.T) {
	s, client, header := asAdmin(t)
	createBatch(t, client, "pilot", 2)
	header["Content-Type"] = "text/csv"
	if got := s.ask("POST", "/batches/pilot/mailboxes", rows(5), header); got.status != 200 || !strings.Contains(got.body, `"added":3`) || !strings.Contains(got.body, `"known":2`) {
		t.Errorf("%d %s", got.status, got.body)
	}
	added, err := client.AddMailboxes(t.Context(), "pilot", control.FileOptions{FileName: "more.csv"}, strings.NewReader(rows(6)))
	if err != nil || added.Added != 1 || added.Known != 5 {
		t.Errorf("%+v, %v", added, err)
	}
}

func TestVerbsAreRefusedWithACodeAndASentence(t *testing.T) {
	_, client, _ := asAdmin(t)
	createBatch(t, client, "pilot", 1)
	_, err := client.AskBatch(t.Context(), "pilot", "complete")
	if p := problemOf(t, err); p.Code != "refused" || p.Status != http.StatusConflict || !strings.Contains(p.Detail, "it was not started yet") {
		t.Errorf("%+v", p)
	}
	for range 2 {
		if b, err := client.AskBatch(t.Context(), "pilot", "start"); err != nil || b.State == "Created" {
			t.Errorf("%+v, %v", b.State, err)
		}
	}
	_, err = client.AskMailbox(t.Context(), "pilot", "nobody@example.org", "start")
	if p := problemOf(t, err); p.Status != http.StatusNotFound || p.Code != "not-found" {
		t.Errorf("%+v", p)
	}
}

func TestALiveAnswerTellsEachChangeAndEndsWithWhatItIsAbout(t *testing.T) {
	s, client, _ := asAdmin(t)
	createBatch(t, client, "pilot", 2)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var states []string
	err := client.WatchBatch(ctx, "pilot", func(live api.LiveBatch) bool {
		states = append(states, live.Batch.State)
		if len(states) == 1 {
			if _, err := client.AskBatch(ctx, "pilot", "start"); err != nil {
				t.Error(err)
			}
		}
		return len(states) < 2
	})
	if err != nil || len(states) != 2 || states[0] != "Created" || states[1] == "Created" {
		t.Errorf("%v, %v", states, err)
	}
	if err := client.WatchBatch(ctx, "nothing", func(api.LiveBatch) bool { return true }); problemOf(t, err).Status != http.StatusNotFound {
		t.Errorf("%v", err)
	}
	ended := make(chan error, 1)
	go func() {
		ended <- client.WatchBatch(ctx, "pilot", func(api.LiveBatch) bool { s.api.EndLive(); return true })
	}()
	if err := <-ended; err != nil {
		t.Errorf("when the server stops: %v", err)
	}
}

func TestWhatIsAskedForIsSeenAtOnce(t *testing.T) {
	client, _ := withEndpoints(newServerLooking(t, time.Hour))
	createBatch(t, client, "pilot", 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	seen := 0
	err := client.WatchBatch(ctx, "pilot", func(api.LiveBatch) bool {
		if seen++; seen == 1 {
			if _, err := client.AskBatch(ctx, "pilot", "start"); err != nil {
				t.Error(err)
			}
		}
		return seen < 2
	})
	if err != nil || seen != 2 {
		t.Errorf("%d looks, %v", seen, err)
	}
}

func TestTheDashboardTellsEachChangeOfAllBatches(t *testing.T) {
	_, client, _ := asAdmin(t)
	createBatch(t, client, "pilot", 2)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var seen []control.Dashboard
	err := client.WatchDashboard(ctx, func(d control.Dashboard) bool {
		if seen = append(seen, d); len(seen) == 1 {
			if _, err := client.CreateBatch(ctx, control.BatchSpec{Name: "second", Source: "old", Target: "new"}, strings.NewReader("EmailAddress,UserName,Password,TargetPassword\nx@example.org,x,y,z\n"), ""); err != nil {
				t.Error(err)
			}
		}
		return len(seen) < 2
	})
	if err != nil || len(seen) != 2 {
		t.Fatalf("%+v, %v", seen, err)
	}
	first, second := seen[0], seen[1]
	if first.Counts.Total != 2 || first.Counts.Queued != 2 || first.Counts.States["Queued"] != 2 || len(first.Batches) != 1 || first.Nodes != 0 {
		t.Errorf("%+v", first)
	}
	if second.Counts.Total != 3 || len(second.Batches) != 2 || second.Batches[1].Name != "second" || second.Batches[1].States["Queued"] != 1 || second.Batches[1].Figures == nil {
		t.Errorf("%+v", second)
	}
}

func TestServersAreNotTriedWithoutEnd(t *testing.T) {
	_, client, _ := asAdmin(t)
	var p *api.Problem
	for i := range 20 {
		_, err := client.TestEndpoint(t.Context(), control.TestSpec{Name: "old"})
		if errors.As(err, &p) {
			if i < 10 || p.Status != http.StatusTooManyRequests {
				t.Errorf("test %d: %+v", i, p)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Error("20 tests in a row")
}

func TestSessionsAreInACookieThatScriptsDoNotSee(t *testing.T) {
	s := newServer(t)
	s.setUp()
	got := s.ask("POST", "/session", fmt.Sprintf(`{"name": "root", "password": %q}`, adminPassword), map[string]string{"Content-Type": "application/json"})
	cookie := got.headers.Get("Set-Cookie")
	for _, want := range []string{"mailhaul=", "HttpOnly", "SameSite=Strict", "Path=/"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("the cookie %q lacks %s", cookie, want)
		}
	}
	value, _, _ := strings.Cut(strings.TrimPrefix(cookie, "mailhaul="), ";")
	if strings.Contains(got.body, value) {
		t.Error("the session is in the answer's body")
	}
	if got := s.ask("GET", "/session", "", map[string]string{"Authorization": "Bearer " + value}); got.status != http.StatusUnauthorized {
		t.Errorf("a session as a token: %d", got.status)
	}
	header := map[string]string{"Cookie": "mailhaul=" + value}
	if got := s.ask("GET", "/session", "", header); got.status != 200 || !strings.Contains(got.body, `"root"`) {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := s.ask("DELETE", "/session", "", header); got.status != http.StatusNoContent || !strings.Contains(got.headers.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("signing out: %d %v", got.status, got.headers)
	}
	if got := s.ask("GET", "/session", "", header); got.status != http.StatusUnauthorized {
		t.Errorf("after signing out: %d", got.status)
	}
}

func TestTheClientSendsItsTokenNowhereElse(t *testing.T) {
	asked := make(chan string, 2)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.Header.Get("Authorization") }))
	defer other.Close()
	first := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) }))
	defer first.Close()
	client, err := api.NewClient(api.ClientOptions{Server: first.URL, Token: secret.New("mh_canary")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Batches(t.Context()); err == nil {
		t.Error("a redirect was followed")
	}
	if len(asked) > 0 {
		t.Errorf("another server got %q", <-asked)
	}
	for _, address := range []string{"http://mailhaul.example.org", "ftp://127.0.0.1", "127.0.0.1", "https://user:pass@h", ""} {
		if _, err := api.NewClient(api.ClientOptions{Server: address}); err == nil {
			t.Errorf("%q is taken", address)
		}
	}
}

func TestNoAnswerHoldsASecret(t *testing.T) {
	s, client, header := asAdmin(t)
	createBatch(t, client, "pilot", 3)
	if _, err := client.SetEndpoint(t.Context(), "old", control.EndpointPatch{}, 0, true); err != nil {
		t.Log(err)
	}
	for _, path := range []string{"/endpoints", "/batches", "/batches/pilot", "/mailboxes", "/batches/pilot/mailboxes/u0001%40example.org", "/operators", "/tokens", "/audit", "/nodes"} {
		got := s.ask("GET", path, "", header)
		if got.status != 200 || strings.Contains(got.body, "canary") || strings.Contains(got.body, adminPassword) || strings.Contains(got.body, "argon2") {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	if log := s.log.String(); strings.Contains(log, "canary") {
		t.Errorf("the log holds a password: %s", log)
	}
}

func TestWhoOnlyLooksReadsNoSubjectsInReports(t *testing.T) {
	s, client, _ := asAdmin(t)
	if _, err := client.CreateBatch(t.Context(), control.BatchSpec{Name: "pilot", Source: "old", Target: "new"}, strings.NewReader(rows(1)), ""); err != nil {
		t.Fatal(err)
	}
	for role, sees := range map[string]bool{"viewer": false, "operator": true} {
		_, token := s.operator("a "+role, role)
		for _, file := range []string{report.ErrorsFile, report.HTMLFile, "report.json"} {
			body, err := s.client(token).Report(t.Context(), "pilot", file)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(body)
			body.Close()
			if read := strings.Contains(string(text), "takeover"); err != nil || read && !sees || file == report.ErrorsFile && read != sees {
				t.Errorf("%s, %s: %v\n%s", role, file, err, text)
			}
		}
	}
}

func TestAReportIsShownAsAPageThatCanDoNothing(t *testing.T) {
	s, client, _ := asAdmin(t)
	createBatch(t, client, "pilot", 1)
	_, token := s.operator("a viewer", "viewer")
	for file, shown := range map[string]bool{report.HTMLFile: true, report.ErrorsFile: false, report.StatisticsFile: false, "report.json": false} {
		got := s.ask(http.MethodGet, "/batches/pilot/reports/"+file, "", map[string]string{"Authorization": "Bearer " + token})
		kind, names, err := mime.ParseMediaType(got.headers.Get("Content-Disposition"))
		if err != nil || kind == "inline" != shown || names["filename"] != "pilot-"+file {
			t.Errorf("%s: %d, %q, %v", file, got.status, got.headers.Get("Content-Disposition"), err)
		}
		if policy := got.headers.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "sandbox; default-src 'none';") {
			t.Errorf("%s: the policy is %q", file, policy)
		}
	}
}

func TestWhatIsWrongDoesNotCountAsATest(t *testing.T) {
	_, client, _ := asAdmin(t)
	good := control.EndpointSpec{Name: "other", Host: "other.example.org"}
	bad := good
	bad.Migrations = new(int)
	taken := good
	taken.Name = "old"
	for range 11 {
		_, err := client.TestEndpoint(t.Context(), control.TestSpec{Endpoint: &bad})
		if p := problemOf(t, err); p.Code != "invalid" {
			t.Fatalf("a bad test: %v", err)
		}
		_, err = client.TestEndpoint(t.Context(), control.TestSpec{Name: "nosuch"})
		if p := problemOf(t, err); p.Code != "not-found" {
			t.Fatalf("a test of none: %v", err)
		}
		_, err = client.CreateEndpoint(t.Context(), bad, false)
		if p := problemOf(t, err); p.Code != "invalid" {
			t.Fatalf("a bad endpoint: %v", err)
		}
		_, err = client.CreateEndpoint(t.Context(), taken, false)
		if p := problemOf(t, err); p.Code != "name-taken" {
			t.Fatalf("a name that is taken: %v", err)
		}
		_, err = client.CalibrateEndpoint(t.Context(), "nosuch", control.CalibrationSpec{Mailbox: "anna"})
		if p := problemOf(t, err); p.Code != "not-found" {
			t.Fatalf("a calibration of none: %v", err)
		}
	}
	for n := range 11 {
		_, err := client.TestEndpoint(t.Context(), control.TestSpec{Endpoint: &good})
		if n < 10 && err != nil {
			t.Fatalf("good test %d: %v", n, err)
		}
		if n == 10 && problemOf(t, err).Code != "too-many" {
			t.Errorf("the eleventh: %v", err)
		}
	}
	_, err := client.TestEndpoint(t.Context(), control.TestSpec{Endpoint: &bad})
	if p := problemOf(t, err); p.Code != "invalid" {
		t.Errorf("a bad test after ten: %v", err)
	}
}
