package token

import (
	"crypto/rsa"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
)

// GoogleScope is what access to all mail by IMAP is asked for with.
const GoogleScope = "https://mail.google.com/"

// Google is a service account that may act for the users of a Google Workspace
// (domain-wide delegation).
type Google struct {
	// Key is the JSON key file of the service account.
	Key secret.Text
	// Authority, when it is given, replaces the token_uri of the key.
	Authority string
}

// ServiceAccount is what a key file says of its account. Nothing of it is secret.
type ServiceAccount struct {
	// Email is the account's own address.
	Email string
	// ClientID is the number that domain-wide delegation is granted to.
	ClientID string
	// KeyID names the key, and Project where the account is.
	KeyID, Project string

	authority string
	key       *rsa.PrivateKey
}

// ReadServiceAccount reads a JSON key file. Errors never hold a part of it.
func ReadServiceAccount(text secret.Text) (*ServiceAccount, error) {
	var fields struct {
		Type       string `json:"type"`
		Email      string `json:"client_email"`
		ClientID   string `json:"client_id"`
		KeyID      string `json:"private_key_id"`
		Project    string `json:"project_id"`
		PrivateKey string `json:"private_key"`
		Authority  string `json:"token_uri"`
	}
	if err := json.Unmarshal([]byte(text.Reveal()), &fields); err != nil {
		return nil, errors.New("the service account's key is not the JSON file that Google gives: in the Cloud console, IAM & Admin, Service accounts, Keys, make a new key of type JSON")
	}
	switch {
	case fields.Type != "service_account":
		return nil, errors.New("the JSON file is not the key of a service account: its type must be service_account; an OAuth client or a user's credential does not do")
	case fields.Email == "" || fields.PrivateKey == "":
		return nil, errors.New("the service account's key lacks client_email or private_key: make a new key of type JSON")
	}
	block, _ := pem.Decode([]byte(fields.PrivateKey))
	if block == nil {
		return nil, errors.New("the service account's private_key is not PEM: make a new key of type JSON")
	}
	key, err := readKey(block)
	if err != nil {
		return nil, fmt.Errorf("the service account's key: %w", err)
	}
	if fields.Authority == "" {
		fields.Authority = "https://oauth2.googleapis.com/token"
	}
	return &ServiceAccount{Email: fields.Email, ClientID: fields.ClientID, KeyID: fields.KeyID, Project: fields.Project, authority: fields.Authority, key: key}, nil
}

// account reads and judges the settings.
func (g Google) account(hosts []string) (*ServiceAccount, error) {
	account, err := ReadServiceAccount(g.Key)
	if err != nil {
		return nil, err
	}
	if g.Authority != "" {
		account.authority = g.Authority
	}
	// The file comes from outside, and whom it names gets an assertion.
	return account, checkAuthority(account.authority, hosts)
}

// Check says what is wrong with the settings. hosts are further hosts that may be the
// authority, as in Options.
func (g Google) Check(hosts []string) error {
	_, err := g.account(hosts)
	return err
}

// NewGoogle makes the provider of a service account. It asks for nothing yet.
func NewGoogle(g Google, options Options) (*Provider, error) {
	account, err := g.account(options.Hosts)
	if err != nil {
		return nil, err
	}
	return newProvider(&googleGrant{account}, options), nil
}

// googleGrant is the JWT bearer grant (RFC 7523 section 2.1) at Google.
type googleGrant struct{ account *ServiceAccount }

func (g *googleGrant) address() string { return g.account.authority }

// holder is the mailbox: Google gives a token for each.
func (g *googleGrant) holder(user string) string { return strings.ToLower(strings.TrimSpace(user)) }

func (g *googleGrant) doing(holder string) string {
	return "asking " + hostOf(g.account.authority) + " for a token of " + g.account.Email + " for " + holder
}

