package token

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
)

const (
	// roleIMAP is the application permission that IMAP wants.
	roleIMAP = "IMAP.AccessAsApp"
	// PermissionGraph is the least application permission with which Microsoft Graph
	// tells of the folders of all mailboxes.
	PermissionGraph = "Mail.ReadBasic.All"
	// exchangeApp is the application ID of Office 365 Exchange Online, in every
	// tenant.
	exchangeApp = "00000002-0000-0ff1-ce00-000000000000"
)

// Claims are what an Office 365 token says of itself. They are read to explain, never
// to decide: the signature is not verified.
type Claims struct {
	// Audience is whom the token is for.
	Audience string
	// Tenant and App are IDs; AppName is how the app is called.
	Tenant, App, AppName string
	// Object is the object ID of the app's enterprise application in the tenant,
	// which New-ServicePrincipal wants.
	Object string
	// Roles are the application permissions with admin consent.
	Roles []string
	// Delegated is true of a token that a person signed in for.
	Delegated bool
	// Begins and Ends are zero where the token does not tell.
	Begins, Ends time.Time
}

func (c Claims) has(role string) bool { return slices.Contains(c.Roles, role) }

// ReadClaims decodes a token (RFC 7519). A token of Google is not such a one, and gives
// an error. Errors never hold a part of the token.
func ReadClaims(token secret.Text) (Claims, error) {
	parts := strings.Split(token.Reveal(), ".")
	if len(parts) != 3 {
		return Claims{}, errors.New("the token is opaque: nothing can be read from it")
	}
	body, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	var fields struct {
		Audience any      `json:"aud"`
		Tenant   string   `json:"tid"`
		App      string   `json:"appid"`
		Party    string   `json:"azp"`
		AppName  string   `json:"app_displayname"`
		Object   string   `json:"oid"`
		Roles    []string `json:"roles"`
		Scope    string   `json:"scp"`
		Begins   float64  `json:"nbf"`
		Ends     float64  `json:"exp"`
	}
	if err == nil {
		err = json.Unmarshal(body, &fields)
	}
	if err != nil {
		return Claims{}, errors.New("the token's claims cannot be read")
	}
	if fields.App == "" {
		fields.App = fields.Party // version 2 tokens
	}
	audience, _ := fields.Audience.(string)
	return Claims{
		Audience: migration.SafeText(audience), Tenant: migration.SafeText(fields.Tenant), App: migration.SafeText(fields.App),
		AppName: migration.SafeText(fields.AppName), Object: migration.SafeText(fields.Object), Roles: fields.Roles,
		Delegated: fields.Scope != "", Begins: moment(fields.Begins), Ends: moment(fields.Ends),
	}, nil
}

func moment(seconds float64) time.Time {
	const last = 1 << 38 // the year 10680
	if seconds <= 0 || seconds > last {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0).UTC()
}

// Explain says why a token cannot open a mailbox by IMAP, the weightiest first. It says
// nothing of a token that can.
func (o Office365) Explain(c Claims) []migration.Finding {
	o = o.withDefaults()
	var found []migration.Finding
	add := func(reason, remedy string) {
		found = append(found, migration.Finding{Code: migration.CodeLogin, Reason: reason, Remedy: remedy})
	}
	app, now := o.ClientID, time.Now()
	if c.App != "" && !strings.EqualFold(c.App, app) {
		add("The token is of app "+c.App+", not of "+app+".", "Compare the endpoint's client ID with the app registration in "+o.Cloud.Portal+".")
	}
	if guid.MatchString(o.Tenant) && c.Tenant != "" && !strings.EqualFold(c.Tenant, o.Tenant) {
		add("The token is of tenant "+c.Tenant+", not of "+o.Tenant+".", "Compare the endpoint's tenant with the directory (tenant) ID in "+o.Cloud.Portal+".")
	}
	if !o.forExchange(c.Audience) {
		add("The token is for "+c.Audience+", not for Exchange Online.", "Take the scope of the cloud: for "+o.Cloud.Name+" it is normally "+defaultScope(o.Cloud.Name)+".")
	}
	switch {
	case c.has(roleIMAP):
	case c.Delegated:
		add("The token was made for a person who signed in, not for the app.", "Use client credentials: a client secret or a certificate of the app.")
	default:
		add(missingRole(c), "Give the app that permission and grant admin consent. In "+o.Cloud.Portal+": App registrations, app "+app+
			", API permissions, Add a permission, APIs my organization uses, Office 365 Exchange Online, Application permissions, "+roleIMAP+
			", then Grant admin consent. New tokens have it after some minutes. With az instead: "+strings.Join(o.permissionCommands(), " && "))
	}
	if !c.Ends.IsZero() && now.After(c.Ends) {
		add(fmt.Sprintf("The token ended at %s, by this computer's clock.", c.Ends.Format(time.RFC3339)), "Set this computer's clock by NTP.")
	}
	return found
}

func missingRole(c Claims) string {
	if len(c.Roles) == 0 {
		return "The token has no role at all: the app has no application permission with admin consent; it needs " + roleIMAP + "."
	}
	return "The token has no role " + roleIMAP + ", only " + migration.SafeText(strings.Join(c.Roles, ", ")) + "."
}

// permissionCommands give the app the permission, with Azure's own tool.
func (o Office365) permissionCommands() []string {
	return []string{
		"az ad app permission add --id " + o.ClientID + " --api " + exchangeApp + " --api-permissions \"$(az ad sp show --id " + exchangeApp +
			" --query \"appRoles[?value=='" + roleIMAP + "'].id\" --output tsv)=Role\"",
		"az ad app permission admin-consent --id " + o.ClientID,
	}
}

// forExchange judges whom a token is for: Exchange Online by its number, or by the
// address that was asked for.
func (o Office365) forExchange(audience string) bool {
	asked := strings.TrimSuffix(o.Cloud.Scope, "/.default")
	return audience == "" || strings.EqualFold(audience, exchangeApp) || strings.EqualFold(strings.TrimSuffix(audience, "/"), strings.TrimSuffix(asked, "/"))
}

// usualScope is the scope of the cloud, for what the app's tokens are for.
func (o Office365) usualScope() string {
	if o.forGraph {
		return o.Cloud.Scope // it cannot be changed
	}
	return defaultScope(o.Cloud.Name)
}

func defaultScope(name string) string {
	cloud, err := CloudNamed(name)
	if err != nil {
		return Clouds()[0].Scope
	}
	return cloud.Scope
}
