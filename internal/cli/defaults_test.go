package cli

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/migration"
)

func TestCopyTakesTheFoldersThatAreNamed(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	b.deliver("Rausgegangen", 3)
	b.to.Create("Verschickt")
	named := []string{"--source-default-folder", "Sent=rausgegangen", "--target-default-folder", "sent=Verschickt", "--target-default-folder", "Junk=Nirgends"}
	execute(t, b.addressed("copy", append(named, "--dry-run")...)...).want(t, exitDone, "Verschickt")
	execute(t, b.addressed("copy", named...)...).want(t, exitDone)
	if n := b.to.Len("Verschickt"); n != 3 {
		t.Errorf("%d messages in the folder; there are %q", n, b.to.Folders())
	}
	execute(t, b.addressed("verify", named...)...).want(t, exitDone)
	execute(t, b.addressed("copy", "--source-default-folder", "Calendar=x")...).want(t, exitUsage, "--source-default-folder: ", "it is one of Sent, Drafts, Trash, Junk, Archive")
	execute(t, b.addressed("copy", "--target-default-folder", "Sent")...).want(t, exitUsage, "--target-default-folder: ", "write USE=FOLDER")
}

func TestEndpointCommandsNameDefaultFolders(t *testing.T) {
	s := serveTLS(t)
	s.run("endpoint", "create", "new", "imaps://imap.example.org", "--skip-verification", "--default-folder", "Sent=Gesendete Elemente", "--default-folder", "junk=Müll, alt").
		want(t, exitDone, "default folders", "Sent=Gesendete Elemente, Junk=Müll, alt")
	s.run("endpoint", "set", "new", "--default-folder", "Junk=", "--default-folder", "Archive=Ablage").want(t, exitDone, "Sent=Gesendete Elemente, Archive=Ablage")
	s.run("endpoint", "show", "new").want(t, exitDone, "Sent=Gesendete Elemente, Archive=Ablage")
	s.run("endpoint", "show", "new", "--json").want(t, exitDone, `"Archive": "Ablage"`)
	s.run("endpoint", "set", "new", "--default-folder", "Outbox=x").want(t, exitUsage, "it is one of Sent, Drafts, Trash, Junk, Archive")
	s.run("endpoint", "set", "new", "--default-folder", "Outbox").want(t, exitUsage, "--default-folder: ", "write USE=FOLDER")
	s.run("endpoint", "set", "new", "--graph-folders").want(t, exitUsage, "has no use with login user")
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.run("endpoint", "create", "cloud", "--type", "office365", "--tenant", tenantID, "--client-id", clientID, "--client-secret-file", secret, "--skip-verification", "--graph-folders").
		want(t, exitDone, "asked for default folders")
	s.run("endpoint", "set", "cloud", "--graph", "https://graph.microsoft.us").want(t, exitDone, "asked for default folders at https://graph.microsoft.us")
	s.run("endpoint", "set", "cloud", "--graph-folders=false", "--graph", "").want(t, exitDone)
	if r := s.run("endpoint", "show", "cloud"); strings.Contains(r.out, "default folders") {
		t.Errorf("shown as %s", r.out)
	}
	s.run("endpoint", "set", "cloud", "--graph", "https://graph.example.org").want(t, exitUsage, "is none of graph.microsoft.com")
}

// graphOfOne is Microsoft Graph that knows what a mailbox calls its sent folder, or
// answers with a status.
func graphOfOne(t *testing.T, status *atomic.Int64, asked *atomic.Int64) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		folder, right := strings.CutPrefix(r.URL.Path, "/v1.0/users/"+person(0)+"/mailFolders/")
		if !right || !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ey") {
			t.Errorf("asked %s with %q", r.URL, r.Header.Get("Authorization"))
		}
		switch code := int(status.Load()); {
		case code != 0:
			w.WriteHeader(code)
		case folder == "sentitems":
			_ = json.NewEncoder(w).Encode(map[string]string{"displayName": "Rausgegangen"})
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}
}

// graphServing copies from a plain server to Exchange Online, whose one mailbox calls
// its folder for sent mail as nobody does.
func graphServing(t *testing.T, status, asked *atomic.Int64) *serving {
	t.Helper()
	a := newAuthority(t)
	a.graph = graphOfOne(t, status, asked)
	s := newServing(t, t.TempDir()+"/mailhaul.db", servingOptions{tls: true, mailboxes: 1, letters: 8, doorman: a.doorman(), tokenHosts: []string{"127.0.0.1"},
		new: imapfake.Options{Personality: imapfake.ExchangeOnline(), Tokens: a.tokens}, endpoint: func(spec *control.EndpointSpec) {
			if spec.Name == "new" {
				byApp(t, a, spec)
				spec.GraphFolders, spec.Graph = true, a.URL
			}
		}})
	s.must(s.new.User(person(0)).Rename("Sent Items", "Rausgegangen"))
	rows := fmt.Sprintf("EmailAddress,UserName,Password\n%s,%s,old-%s\n", person(0), person(0), person(0))
	_, err := s.service.CreateBatch(s.Context(), boss, control.BatchSpec{Name: "pilot", Source: "old", Target: "new"}, strings.NewReader(rows))
	s.must(err)
	s.do(s.service.PreflightBatch, "pilot")
	s.await(time.Minute, "it is tried", func() bool { return s.rows("pilot")[0].Preflight != nil })
	s.do(s.service.StartBatch, "pilot")
	s.awaitState("pilot", migration.BatchSynced)
	return s
}

