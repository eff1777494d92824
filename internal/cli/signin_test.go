package cli

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/store"
	"github.com/mailhaul/mailhaul/internal/token"
)

// authority gives bearer tokens and tells the mail server of them. What it is asked
// with is judged by the tests of the package token.
type authority struct {
	*httptest.Server
	tokens *imapfake.Tokens
	mu     sync.Mutex
	given  int
	roles  []string
	answer string // instead of a token
	// graph is Microsoft Graph on the same host, nil for none.
	graph http.HandlerFunc
}

func newAuthority(t *testing.T) *authority {
	a := &authority{tokens: &imapfake.Tokens{}, roles: []string{"IMAP.AccessAsApp"}}
	a.Server = httptest.NewTLSServer(http.HandlerFunc(a.serve))
	t.Cleanup(a.Close)
	return a
}

func (a *authority) serve(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if a.graph != nil && strings.HasPrefix(r.URL.Path, "/v1.0/") {
		a.graph(w, r)
		return
	}
	if a.answer != "" {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, a.answer)
		return
	}
	a.given++
	claims, _ := json.Marshal(map[string]any{"aud": "https://outlook.office365.com", "roles": a.roles, "appid": clientID, "tid": tenantID, "oid": objectID, "exp": time.Now().Add(time.Hour).Unix(), "n": a.given})
	part := base64.RawURLEncoding.EncodeToString
	bearer := part([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + part(claims) + "." + part([]byte("signature"))
	a.tokens.Issue(bearer, time.Time{})
	_ = json.NewEncoder(w).Encode(map[string]any{"token_type": "Bearer", "expires_in": 3599, "access_token": bearer})
}

const (
	tenantID = "11111111-2222-3333-4444-555555555555"
	clientID = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
	objectID = "99999999-8888-7777-6666-555555555555"
)

func (a *authority) doorman() *doorman {
	pool := x509.NewCertPool()
	pool.AddCert(a.Certificate())
	return &doorman{authorities: token.Options{Roots: pool, Hosts: []string{"127.0.0.1"}}}
}

// serviceAccount is the key file of an account at the authority.
func (a *authority) serviceAccount(t *testing.T) string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file, err := json.Marshal(map[string]string{"type": "service_account", "client_email": "mover@project.iam.gserviceaccount.com", "client_id": "1234", "private_key_id": "k",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": a.URL + "/token"})
	if err != nil {
		t.Fatal(err)
	}
	return string(file)
}

const rootPassword = "c4nary-of-root"

// system is a make of server and one way to sign in to it.
type system struct {
	name        string
	personality imapfake.Personality
	endpoint    func(t *testing.T, a *authority, spec *control.EndpointSpec)
	user        string // of the first person in the file; his address if empty
	root        string
	password    string // in the row
	// sentences of a wrong administrator, a wrong user and a missing right. An empty
	// one cannot be: the form has no administrator, or the server does not look.
	wrongAdmin, wrongUser, noRight string
}

func byAdmin(login string, more func(*control.EndpointSpec)) func(*testing.T, *authority, *control.EndpointSpec) {
	return func(_ *testing.T, _ *authority, spec *control.EndpointSpec) {
		spec.Login, spec.AdminUser, spec.AdminPassword = login, "root", rootPassword
		if more != nil {
			more(spec)
		}
	}
}

func byApp(_ *testing.T, a *authority, spec *control.EndpointSpec) {
	spec.Type, spec.Tenant, spec.ClientID, spec.ClientSecret, spec.Authority = "office365", tenantID, clientID, "s3cret-of-the-app", a.URL
}

func systems() []system {
	const adminWrong, noMailbox, unclear = "Check the administrator's name root and his password", "is let in, but not to", "does not say which"
	exchange := func(spec *control.EndpointSpec) { spec.Domain = "corp" }
	own := func(*testing.T, *authority, *control.EndpointSpec) {}
	return []system{
		{"plain", imapfake.Generic(), own, "", "", "old-" + person(0), "", "Check the user name", ""},
		{"Exchange", imapfake.Exchange(), byAdmin("exchange", exchange), "user0", "", "", adminWrong, "Add-MailboxPermission", "Add-MailboxPermission"},
		{"Exchange, packed in the row", imapfake.Exchange(), own, "corp/root/user0", "", rootPassword, "Check the user name", "", ""},
		{"Dovecot", imapfake.Dovecot(), byAdmin("master", nil), "", "", "", unclear, "passdb with master = yes", "passdb with master = yes"},
		{"Dovecot, authorisation identity", imapfake.Dovecot(), byAdmin("authzid", nil), "", "", "", adminWrong, "a master user", "a master user"},
		{"UW", imapfake.UWIMAP(), byAdmin("master", nil), "", "", "", unclear, unclear, unclear},
		{"Mirapoint", imapfake.Mirapoint(), byAdmin("mirapoint", nil), "", "", "", adminWrong, "no such user", "permission denied"},
		{"Courier and UserRoot", imapfake.Courier(), byAdmin("userroot", func(spec *control.EndpointSpec) { spec.UserRoot = "#shared/{user}" }), "", "", "", adminWrong, "UserRoot", "UserRoot"},
		{"Courier and the column UserRoot", imapfake.Courier(), byAdmin("userroot", nil), "", "#shared/" + person(0), "", adminWrong, "", "UserRoot"},
		{"Oracle and UserRoot", imapfake.OracleMessaging(), byAdmin("userroot", func(spec *control.EndpointSpec) { spec.UserRoot = "user/{user}" }), "", "", "", adminWrong, "UserRoot", "UserRoot"},
		{"Oracle by PROXYAUTH", imapfake.OracleMessaging(), byAdmin("proxyauth", nil), "", "", "", adminWrong, noMailbox, noMailbox},
		{"Cyrus", imapfake.Cyrus(), byAdmin("authzid", nil), "", "", "", adminWrong, "no folder", "name him in admins"},
		{"Zimbra", imapfake.Zimbra(), byAdmin("authzid", nil), "", "", "", adminWrong, "an administrator who may view mail", "an administrator who may view mail"},
		{"Kerio", imapfake.Kerio(), func(_ *testing.T, _ *authority, spec *control.EndpointSpec) {
			spec.Login, spec.AdminPassword = "kerio", rootPassword
		}, "", "", "", "master password", noMailbox, noMailbox},
		{"Gmail by a service account", imapfake.Gmail(), func(t *testing.T, a *authority, spec *control.EndpointSpec) {
			spec.Type, spec.ServiceAccount = "gmail", control.Password(a.serviceAccount(t))
		}, "", "", "", "", "domain-wide delegation", ""},
		{"Gmail by app password", imapfake.Gmail(), func(_ *testing.T, _ *authority, spec *control.EndpointSpec) { spec.Type = "gmail" }, "", "", "old-" + person(0), "", "app password", ""},
		{"Office 365 as the source", imapfake.ExchangeOnline(), byApp, "", "", "", "", "Get-CASMailbox", "Add-MailboxPermission"},
	}
}

func TestEverySystemAndSignInFormCopies(t *testing.T) {
	for _, sys := range systems() {
		t.Run(sys.name, func(t *testing.T) {
			t.Parallel()
			a := newAuthority(t)
			s := sys.serve(t, a, nil)
			_, err := s.service.CreateBatch(s.Context(), boss, control.BatchSpec{Name: "pilot", Source: "old", Target: "new"}, strings.NewReader(sys.file()))
			s.must(err)
			s.do(s.service.StartBatch, "pilot")
			s.awaitState("pilot", migration.BatchSynced)
			for _, d := range imapfake.Compare(s.old.User(person(0)), s.new.User(person(0)), imapfake.CompareOptions{IgnoreFolders: true, Rename: sys.renamed}) {
				if d.Folder == "[Gmail]/All Mail" {
					continue // what it has is in the others too
				}
				t.Errorf("%v", d)
			}
			if n := s.moved("pilot"); n != 20 {
				t.Errorf("copied %d messages, want 20", n)
			}
		})
	}
}

// serve has the system as the source of one person, and a plain server as the target.
func (sys system) serve(t *testing.T, a *authority, mayOpen func(admin, user string) bool) *serving {
	o := imapfake.Options{Personality: sys.personality, Masters: map[string]string{"root": rootPassword}, MayOpen: mayOpen}
	if sys.personality.Name == imapfake.ExchangeOnline().Name || strings.Contains(sys.name, "service account") {
		o.Tokens = a.tokens
	}
	s := newServing(t, t.TempDir()+"/mailhaul.db", servingOptions{tls: true, mailboxes: 1, old: o, doorman: a.doorman(), tokenHosts: []string{"127.0.0.1"},
		endpoint: func(spec *control.EndpointSpec) {
			if spec.Name == "old" {
				sys.endpoint(t, a, spec)
			}
		}})
	sys.letters(s)
	return s
}

// letters puts letters into folders as the server names them.
func (sys system) letters(s *serving) {
	names := sys.personality.Names
	for i := range 20 {
		folder := []string{"INBOX", "INBOX", names.Prefix + "Sent", names.Prefix + "Work" + names.Delimiter + "Old"}[i%4]
		s.deliverTo(s.old.User(person(0)), folder, 0, i)
	}
}

// renamed is the name of a folder at the target, which is a plain server.
func (sys system) renamed(name string) string {
	names := sys.personality.Names
	return strings.ReplaceAll(strings.TrimPrefix(name, names.Prefix), names.Delimiter, "/")
}

func (sys system) file() string {
	return "EmailAddress,UserName,Password,UserRoot,TargetPassword\n" + fmt.Sprintf("%s,%s,%s,%s,new-%s\n", person(0), cmp.Or(sys.user, person(0)), sys.password, sys.root, person(0))
}

func TestEveryRefusedSignInSaysWhoAndWhatToDo(t *testing.T) {
	for _, sys := range systems() {
		t.Run(sys.name, func(t *testing.T) {
			t.Parallel()
			a := newAuthority(t)
			s := sys.serve(t, a, func(_, user string) bool { return !strings.HasPrefix(user, "user0") })
			sys.refuses(t, s, a, "wrong administrator", sys.wrongAdmin, func(account *control.Account) { account.Password = control.Password("wrong").Text() })
			sys.refuses(t, s, a, "wrong user", sys.wrongUser, func(account *control.Account) {
				account.User = strings.ReplaceAll(account.User, "user0", "nobody")
				account.Root = strings.ReplaceAll(account.Root, "user0", "nobody")
			})
			s.old.User(person(0)).SetStanding(standingOf(sys))
			sys.refuses(t, s, a, "missing right", sys.noRight, func(*control.Account) {})
		})
	}
}

// standingOf is how Exchange Online shows a missing right.
func standingOf(sys system) imapfake.Standing {
	if sys.personality.Name == imapfake.ExchangeOnline().Name {
		return imapfake.NoAccess
	}
	return imapfake.Ready
}

// refuses wants the preflight of an account to fail with a sentence.
func (sys system) refuses(t *testing.T, s *serving, a *authority, what, want string, change func(*control.Account)) {
	t.Helper()
	if want == "" {
		return
	}
	var e migration.EndpointRecord
	s.must(s.store.View(s.Context(), "looking", func(tx *store.Tx) (err error) {
		e, err = tx.Endpoint("old")
		return err
	}))
	account := control.Account{Endpoint: e.Endpoint, Login: e.Login, User: cmp.Or(sys.user, person(0)), Password: control.Password(sys.password).Text()}
	account.Root = e.Login.RootOf(account.User, sys.root)
	if e.Login.Form.HasAdmin() {
		m := migration.MailboxRecord{SourceUser: account.User}
		opened, err := control.OpenAccount(s.keys, e, migration.BatchRecord{}, m, control.SourceSide)
		s.must(err)
		account.Password = opened.Password
	}
	change(&account)
	v := visitor{dial: control.DialPolicy{AllowLoopback: true}.Dial, log: slog.New(slog.DiscardHandler), doorman: a.doorman()}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := v.Folders(ctx, account, nil, nil)
	if err == nil {
		t.Errorf("%s: it is let in", what)
		return
	}
	fault := migration.FaultOf(err)
	if fault == nil || !strings.Contains(err.Error()+" "+fault.Remedy, want) {
		t.Errorf("%s: want %q in: %v\n\tremedy: %s", what, want, err, fault.Remedy)
	}
	for _, secret := range []string{rootPassword, "s3cret-of-the-app", "PRIVATE KEY"} {
		if strings.Contains(fmt.Sprintf("%v %+v", err, fault), secret) {
			t.Errorf("%s tells a secret: %v", what, err)
		}
	}
}
