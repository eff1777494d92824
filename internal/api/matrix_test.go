package api_test

import (
	"cmp"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mailhaul/mailhaul/internal/api"
)

// mayAsk is the least role for every operation, written down a second time: a
// route that is not here fails the test.
var mayAsk = map[string]string{
	"set-up": "", "get-setup": "", "sign-in": "", "get-openapi": "",
	"begin-totp": "viewer", "confirm-totp": "viewer", "end-totp": "viewer", "list-sessions": "viewer", "end-session": "viewer", "get-settings": "viewer",
	"sign-out": "viewer", "who-am-i": "viewer", "change-password": "viewer", "list-tokens": "viewer", "create-token": "viewer", "revoke-token": "viewer",
	"list-endpoints": "viewer", "get-endpoint": "viewer", "list-batches": "viewer", "get-batch": "viewer", "watch-batch": "viewer", "list-notices": "viewer",
	"get-statistics-csv": "viewer", "get-errors-csv": "viewer", "get-report-html": "viewer", "get-report-json": "viewer", "get-statistics": "viewer",
	"get-handover-csv": "viewer", "get-handover-text": "viewer", "get-handover-html": "viewer", "send-handovers": "operator",
	"get-throughput": "viewer", "get-estimate": "viewer", "estimate-sizes": "viewer", "list-history": "viewer", "list-folders": "viewer", "send-report": "operator", "get-transcript": "operator",
	"act-on-mailboxes": "operator",
	"watch-dashboard":  "viewer",
	"list-mailboxes":   "viewer", "get-mailbox": "viewer", "watch-mailbox": "viewer", "list-findings": "viewer", "list-nodes": "viewer",
	"create-batch": "operator", "check-batch": "operator", "edit-batch": "operator", "add-mailboxes": "operator", "start-batch": "operator", "stop-batch": "operator",
	"sync-batch": "operator", "complete-batch": "operator", "approve-batch": "operator", "preflight-batch": "operator", "delete-batch": "operator", "preview-folders": "operator", "preview-source": "operator",
	"start-mailbox": "operator", "stop-mailbox": "operator", "retry-mailbox": "operator", "sync-mailbox": "operator", "approve-mailbox": "operator",
	"rotate-mailbox": "operator", "delete-mailbox": "operator", "get-message": "operator",
	"create-endpoint": "admin", "edit-endpoint": "admin", "delete-endpoint": "admin", "test-endpoint": "admin", "calibrate-endpoint": "admin",
	"list-cutovers": "viewer", "get-cutover": "viewer", "set-cutover": "operator", "check-cutover": "operator", "delete-cutover": "operator",
	"list-operators": "admin", "get-operator": "admin", "create-operator": "admin", "edit-operator": "admin", "delete-operator": "admin",
	"list-audit": "admin", "verify-audit": "admin", "rotate-keys": "admin", "get-backup": "admin", "edit-settings": "admin", "test-mail": "admin",
}

// identity is somebody who asks.
type identity struct {
	name string
	// role is what the identity is worth, empty for nothing.
	role   string
	header map[string]string
}

// operation is a route of the description.
type operation struct {
	id, method, path string
	kinds            []string // of the body
}

// operations are all routes, from the router itself.
func (s *server) operations() (all []operation) {
	for path, item := range s.api.Paths() {
		for method, op := range item {
			o := operation{id: op.OperationID, method: method, path: path}
			if op.RequestBody != nil {
				for kind := range op.RequestBody.Content {
					o.kinds = append(o.kinds, kind)
				}
			}
			all = append(all, o)
		}
	}
	// Signing out comes last: it ends the identity.
	slices.SortFunc(all, func(a, b operation) int {
		return cmp.Or(strings.Count(a.id, "sign-out")-strings.Count(b.id, "sign-out"), strings.Compare(a.id, b.id))
	})
	return all
}

var variable = regexp.MustCompile(`\{\w+\}`)

// url fills in names that nothing has, so that asking changes nothing.
func (o operation) url() string { return variable.ReplaceAllString(o.path, "no-such-thing") }

func (o operation) changes() bool { return o.method != http.MethodGet }

// harmless is a body that is well formed and asks for nothing that can be had.
func (o operation) harmless() (kind, body string) {
	switch {
	case slices.Contains(o.kinds, "application/json"):
		return "application/json", "{}"
	case slices.Contains(o.kinds, "multipart/form-data"):
		return "multipart/form-data; boundary=x", "--x--\r\n"
	}
	return "", ""
}

// identities are the eight of the matrix.
func (s *server) identities() []identity {
	cookie := func(session string) map[string]string { return map[string]string{"Cookie": "mailhaul=" + session} }
	bearer := func(token string) map[string]string { return map[string]string{"Authorization": "Bearer " + token} }
	viewerSession, viewerToken := s.operator("the-viewer", "viewer")
	operatorSession, _ := s.operator("the-operator", "operator")
	adminSession, adminToken := s.operator("root", "admin")
	_, expired := s.operator("late", "admin")
	s.execute("UPDATE token SET expires = 1 WHERE name = 'late'")
	_, revoked := s.operator("gone", "admin")
	s.execute("UPDATE token SET revoked = 1 WHERE name = 'gone'")
	return []identity{
		{"anonymous", "", nil}, {"viewer session", "viewer", cookie(viewerSession)}, {"operator session", "operator", cookie(operatorSession)},
		{"admin session", "admin", cookie(adminSession)}, {"viewer token", "viewer", bearer(viewerToken)}, {"admin token", "admin", bearer(adminToken)},
		{"expired token", "", bearer(expired)}, {"revoked token", "", bearer(revoked)},
	}
}

