package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/graph"
	"github.com/mailhaul/mailhaul/internal/imap"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
	"github.com/mailhaul/mailhaul/internal/token"
)

// doorman signs in to accounts as their login method has it: it gets tokens where they
// are wanted, and tells who of several was refused.
type doorman struct {
	// authorities is how those that give tokens are reached.
	authorities token.Options

	mu        sync.Mutex
	providers map[string]*token.Provider
	// graphs ask Microsoft Graph, by credential.
	graphs map[string]*graph.Client
	// refusedAt is when an administrator was last not let in as himself, by server
	// and credential.
	refusedAt map[string]time.Time
}

// refusedFor is for how long it is believed that an administrator is not let in: he
// must not be locked out by being tried for each of thousands of mailboxes.
const refusedFor = 10 * time.Minute

// open dials the account and signs in. Without a user the administrator signs in as
// himself.
func (d *doorman) open(ctx context.Context, account control.Account, options imap.Options) (*imap.Session, error) {
	options.Endpoint, options.Root = account.Endpoint, account.Root
	if account.Login.Form.HasToken() {
		return d.byToken(ctx, account, options)
	}
	options.Credential = credentialOf(account)
	options.Explain = func(fault *migration.Fault) *migration.Fault { return explained(fault, account.Login) }
	session, err := imap.Dial(ctx, options)
	if err == nil || migration.ClassOf(err) != migration.Login || migration.CodeOf(err) != migration.CodeLogin || !account.Login.Form.NamesAdmin() {
		return session, err
	}
	if account.User == "" {
		fault := *migration.FaultOf(err)
		fault.Remedy = fmt.Sprintf("Check the administrator's name %s and his password.", migration.SafeText(account.Login.Admin))
		return nil, &fault
	}
	return nil, d.whoIsRefused(ctx, account, options, err)
}

// credentialOf is what the server hears of an account whose secret is a password.
func credentialOf(a control.Account) imap.Credential {
	in := a.Login.SignIn(a.User)
	if in.AuthorizeAs == "" && in.Mechanism == migration.MechanismPlain {
		in.Mechanism = "" // the administrator as himself, as the server offers
	}
	return imap.Credential{User: in.User, AuthorizeAs: in.AuthorizeAs, Mechanism: in.Mechanism, Password: a.Password}
}

// explained says how the right is given that is missing.
func explained(fault *migration.Fault, login migration.LoginMethod) *migration.Fault {
	missing := fault.Code == migration.CodeNoAccess || fault.Code == migration.CodeNotConnected && login.Form == migration.LoginExchange
	how := login.Form.RightRemedy()
	switch {
	case login.Form == migration.LoginKerio && fault.Code == migration.CodeLogin:
		fault.Remedy = "Check the master password. " + how
	case missing && how != "":
		fault.Remedy = "Check that the mailbox is there under this name, and that the administrator may open it. " + how
	}
	return fault
}

// whoIsRefused has the administrator sign in as himself, because most servers say the
// same whether his password or the user's name is wrong.
func (d *doorman) whoIsRefused(ctx context.Context, account control.Account, options imap.Options, refusal error) error {
	user := account.User
	if account.Login.Form == migration.LoginUserRoot {
		return refused(refusal, account)
	}
	if d.refusedLately(account) {
		return refused(refusal, account)
	}
	account.User = ""
	options.Credential = credentialOf(account)
	options.Steps = nil
	session, err := imap.Dial(ctx, options)
	switch {
	case err == nil:
		_ = session.Close()
		fault := *migration.FaultOf(refusal)
		fault.Code = migration.CodeNoAccess
		fault.Doing = fmt.Sprintf("signing in to %s: the administrator %s is let in, but not to the mailbox %s", account.Endpoint.Host, migration.SafeText(account.Login.Admin), migration.SafeText(user))
		return explained(&fault, account.Login)
	case migration.ClassOf(err) == migration.Login:
		d.noteRefused(account)
		return refused(refusal, account)
	default:
		return refusal
	}
}

// adminKey names an administrator's credential at a server.
func adminKey(account control.Account) string {
	sum := sha256.Sum256([]byte(account.Password.Reveal()))
	return fmt.Sprint(account.Endpoint.Address(), account.Login, hex.EncodeToString(sum[:]))
}

func (d *doorman) refusedLately(account control.Account) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	at, known := d.refusedAt[adminKey(account)]
	return known && time.Since(at) < refusedFor
}

func (d *doorman) noteRefused(account control.Account) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.refusedAt == nil {
		d.refusedAt = map[string]time.Time{}
	}
	d.refusedAt[adminKey(account)] = time.Now()
}