func (g *googleGrant) form(holder string, now time.Time) (url.Values, error) {
	if !strings.Contains(holder, "@") {
		return nil, errors.New("a service account opens the mailbox of an address, and the user is none")
	}
	// Ten seconds back, because clocks differ. An hour is the most Google takes.
	begin := now.Add(-10 * time.Second)
	assertion, err := sign(g.account.key, header{Algorithm: algorithmRS256, KeyID: g.account.KeyID}, claims{
		Issuer: g.account.Email, Subject: holder, Audience: g.account.authority, Scope: GoogleScope,
		IssuedAt: begin.Unix(), Expires: begin.Add(time.Hour).Unix(),
	})
	if err != nil {
		return nil, err
	}
	return url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}}, nil
}

func (g *googleGrant) lacking(secret.Text) bool { return false }

// googleRefusal is what an answer means to an administrator. In the texts {account},
// {client}, {key} and {clock} stand for those of the endpoint.
type googleRefusal struct {
	codes         []string
	says          string // what the description must hold, in lower case
	cause, remedy string
}

const (
	remedyDelegation = "In admin.google.com, Security, Access and data control, API controls, Domain-wide delegation, add the client ID {client} with the scope " + GoogleScope + "; it can take up to a day until it holds for everybody."
	remedyGoogleKey  = "In the Cloud console, IAM & Admin, Service accounts, {account}, Keys, see whether key {key} is there and active; otherwise make a new one of type JSON, and give it to the endpoint."
)

// googleRefusals are looked at in order.
func googleRefusals() []googleRefusal {
	return []googleRefusal{
		{[]string{"unauthorized_client", "access_denied"}, "", "domain-wide delegation is missing for this service account and scope", remedyDelegation},
		{[]string{"admin_policy_enforced", "org_internal"}, "", "a policy of the organisation forbids this service account the access to mail", "In admin.google.com, Security, Access and data control, API controls, trust the client ID {client}."},
		{[]string{"invalid_grant"}, "signature", "the service account's key is not valid any more", remedyGoogleKey},
		{[]string{"disabled_client", "deleted_client", "invalid_client"}, "", "the service account or its key is disabled or deleted", remedyGoogleKey},
		{[]string{"invalid_grant"}, "timeframe", "{clock}", remedyClock},
		{[]string{"invalid_grant"}, "account not found", "there is no service account {account} any more", "Make a new service account and key, grant it domain-wide delegation, and give the key to the endpoint."},
		{[]string{"invalid_scope"}, "", "the scope " + GoogleScope + " is refused", remedyDelegation},
	}
}

// googleUsers are the descriptions by which Google refuses one mailbox alone.
var googleUsers = []string{"invalid email", "not a valid email", "user id", "account has been deleted", "account disabled", "suspended", "impersonation"}

// meaning explains what Google says.
func (g *googleGrant) meaning(r refusal) meaning {
	fill := strings.NewReplacer("{account}", g.account.Email, "{client}", g.account.ClientID, "{key}", g.account.KeyID, "{clock}", r.clock())
	lower := strings.ToLower(r.description)
	for _, known := range googleRefusals() {
		for _, code := range known.codes {
			if code == r.code && strings.Contains(lower, known.says) {
				return meaning{migration.Login, migration.CodeLogin, fill.Replace(known.cause), fill.Replace(known.remedy)}
			}
		}
	}
	for _, text := range googleUsers {
		if strings.Contains(lower, text) {
			return meaning{migration.OneMailbox, migration.CodeNotConnected, "Google has no mailbox of this address, or it is suspended",
				"Check the address in admin.google.com, Directory, Users; it must be the user's primary address, not a group's."}
		}
	}
	if r.code == "temporarily_unavailable" || r.code == "internal_failure" || r.code == "server_error" {
		return meaning{migration.Later, migration.CodeServerBusy, "the authority has a trouble of its own", remedyBusy}
	}
	return meaning{migration.Login, migration.CodeLogin, "Google refuses the service account (" + r.code + ")", fill.Replace(remedyGoogleKey)}
}
