package control

import (
	"strings"
	"testing"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// detail is what the newest record of the audit log tells.
func (w *world) detail() string {
	w.t.Helper()
	page, err := w.AuditRecords(w.ctx(), w.admin, Page{Limit: 1})
	if err != nil {
		w.t.Fatal(err)
	}
	return page.Items[0].Detail
}

func TestAnEndpointNamesDefaultFolders(t *testing.T) {
	w := newWorld(t)
	e, err := w.CreateEndpoint(w.ctx(), w.admin, EndpointSpec{Name: "new", Host: "h", DefaultFolders: map[string]string{"sent": " Gesendete Elemente/", "Junk": "Müll"}}, true)
	if err != nil {
		t.Fatal(err)
	}
	if got := migration.DefaultFolders(e.DefaultFolders).String(); got != "Sent=Gesendete Elemente, Junk=Müll" {
		t.Errorf("created with %q", got)
	}
	if !strings.Contains(w.detail(), `"defaultFolders":{"Junk":"Müll","Sent":"Gesendete Elemente"}`) {
		t.Errorf("the audit log tells %s", w.detail())
	}
	e, err = w.SetEndpoint(w.ctx(), w.admin, "new", EndpointPatch{DefaultFolders: &map[string]string{"Junk": "", "archive": "Ablage"}}, 0, true)
	if got := migration.DefaultFolders(e.DefaultFolders).String(); err != nil || got != "Sent=Gesendete Elemente, Archive=Ablage" {
		t.Errorf("changed to %q, %v", got, err)
	}
	if !strings.Contains(w.detail(), `"defaultFolders":{"Archive":"Ablage","Sent":"Gesendete Elemente"}`) {
		t.Errorf("the audit log tells %s", w.detail())
	}
	if _, err := w.SetEndpoint(w.ctx(), w.admin, "new", EndpointPatch{Connections: ptr(2)}, 0, true); err != nil || strings.Contains(w.detail(), "defaultFolders") {
		t.Errorf("%v; the audit log tells what was not changed: %s", err, w.detail())
	}
	e, err = w.SetEndpoint(w.ctx(), w.admin, "new", EndpointPatch{DefaultFolders: &map[string]string{"Sent": "", "Archive": ""}}, 0, true)
	if err != nil || len(e.DefaultFolders) != 0 {
		t.Errorf("%v %v", e.DefaultFolders, err)
	}
	for use, text := range map[string]string{"Inbox": "is one of Sent, Drafts, Trash, Junk, Archive", "Sent": "name another folder"} {
		_, err := w.SetEndpoint(w.ctx(), w.admin, "new", EndpointPatch{DefaultFolders: &map[string]string{use: "INBOX"}}, 0, true)
		wants(t, err, Invalid, "invalid", text)
	}
}

func TestMicrosoftGraphIsAskedOnlyOfOffice365AndWhereItIs(t *testing.T) {
	w := newWorld(t)
	spec := EndpointSpec{Name: "cloud", Type: "office365", Tenant: "contoso.example", ClientID: "11111111-2222-3333-4444-555555555555", ClientSecret: adminCanary, GraphFolders: true}
	e, err := w.CreateEndpoint(w.ctx(), w.admin, spec, true)
	if err != nil || !e.GraphFolders {
		t.Fatalf("%+v %v", e, err)
	}
	e, err = w.SetEndpoint(w.ctx(), w.admin, "cloud", EndpointPatch{GraphFolders: ptr(false), Graph: ptr("https://graph.microsoft.us")}, 0, true)
	if err != nil || e.GraphFolders || e.Graph != "https://graph.microsoft.us" || !e.HasAdminPassword {
		t.Errorf("%+v %v", e, err)
	}
	if !strings.Contains(w.detail(), "https://graph.microsoft.us") {
		t.Errorf("the audit log tells %s", w.detail())
	}
	for address, text := range map[string]string{
		"https://graph.example.org":      "is none of graph.microsoft.com, ",
		"http://graph.microsoft.com":     "must begin with https://",
		"https://graph.microsoft.com/v1": "must hold no path",
		"https://a@graph.microsoft.com":  "must hold no user name",
		"graph":                          "is no address",
	} {
		_, err := w.SetEndpoint(w.ctx(), w.admin, "cloud", EndpointPatch{Graph: &address}, 0, true)
		wants(t, err, Invalid, "invalid", text)
		spec.Name, spec.Graph = "other", address
		_, err = w.CreateEndpoint(w.ctx(), w.admin, spec, true)
		wants(t, err, Invalid, "invalid", text)
	}
	_, err = w.CreateEndpoint(w.ctx(), w.admin, EndpointSpec{Name: "plain", Host: "h", GraphFolders: true}, true)
	wants(t, err, Invalid, "invalid", "has no use with login user")
	_, err = w.CreateEndpoint(w.ctx(), w.admin, EndpointSpec{Name: "plain", Host: "h", Graph: "https://graph.microsoft.com"}, true)
	wants(t, err, Invalid, "invalid", "has no use with login user")
}