// refused says that it is the administrator who is not let in, or that it may be him.
func refused(refusal error, account control.Account) error {
	fault := *migration.FaultOf(refusal)
	fault.Remedy = fmt.Sprintf("Check the administrator's name %s and his password: the server lets him in neither to this mailbox nor as himself. ", migration.SafeText(account.Login.Admin))
	if account.Login.Form == migration.LoginMaster {
		fault.Remedy = fmt.Sprintf("Check the administrator's name %s and his password, and that the user is called so; this server does not say which of them is wrong. ", migration.SafeText(account.Login.Admin))
	}
	fault.Remedy += account.Login.Form.RightRemedy()
	return &fault
}

// byToken signs in with a bearer token, once more with a new one where the server does
// not take one that it took before.
func (d *doorman) byToken(ctx context.Context, account control.Account, options imap.Options) (*imap.Session, error) {
	provider, err := d.provider(account)
	if err != nil {
		return nil, err
	}
	for again := false; ; again = true {
		bearer, err := provider.Token(ctx, account.User)
		if err != nil {
			if options.Steps != nil {
				options.Steps(imap.StepLogin, account.User, err)
			}
			return nil, err
		}
		in := account.Login.SignIn(account.User)
		options.Credential = imap.Credential{User: in.User, Mechanism: in.Mechanism, Token: bearer}
		options.Explain = func(fault *migration.Fault) *migration.Fault { return explainedToken(fault, account, bearer) }
		session, err := imap.Dial(ctx, options)
		if err == nil || again || migration.ClassOf(err) != migration.Login || !provider.Refused(bearer) {
			return session, err
		}
	}
}

// explainedToken gives a refusal of Exchange Online, which says nothing, its cause.
func explainedToken(fault *migration.Fault, account control.Account, bearer secret.Text) *migration.Fault {
	if account.Login.Form != migration.LoginOffice365 {
		if fault.Class == migration.Login {
			fault.Remedy = "Check that this user is in the organisation and has Gmail with IMAP switched on, and that the service account's client ID has domain-wide delegation for the scope " + token.GoogleScope + "."
		}
		return fault
	}
	claims, _ := token.ReadClaims(bearer)
	err := control.TokenApp(account.Login.App, account.Password).ExplainSignIn(fault, claims, account.User)
	if found := migration.FaultOf(err); found != nil {
		return found
	}
	return fault
}

// provider gives the one provider of a credential.
func (d *doorman) provider(account control.Account) (*token.Provider, error) {
	key := adminKey(account)
	d.mu.Lock()
	defer d.mu.Unlock()
	if p := d.providers[key]; p != nil {
		return p, nil
	}
	var provider *token.Provider
	var err error
	if account.Login.Form == migration.LoginGoogle {
		provider, err = token.NewGoogle(token.Google{Key: account.Password}, d.authorities)
	} else {
		provider, err = token.NewOffice365(control.TokenApp(account.Login.App, account.Password), d.authorities)
	}
	if err != nil {
		return nil, &migration.Fault{Class: migration.Login, Code: migration.CodeToken, Doing: "getting a token for " + account.Endpoint.Host, Err: err,
			Remedy: "Correct the endpoint: " + strings.TrimSuffix(err.Error(), ".") + "."}
	}
	if d.providers == nil {
		d.providers = map[string]*token.Provider{}
	}
	d.providers[key] = provider
	return provider, nil
}

// token asks for a token without a mailbox, to see whether there is one. Its detail is
// for people.
func (d *doorman) token(ctx context.Context, account control.Account) (detail string, err error) {
	provider, err := d.provider(account)
	if err != nil {
		return "", err
	}
	if account.Login.Form == migration.LoginGoogle {
		known, err := token.ReadServiceAccount(account.Password)
		if err != nil {
			return "", err
		}
		return "the service account is " + known.Email + "; a token needs a mailbox", nil
	}
	bearer, err := provider.Token(ctx, "")
	if err != nil {
		return "", err
	}
	claims, err := token.ReadClaims(bearer)
	if err != nil {
		return "the token came; it does not say what it is for", nil //nolint:nilerr // it may be good all the same
	}
	if found := control.TokenApp(account.Login.App, account.Password).Explain(claims); len(found) > 0 {
		return "", &migration.Fault{Class: migration.Login, Code: migration.CodeToken, Doing: "looking at the token of app " + account.Login.App.Client,
			Text: found[0].Reason, Remedy: found[0].Remedy}
	}
	return "the token came, with the role IMAP.AccessAsApp; whether it opens mailboxes is known with a user", nil
}