func (s *server) execute(query string, args ...any) {
	s.t.Helper()
	if _, err := s.store.DB().ExecContext(s.t.Context(), query, args...); err != nil {
		s.t.Fatal(err)
	}
}

// expected is what an identity gets: 401, 403, or neither.
func expected(least string, who identity) int {
	ranks := []string{"", "viewer", "operator", "admin"}
	switch {
	case least == "":
		return http.StatusOK
	case who.role == "":
		return http.StatusUnauthorized
	case slices.Index(ranks, who.role) < slices.Index(ranks, least):
		return http.StatusForbidden
	}
	return http.StatusOK
}

// TestAuthorisationMatrix: every route of the router times eight identities gets
// what the table says, and no route is missing from it.
func TestAuthorisationMatrix(t *testing.T) {
	s := newServer(t)
	identities, cases := s.identities(), 0
	for _, o := range s.operations() {
		least, listed := mayAsk[o.id]
		if !listed {
			t.Errorf("%s %s (%s) is not in the table of this test", o.method, o.path, o.id)
			continue
		}
		cases += s.row(o, least, identities)
	}
	t.Logf("%d routes, %d cases", len(s.operations()), cases)
	if len(s.operations()) != len(mayAsk) {
		t.Errorf("the table has %d routes, the router %d", len(mayAsk), len(s.operations()))
	}
}

func (s *server) row(o operation, least string, identities []identity) (cases int) {
	for _, who := range identities {
		cases++
		kind, body := o.harmless()
		headers := map[string]string{}
		for name, value := range who.header {
			headers[name] = value
		}
		if kind != "" {
			headers["Content-Type"] = kind
		}
		got := s.ask(o.method, o.url(), body, headers)
		want := expected(least, who)
		switch allowed := got.status != http.StatusUnauthorized && got.status != http.StatusForbidden; {
		case got.status >= http.StatusInternalServerError:
			s.t.Errorf("%s as %s: %d %s\n%s", o.id, who.name, got.status, got.body, s.log)
		case want == http.StatusOK && !allowed && least != "":
			s.t.Errorf("%s as %s: %d %s, and should be let in", o.id, who.name, got.status, got.body)
		case want != http.StatusOK && got.status != want:
			s.t.Errorf("%s as %s: %d, want %d", o.id, who.name, got.status, want)
		case want != http.StatusOK:
			if p := got.problem(s.t); p.Code == "" || p.Detail == "" || p.Status != got.status {
				s.t.Errorf("%s as %s: the problem is %+v", o.id, who.name, p)
			}
		}
	}
	return cases
}

// TestWhatAnotherSiteAsksForIsRefused: a browser that is signed in as an admin
// sends its cookie along, and says who asks.
func TestWhatAnotherSiteAsksForIsRefused(t *testing.T) {
	s := newServer(t)
	session, _ := s.operator("root", "admin")
	refused := 0
	for _, o := range s.operations() {
		if !o.changes() {
			continue
		}
		kind, body := o.harmless()
		got := s.ask(o.method, o.url(), body, map[string]string{"Cookie": "mailhaul=" + session, "Content-Type": kind, "Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"})
		if got.status != http.StatusForbidden || got.problem(t).Code != api.CodeCrossOrigin {
			t.Errorf("%s: %d %s", o.id, got.status, got.body)
		}
		refused++
	}
	t.Logf("%d routes", refused)
}

// TestBodiesThatAreNotWellFormedAreRefused: by kind (415), size (413) and unknown
// fields (400), and nothing of them is repeated.
func TestBodiesThatAreNotWellFormedAreRefused(t *testing.T) {
	s, _, header := asAdmin(t)
	admin := header["Authorization"]
	for _, o := range s.operations() {
		if len(o.kinds) == 0 {
			continue
		}
		many := 60_000
		if o.id == "estimate-sizes" {
			many *= 14 // it takes the sizes of a largest migration file
		}
		for name, c := range map[string]struct {
			kind, body string
			want       int
		}{
			"form of a site": {"application/x-www-form-urlencoded", "canary=1", http.StatusUnsupportedMediaType},
			"plain text":     {"text/plain", `{"canary": 1}`, http.StatusUnsupportedMediaType},
			"no kind":        {"", `{"canary": 1}`, http.StatusUnsupportedMediaType},
			"unknown field":  {"application/json", `{"canary": "canary-value"}`, http.StatusBadRequest},
			"no JSON":        {"application/json", `{"password": canary-value`, http.StatusBadRequest},
			"too large":      {"application/json", `{"name": "` + strings.Repeat("canary", many) + `"}`, http.StatusRequestEntityTooLarge},
		} {
			if !slices.Contains(o.kinds, "application/json") && c.kind == "application/json" {
				continue
			}
			got := s.ask(o.method, o.url(), c.body, map[string]string{"Authorization": admin, "Content-Type": c.kind})
			if got.status != c.want {
				t.Errorf("%s, %s: %d %s, want %d", o.id, name, got.status, got.body, c.want)
			}
			if p := got.problem(t); strings.Contains(fmt.Sprint(p.Detail), "canary") || strings.Contains(got.body, "canary-value") || strings.Contains(got.body, "canarycanary") {
				t.Errorf("%s, %s: what was sent is repeated: %s", o.id, name, got.body)
			}
		}
	}
}

func TestAWrongPathIsAProblem(t *testing.T) {
	s := newServer(t)
	for _, path := range []string{"/nothing", "/batches/x/nothing"} {
		if got := s.ask("GET", path, "", nil); got.status != http.StatusNotFound || got.problem(t).Code != api.CodeNoRoute {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}