func TestMicrosoftGraphTellsTheDefaultFolders(t *testing.T) {
	t.Parallel()
	var status, asked atomic.Int64
	s := graphServing(t, &status, &asked)
	if n := s.new.User(person(0)).Len("Rausgegangen"); n != 2 {
		t.Errorf("%d messages in the folder; there are %q", n, s.new.User(person(0)).Folders())
	}
	if n := asked.Load(); n != 5 {
		t.Errorf("%d requests", n)
	}
	if found := s.findings(); slices.ContainsFunc(found, func(f control.Finding) bool { return f.Code == migration.CodeDefaultFolders }) {
		t.Errorf("found %+v", found)
	}
}

func TestMicrosoftGraphThatRefusesIsNotInTheWay(t *testing.T) {
	t.Parallel()
	for code, remedy := range map[int64]string{403: "Mail.ReadBasic.All of Microsoft Graph, and grant admin consent", 429: "the next pass asks again"} {
		var status, asked atomic.Int64
		status.Store(code)
		s := graphServing(t, &status, &asked)
		if n := s.new.User(person(0)).Len("Sent"); n != 2 {
			t.Errorf("%d: %d messages in the folder; there are %q", code, n, s.new.User(person(0)).Folders())
		}
		tried := s.rows("pilot")[0].Preflight
		if !tried.OK || len(tried.Warnings) != 1 || tried.Warnings[0].Code != migration.CodeDefaultFolders || !strings.Contains(tried.Warnings[0].Remedy, remedy) && code != 429 {
			t.Errorf("%d: the preflight has %+v", code, tried)
		}
		found := s.findings()
		if !slices.ContainsFunc(found, func(f control.Finding) bool {
			return f.Code == migration.CodeDefaultFolders && strings.Contains(f.Reason, "found by their names instead") && strings.Contains(f.Remedy, remedy)
		}) {
			t.Errorf("%d: found %+v", code, found)
		}
	}
}

// findings are those of the first mailbox.
func (s *serving) findings() []control.Finding {
	s.Helper()
	page, err := s.service.Findings(s.Context(), boss, "pilot", person(0), control.Page{Limit: 100})
	s.must(err)
	return page.Items
}

func TestATestSaysWhetherMicrosoftGraphAnswers(t *testing.T) {
	var status, asked atomic.Int64
	a := newAuthority(t)
	a.graph = graphOfOne(t, &status, &asked)
	server := imapfake.New(imapfake.Options{Personality: imapfake.ExchangeOnline(), Tokens: a.tokens})
	t.Cleanup(server.Close)
	server.AddUser(person(0), "p")
	ca, cert, key := certificate(t)
	pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	address, err := server.ListenTLS(pair)
	if err != nil {
		t.Fatal(err)
	}
	endpoint, _, err := migration.ParseURL("imaps://" + address)
	if err != nil {
		t.Fatal(err)
	}
	endpoint.CA = []byte(ca)
	v := visitor{dial: control.DialPolicy{AllowLoopback: true}.Dial, log: slog.New(slog.DiscardHandler), doorman: a.doorman()}
	account := control.Account{Endpoint: endpoint, User: person(0), Password: control.Password("s3cret-of-the-app").Text(), Login: migration.LoginMethod{Form: migration.LoginOffice365,
		App: migration.App{Tenant: tenantID, Client: clientID, Authority: a.URL, Graph: a.URL, GraphFolders: true}}}
	folders := func() control.ProbeStep {
		steps, _ := v.Probe(t.Context(), account)
		return steps[len(steps)-1]
	}
	status.Store(http.StatusForbidden)
	if s := folders(); s.Result != control.StepOK || !strings.Contains(s.Detail, "13 folders; the default folders were found by their names instead: ") || !strings.Contains(s.Remedy, "Mail.ReadBasic.All") {
		t.Errorf("refused: %+v", s)
	}
	status.Store(0)
	if s := folders(); s.Result != control.StepOK || s.Remedy != "" || !strings.HasSuffix(s.Detail, "13 folders; Microsoft Graph tells the default ones: Sent=Rausgegangen") {
		t.Errorf("answered: %+v", s)
	}
}
