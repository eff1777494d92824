package token

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
)

// refusedBy is the fault of a request that is answered so.
func refusedBy(t *testing.T, with func(*testing.T, *authority) *Provider, status int, code, description string) *migration.Fault {
	t.Helper()
	a := newAuthority()
	a.instead = func(w http.ResponseWriter, _ *http.Request, _ int) bool {
		refuse(w, status, code, description)
		return true
	}
	p := with(t, a)
	_, fault := p.asker.once(t.Context(), p.grant.holder("u@contoso.example"))
	if fault == nil {
		t.Fatal("no fault")
	}
	return fault
}

func TestWhatEntraIDSaysIsExplained(t *testing.T) {
	for _, test := range []struct {
		code, description string
		cause, remedy     string
	}{
		{"invalid_client", "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value.", "the client secret is wrong (AADSTS7000215)", "not its ID"},
		{"invalid_client", "AADSTS7000222: The provided client secret keys are expired.", "the client secret has expired", "make a new client secret"},
		{"unauthorized_client", "AADSTS700016: Application with identifier 'x' was not found in the directory 'Contoso'.", "the tenant does not know the app", "client ID"},
		{"invalid_request", "AADSTS90002: Tenant 'contoso.example' not found.", "no such tenant in this cloud", "its cloud (worldwide)"},
		{"invalid_request", "AADSTS900023: Specified tenant identifier is neither a valid DNS name nor a valid external domain.", "no such tenant", "directory (tenant) ID"},
		{"invalid_client", "AADSTS700027: Client assertion failed signature validation. [Reason - The key was not found., Thumbprint of key used by client: 'AB']", "not registered with the app", "upload the certificate with thumbprint "},
		{"invalid_client", "AADSTS700027: Client assertion contains an invalid signature. [Reason - The key used is expired.]", "the certificate has expired", "Make a new certificate"},
		{"invalid_client", "AADSTS700024: Client assertion is not within its valid time range.", "clock", "NTP"},
		{"invalid_grant", "AADSTS50034: The user account does not exist in the directory.", "does not know this account", "tenant"},
		{"invalid_grant", "AADSTS65001: The user or administrator has not consented to use the application.", "admin consent", "IMAP.AccessAsApp"},
		{"invalid_resource", "AADSTS500011: The resource principal named https://outlook.office365.us was not found in the tenant.", "scope", "https://outlook.office365.com/.default"},
		{"invalid_scope", "AADSTS1002012: The provided value for scope is not valid.", "scope", "for worldwide normally https://outlook.office365.com/.default"},
		{"unauthorized_client", "AADSTS7000112: Application is disabled.", "disabled in the tenant", "Enterprise applications"},
		{"invalid_client", "AADSTS7000229: The client application is missing service principal in the tenant.", "no enterprise application", "az ad sp create --id " + testApp},
		{"invalid_request", "AADSTS900432: Confidential Client is not supported in Cross Cloud request.", "another cloud", "cloud"},
		{"access_denied", "AADSTS53003: Access has been blocked by Conditional Access policies.", "Conditional Access", "workload identities"},
		{"invalid_client", "AADSTS7999999: Something new.", "the authority refuses the app (AADSTS7999999)", "https://login.microsoftonline.com/error?code=7999999"},
		{"invalid_client", "", "the app's credential is wrong", "client secret"},
		{"invalid_scope", "", "the scope https://outlook.office365.com/.default is not one", "scope"},
		{"unauthorized_client", "", "does not know the app", "client ID"},
		{"something_else", "", "the authority refuses the app", "sign-in log"},
	} {
		t.Run(test.code+" "+test.description, func(t *testing.T) {
			fault := refusedBy(t, withCertificate, 401, test.code, test.description)
			if fault.Class != migration.Login || fault.Code != migration.CodeLogin || !strings.Contains(fault.Err.Error(), test.cause) || !strings.Contains(fault.Remedy, test.remedy) {
				t.Errorf("got %v\n%s", fault, fault.Remedy)
			}
			if want := "asking login.microsoftonline.com for a token of app " + testApp + " in tenant " + testTenant; fault.Doing != want {
				t.Errorf("doing %q", fault.Doing)
			}
			if strings.Contains(fault.Text, "Trace ID") || strings.Contains(fault.Text, "Timestamp") {
				t.Errorf("the text differs each time: %q", fault.Text)
			}
		})
	}
}

func TestNumbersAreTakenFromTheirFieldToo(t *testing.T) {
	a := newAuthority()
	a.instead = func(w http.ResponseWriter, _ *http.Request, _ int) bool {
		w.WriteHeader(401)
		_, _ = fmt.Fprint(w, `{"error":"invalid_client","error_description":"Ung\u00fcltiger geheimer Clientschl\u00fcssel.","error_codes":[7000215]}`)
		return true
	}
	if fault := asked(t, settings(), Options{Transport: a}); fault == nil || !strings.Contains(fault.Error(), "the client secret is wrong") {
		t.Errorf("got %v", fault)
	}
}

func TestEveryKnownNumberIsExplainedOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, known := range entraRefusals() {
		for _, number := range known.numbers {
			if key := fmt.Sprint(number, known.says); seen[key] || entraPassing[number] != "" {
				t.Errorf("%d is there twice", number)
			} else {
				seen[key] = true
			}
			for _, with := range []func(*testing.T, *authority) *Provider{withSecret, withCertificate} {
				fault := refusedBy(t, with, 400, "invalid_client", fmt.Sprintf("AADSTS%d: %s", number, known.says))
				if fault.Class != migration.Login || fault.Remedy == "" || strings.ContainsAny(fault.Err.Error()+fault.Remedy, "{}") || !strings.HasSuffix(fault.Remedy, ".") {
					t.Errorf("%d: %v %s", number, fault, fault.Remedy)
				}
			}
		}
	}
	for number, code := range entraPassing {
		if fault := refusedBy(t, withSecret, 400, "invalid_grant", fmt.Sprintf("AADSTS%d: later", number)); fault.Class != migration.Later || fault.Code != code {
			t.Errorf("%d: %v", number, fault)
		}
	}
}

func TestWhatGoogleSaysIsExplained(t *testing.T) {
	for _, test := range []struct {
		code, description string
		class             migration.Class
		cause, remedy     string
	}{
		{"unauthorized_client", "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.", migration.Login, "delegation is missing", "the client ID 1234567890 with the scope https://mail.google.com/"},
		{"access_denied", "Requested client not authorized.", migration.Login, "delegation is missing", "Domain-wide delegation"},
		{"invalid_grant", "Invalid JWT Signature.", migration.Login, "key is not valid any more", "key key-1"},
		{"invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.", migration.Login, "clock", "NTP"},
		{"invalid_grant", "Invalid grant: account not found", migration.Login, "no service account mover@", "Make a new service account"},
		{"invalid_grant", "Invalid email or User ID", migration.OneMailbox, "no mailbox of this address", "primary address"},
		{"invalid_grant", "Not a valid email or user ID.", migration.OneMailbox, "no mailbox of this address", "primary address"},
		{"disabled_client", "The OAuth client was disabled.", migration.Login, "disabled or deleted", "Keys"},
		{"deleted_client", "", migration.Login, "disabled or deleted", "Keys"},
		{"admin_policy_enforced", "", migration.Login, "a policy of the organisation", "trust the client ID 1234567890"},
		{"invalid_scope", "Invalid OAuth scope or ID token audience provided.", migration.Login, "scope", "delegation"},
		{"internal_failure", "Backend Error", migration.Later, "a trouble of its own", "by itself"},
		{"unheard_of", "", migration.Login, "(unheard_of)", "Service accounts"},
	} {
		t.Run(test.code+" "+test.description, func(t *testing.T) {
			fault := refusedBy(t, withServiceAccount, 400, test.code, test.description)
			if fault.Class != test.class || !strings.Contains(fault.Err.Error(), test.cause) || !strings.Contains(fault.Remedy, test.remedy) || strings.ContainsAny(fault.Err.Error()+fault.Remedy, "{}") {
				t.Errorf("got %v\n%s", fault, fault.Remedy)
			}
			if !strings.Contains(fault.Doing, "for a token of mover@project.iam.gserviceaccount.com for u@contoso.example") {
				t.Errorf("doing %q", fault.Doing)
			}
		})
	}
}

// The authority judges by itself here, instead of being told what to answer.
func TestWrongSettingsAreFoundByTheAuthority(t *testing.T) {
	registered := certificateOf(t, strangerKey().Public(), strangerKey(), century)
	own := secret.New(pkcs8(t, rsaKey()) + pemOf("CERTIFICATE", certificateOf(t, rsaKey().Public(), rsaKey(), century).Raw))
	for name, test := range map[string]struct {
		change func(*Office365, *authority)
		says   string
	}{
		"secret": {func(o *Office365, _ *authority) { o.Secret = secret.New("an old one") }, "the client secret is wrong"},
		"tenant": {func(o *Office365, _ *authority) { o.Tenant = "fabrikam.example" }, "no such tenant"},
		"app":    {func(o *Office365, _ *authority) { o.ClientID = testObject }, "does not know the app"},
		"scope":  {func(o *Office365, _ *authority) { o.Cloud.Scope = "https://graph.microsoft.com/.default" }, "is not one of this tenant"},
		"certificate": {func(o *Office365, a *authority) {
			a.certificate, o.Certificate, o.Secret = registered, own, secret.Text{}
		}, "not registered with the app"},
	} {
		t.Run(name, func(t *testing.T) {
			a, o := newAuthority(), settings()
			test.change(&o, a)
			if fault := asked(t, o, Options{Transport: a}); fault == nil || fault.Class != migration.Login || !strings.Contains(fault.Error(), test.says) {
				t.Errorf("got %v", fault)
			}
		})
	}
	a := newAuthority()
	a.google, a.users = &strangerKey().PublicKey, []string{"u@example.org"}
	p, err := NewGoogle(Google{Key: keyFile(t, rsaKey(), nil)}, Options{Transport: a})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Token(t.Context(), "u@example.org"); err == nil || !strings.Contains(err.Error(), "key is not valid any more") {
		t.Errorf("another key: %v", err)
	}
}
